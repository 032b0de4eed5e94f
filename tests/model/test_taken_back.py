"""A pause by mistake that is taken back: in the end everything is, and was told, as without it.

Two checks of the same settings hear the same signals; one of them is paused for a while by a change that fails.
"""

import asyncio
import json
from collections.abc import Iterator
from itertools import product

import pytest

from tests.conftest import RedisServer
from tests.model.machine import NEVER_FLAPS, Timing
from tests.model.side_by_side import Bench
from ttr.changes import changed_check, undo_entry
from ttr.domain.flapping import FlapRules
from ttr.domain.schedule import Schedule
from ttr.store import checks

SECOND = 1_000
MINUTE = 60_000
HOUR = 60 * MINUTE
MINUTELY = Schedule("interval", 60, None, "UTC")
TOLD_AT_ONCE = Timing(MINUTELY, MINUTE, 30_000, None, True, MINUTE)
TOLD_LATER = Timing(MINUTELY, MINUTE, 30_000, 3, True, MINUTE)
# Told at once; the third failure is.
JOURNALLED = {
    "new": (),
    "up": ("success",),
    "down": ("fail",),
    "down again": ("success", "fail", "fail", "fail", "success", "fail"),
    "down and told": ("fail", "fail", "fail"),
    "acknowledged": ("fail", "fail", "fail", "acknowledge"),
    "missed": ("silence",),
    "running": ("success", "start"),
}
BEFORE = (None, "success", "fail", "start", "acknowledge")
DURING = (None, "success", "fail", "start", "log")
LENGTHS = (0, 90 * SECOND)
AFTER = (("silence", "success"), ("fail", "fail", "fail", "success"), ("success", "fail", "silence"))


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop for the benches of a test."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


class Twins:
    """Two checks, of which the first is paused for a while."""

    def __init__(self, bench: Bench, timing: Timing, flap: FlapRules = NEVER_FLAPS) -> None:
        self.bench = bench
        bench.flap = flap
        bench.sweep()
        self.paused, self.spared = bench.create(timing), bench.create(timing)

    def hear(self, what: str | None) -> None:
        """Both get a signal a second later, or are left alone for longer than a minute."""
        if what == "silence":
            self.bench.watch_until(self.bench.now + 2 * MINUTE + 1, 0)
            return
        self.bench.watch_until(self.bench.now + SECOND, 0)
        for check in (self.paused, self.spared):
            if what == "acknowledge":
                if self.bench.model.checks[check].status == "down":
                    self.bench.acknowledge(check, None)
            elif what:
                self.bench.signal(check, what, reason="fail" if what == "fail" else "")

    def pause_by_mistake(self, before: str | None, during: tuple[str | None, ...], length: int) -> None:
        """The journal is written, `before` comes, then the pause with `during` in it, and it is taken back."""
        bench = self.bench
        check = bench.run(checks.get_check(bench.store, bench.user, str(self.paused)))
        entry = json.loads(json.dumps(changed_check(check)))
        self.hear(before)
        bench.pause(self.paused)
        for what in during:
            self.hear(what)
        bench.watch_until(bench.now + length, 0)
        bench.run(undo_entry(bench.store, bench.user, entry, now=bench.now))
        bench.model.checks[self.paused].take_back_pause(bench.now)
        bench.sweep()
        bench.compare()

    def told(self, check: int) -> list[tuple[str, str, str]]:
        """What was told of a check, reminders left out: their times move with that of the announcement."""
        alerts = self.bench.model.checks[check].alerts
        return [(alert.kind, alert.reason, alert.status) for alert in alerts if alert.kind != "reminder"]

    def assert_alike(self) -> None:
        """Same state, and the same was told; that Redis says what the model does is compared first."""
        self.bench.compare()
        one, other = (self.bench.model.checks[check] for check in (self.paused, self.spared))
        for name in ("status", "alerted", "failure_count", "acknowledged", "reason", "missed_due"):
            assert getattr(one, name) == getattr(other, name), name
        assert (one.due, one.deadline) == (other.due, other.deadline)
        assert self.told(self.paused) == self.told(self.spared)
        assert (one.remind_at is None) == (other.remind_at is None)


@pytest.mark.parametrize("timing", [TOLD_AT_ONCE, TOLD_LATER], ids=["at once", "at the third"])
@pytest.mark.parametrize("journalled", JOURNALLED)
def test_in_the_end_all_is_as_without_the_pause(
    redis_server: RedisServer, loop: asyncio.AbstractEventLoop, journalled: str, timing: Timing
) -> None:
    for number, (before, during) in enumerate(product(BEFORE, DURING)):
        for length in LENGTHS:
            if length > MINUTE and "start" in (before, during, *JOURNALLED[journalled]):
                continue  # found late, as by a clock that looks late: the next run then counts from there
            bench = Bench(loop, redis_server.url)
            try:
                twins = Twins(bench, timing)
                for what in JOURNALLED[journalled]:
                    twins.hear(what)
                twins.pause_by_mistake(before, (during,), length)
                twins.assert_alike()
                for what in AFTER[number % len(AFTER)]:
                    twins.hear(what)
                    twins.assert_alike()
            except AssertionError as error:
                raise AssertionError(
                    f"{journalled}, {before}, pause, {during}, {length} ms: {error}"
                ) from error
            finally:
                bench.close()


@pytest.fixture
def bench(redis_server: RedisServer, loop: asyncio.AbstractEventLoop) -> Iterator[Bench]:
    """An empty account at noon."""
    bench = Bench(loop, redis_server.url)
    yield bench
    bench.close()


@pytest.mark.parametrize(
    ("during", "told"),
    [
        (("fail", "success"), ["down", "up"]),
        (("success", "fail"), ["down", "up", "down"]),
        (("success", "fail", "fail"), ["down", "up", "down"]),
        (("fail", "success", "fail"), ["down", "up", "down"]),
        (("success", "success"), ["down", "up"]),
        (("fail", "fail"), ["down"]),
    ],
)
def test_of_many_signals_the_last_success_and_the_failures_after_it_count(
    bench: Bench, during: tuple[str, ...], told: list[str]
) -> None:
    twins = Twins(bench, TOLD_AT_ONCE)
    twins.hear("fail")
    twins.pause_by_mistake(None, during, 0)
    assert [kind for kind, *_ in twins.told(twins.paused)] == told
    twins.assert_alike()


def test_a_blip_in_the_pause_that_was_over_again_is_told_to_nobody(bench: Bench) -> None:
    twins = Twins(bench, TOLD_AT_ONCE)
    twins.hear("success")
    twins.pause_by_mistake(None, ("fail", "success"), 0)
    assert twins.told(twins.paused) == []
    assert bench.model.checks[twins.paused].status == "up"


def test_failures_in_the_pause_reach_the_threshold_together(bench: Bench) -> None:
    twins = Twins(bench, TOLD_LATER)
    twins.hear("success")
    twins.pause_by_mistake("fail", ("fail", "fail"), 0)
    assert [kind for kind, *_ in twins.told(twins.paused)] == ["down"]
    twins.assert_alike()


def test_a_run_that_is_over_its_runtime_in_the_pause_is_told_once(bench: Bench) -> None:
    for before, during in (("start", None), (None, "start")):
        twins = Twins(bench, Timing(Schedule("interval", 3_600, None, "UTC"), MINUTE, 30_000, None, True))
        twins.hear("success")
        twins.pause_by_mistake(before, (during,), MINUTE)
        assert twins.told(twins.paused) == [("down", "over_runtime", "")]
        twins.assert_alike()


def test_a_job_that_runs_through_the_pause_is_not_overdue(bench: Bench) -> None:
    for before, during in (("start", None), (None, "start")):
        twins = Twins(bench, Timing(MINUTELY, SECOND, 10 * MINUTE, None, True))
        twins.hear("success")
        twins.pause_by_mistake(before, (during,), 5 * MINUTE)
        assert twins.told(twins.paused) == []
        twins.assert_alike()


def test_a_time_when_we_were_blind_in_the_pause_makes_nothing_overdue(bench: Bench) -> None:
    twins = Twins(bench, TOLD_AT_ONCE)
    twins.hear("success")
    check = bench.run(checks.get_check(bench.store, bench.user, str(twins.paused)))
    bench.pause(twins.paused)
    bench.now += 5 * HOUR
    bench.sweep()
    bench.run(undo_entry(bench.store, bench.user, changed_check(check), now=bench.now))
    bench.model.checks[twins.paused].take_back_pause(bench.now)
    bench.sweep()
    assert twins.told(twins.paused) == []
    twins.assert_alike()
    twins.hear("silence")
    assert [kind for kind, *_ in twins.told(twins.paused)] == ["down"]
    twins.assert_alike()


@pytest.mark.parametrize("during", [None, "success", "fail"])
def test_what_flapped_goes_on_and_settles(bench: Bench, during: str | None) -> None:
    twins = Twins(bench, TOLD_AT_ONCE, FlapRules(2 * MINUTE, 3, 3 * MINUTE))
    for what in ("success", "fail", "success", "fail"):
        twins.hear(what)
    twins.pause_by_mistake(None, (during,), 10 * SECOND)
    assert twins.told(twins.paused)[-1][0] == "flapping"
    for _ in range(3):
        twins.hear("silence")
    assert "settled" in [kind for kind, *_ in twins.told(twins.paused)]
    twins.assert_alike()


def test_reminders_come_when_they_would_have_come(bench: Bench) -> None:
    twins = Twins(bench, TOLD_AT_ONCE)
    twins.hear("fail")
    twins.pause_by_mistake(None, (None,), 40 * SECOND)
    machines = [bench.model.checks[check] for check in (twins.paused, twins.spared)]
    assert machines[0].remind_at == machines[1].remind_at
    twins.hear("silence")
    assert [a.kind for a in machines[0].alerts] == [a.kind for a in machines[1].alerts]
    assert len(machines[0].alerts) == 3


def test_a_schedule_that_was_edited_alerts_by_its_first_run_only(bench: Bench) -> None:
    twins = Twins(bench, TOLD_AT_ONCE)
    hourly = Timing(Schedule("interval", 3_600, None, "UTC"), MINUTE, 30_000, None, True, MINUTE)
    check = bench.run(checks.get_check(bench.store, bench.user, str(twins.paused)))
    bench.edit(twins.paused, hourly, "hourly")
    bench.pause(twins.paused)
    bench.watch_until(bench.now + 3 * MINUTE, 0)
    bench.edit(twins.paused, TOLD_AT_ONCE, "first")
    bench.run(undo_entry(bench.store, bench.user, {**changed_check(check), "revision": 3}, now=bench.now))
    bench.model.checks[twins.paused].take_back_pause(bench.now)
    bench.compare()
    assert bench.model.checks[twins.paused].deadline == bench.now + 2 * MINUTE
