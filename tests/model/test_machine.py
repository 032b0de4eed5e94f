"""The scripts against the model: whatever jobs, owners, clocks and crashes do, both say the same."""

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import replace
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.conftest import RedisServer
from tests.model.machine import DAY_MS, Timing
from tests.model.side_by_side import START, Bench, flips_kept
from ttr.domain.flapping import FlapRules
from ttr.domain.schedule import Schedule, parse_schedule
from ttr.store import deadlines


def _calendar(kind: str, expression: str, tz: str = "UTC") -> Schedule:
    return parse_schedule(kind, interval_seconds=None, expression=expression, tz=tz, now=START)


SCHEDULES = (
    *(Schedule("interval", seconds, None, "UTC") for seconds in (1, 60, 3_600)),
    _calendar("cron", "*/5 * * * *"),
    _calendar("cron", "30 2 * * *", "Europe/Riga"),
    _calendar("oncalendar", "2026-03-01 *:00/20:00"),  # runs out at the end of the first day
)
TIMINGS = st.builds(
    Timing,
    schedule=st.sampled_from(SCHEDULES),
    grace_ms=st.sampled_from((1_000, 30_000, 600_000)),
    max_runtime_ms=st.sampled_from((None, 1_000, 20_000, 400_000)),
    threshold=st.sampled_from((3, 2, 3, 1, 0, None)),
    notify_on_up=st.booleans(),
    remind_ms=st.sampled_from((None, 60_000, 3_600_000, DAY_MS)),
)
FLAPS = st.builds(
    FlapRules,
    window_ms=st.sampled_from((10_000, 120_000)),
    threshold=st.sampled_from((0, 2, 3, 6)),
    suppression_ms=st.sampled_from((5_000, 180_000)),
)
RIDS = tuple(str(uuid.UUID(int=number)) for number in range(1, 15))
A_RID = st.sampled_from(("", "", *RIDS[:3]))
REASONS = st.sampled_from(("fail", "exit_status", "signal", "content"))
WHICH = st.integers(0, 2)
NEAR = st.sampled_from((-1, 0, 1))
LATENESS = st.sampled_from((0, 1, 400))
SOME_TIME = st.one_of(
    st.integers(1, 1_900),
    st.integers(2_000, 100_000),
    st.sampled_from((600_000, 3_600_000, DAY_MS)),
    st.integers(1, 5 * DAY_MS),
    st.sampled_from((60 * DAY_MS, 100 * DAY_MS, 170 * DAY_MS)),
)


class ScriptsAndModel(RuleBasedStateMachine):
    """One to three checks of an account under one clock."""

    url = ""
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(self.loop, self.url)

    def teardown(self) -> None:
        self.bench.close()

    def pick(self, which: int) -> int:
        numbers = list(self.bench.model.checks)
        return numbers[which % len(numbers)]

    @initialize(timing=TIMINGS, flap=FLAPS)
    def first(self, timing: Timing, flap: FlapRules) -> None:
        self.bench.flap = flap
        self.bench.create(timing)
        self.bench.sweep()

    @precondition(lambda self: len(self.bench.model.checks) < 3)
    @rule(timing=TIMINGS)
    def create(self, timing: Timing) -> None:
        self.bench.create(timing)

    @rule(which=WHICH, kind=st.sampled_from(("success", "start")), rid=A_RID)
    def signal(self, which: int, kind: str, rid: str) -> None:
        self.bench.signal(self.pick(which), kind, rid)

    @rule(which=WHICH, rid=A_RID, reason=REASONS)
    def fail(self, which: int, rid: str, reason: str) -> None:
        self.bench.signal(self.pick(which), "fail", rid, reason)

    @rule(which=WHICH, kind=st.sampled_from(("log", "ignored")), rid=A_RID)
    def say(self, which: int, kind: str, rid: str) -> None:
        self.bench.signal(self.pick(which), kind, rid)

    @rule(which=WHICH, kind=st.sampled_from(("success", "start", "fail")))
    def repeat(self, which: int, kind: str) -> None:
        self.bench.signal(self.pick(which), kind, reason="fail" if kind == "fail" else "", again=True)

    @rule(which=WHICH, count=st.integers(8, 14), step=st.integers(0, 300))
    def start_many(self, which: int, count: int, step: int) -> None:
        for rid in RIDS[:count]:
            self.bench.signal(self.pick(which), "start", rid)
            self.bench.now += step

    @rule(which=WHICH, count=st.integers(2, 7), step=st.sampled_from((0, 1_000, 4_999, 5_000, 40_000)))
    def change_again_and_again(self, which: int, count: int, step: int) -> None:
        check = self.pick(which)
        for _ in range(count):
            failing = self.bench.model.checks[check].status == "up"
            self.bench.signal(check, "fail" if failing else "success", reason="fail" if failing else "")
            self.bench.watch_until(self.bench.now + step, 0)

    @rule(which=WHICH, other=st.sampled_from((None, 0, 1)))
    def acknowledge(self, which: int, other: int | None) -> None:
        check = self.pick(which)
        since = None if other is None else self.bench.model.checks[check].down_since + other
        self.bench.acknowledge(check, since)

    @rule(which=WHICH, near=NEAR)
    def wait_for_reminder(self, which: int, near: int) -> None:
        machine = self.bench.model.checks[self.pick(which)]
        at = machine.remind_at or machine.flapping_until
        if at is not None and at + near >= self.bench.now:
            self.bench.watch_until(min(at - 1, at + near), 1)
            self.bench.now = at + near
            self.bench.sweep()

    @rule(which=WHICH)
    def pause(self, which: int) -> None:
        self.bench.pause(self.pick(which))

    @rule(
        which=WHICH,
        length=st.sampled_from((0, 1_000, 90_000)),
        kind=st.sampled_from(("success", "start", "fail")),
    )
    def signal_after_a_while(self, which: int, length: int, kind: str) -> None:
        self.bench.watch_until(self.bench.now + length, 1)
        self.bench.signal(self.pick(which), kind, reason="fail" if kind == "fail" else "")

    @rule(which=WHICH)
    def resume(self, which: int) -> None:
        self.bench.resume(self.pick(which))

    @rule(which=WHICH)
    def take_back_pause(self, which: int) -> None:
        self.bench.take_back_pause(self.pick(which))

    @rule(
        which=WHICH,
        length=st.sampled_from((0, 1_000, 90_000)),
        kinds=st.lists(st.sampled_from(("success", "start", "fail", "log")), max_size=4),
    )
    def pause_by_mistake(self, which: int, length: int, kinds: list[str]) -> None:
        check = self.pick(which)
        self.bench.pause(check)
        for kind in kinds:
            self.bench.now += 1_000
            self.bench.signal(check, kind, reason="fail" if kind == "fail" else "")
        self.bench.watch_until(self.bench.now + length, 0)
        self.bench.take_back_pause(check)

    @rule(
        which=WHICH,
        timing=TIMINGS,
        part=st.sampled_from(("all", "grace", "runtime", "told", "reminders", "name")),
    )
    def edit(self, which: int, timing: Timing, part: str) -> None:
        check = self.pick(which)
        old = self.bench.model.checks[check].timing
        new = {
            "all": timing,
            "grace": replace(old, grace_ms=timing.grace_ms),
            "runtime": replace(old, max_runtime_ms=timing.max_runtime_ms),
            "told": replace(old, threshold=timing.threshold, notify_on_up=timing.notify_on_up),
            "reminders": replace(old, remind_ms=timing.remind_ms),
            "name": old,
        }[part]
        self.bench.edit(check, new, f"another {part}")

    @rule(which=WHICH, near=NEAR, lateness=LATENESS, sweep=st.booleans())
    def wait_for_deadline(self, which: int, near: int, lateness: int, sweep: bool) -> None:
        deadline = self.bench.model.checks[self.pick(which)].deadline
        if deadline is not None and deadline + near >= self.bench.now:
            self.bench.watch_until(min(deadline - 1, deadline + near), lateness)
            self.bench.now = deadline + near
        if sweep:
            self.bench.sweep()

    @rule(which=WHICH, near=NEAR, lateness=LATENESS)
    def wait_for_due(self, which: int, near: int, lateness: int) -> None:
        due = self.bench.model.checks[self.pick(which)].due
        if due is not None and due + near >= self.bench.now:
            self.bench.watch_until(due + near, lateness)

    @rule(length=SOME_TIME, lateness=LATENESS)
    def time_passes(self, length: int, lateness: int) -> None:
        self.bench.watch_until(self.bench.now + length, lateness)

    @rule(length=st.integers(1, 1_900))
    def nobody_looks_for_a_moment(self, length: int) -> None:
        self.bench.now += length

    @rule()
    def sweep(self) -> None:
        self.bench.sweep()

    @rule()
    def clock_dies_before_arming(self) -> None:
        self.bench.sweep(crash=True)

    @rule(which=WHICH, lateness=LATENESS)
    def clock_dies_at_the_deadline(self, which: int, lateness: int) -> None:
        deadline = self.bench.model.checks[self.pick(which)].deadline
        if deadline is not None and deadline >= self.bench.now:
            self.bench.watch_until(deadline - 1, lateness)
            self.bench.now = deadline
            self.bench.sweep(crash=True)

    @precondition(lambda self: self.bench.late_arms)
    @rule()
    def clock_goes_on_late(self) -> None:
        self.bench.arm_late()

    @rule(length=SOME_TIME, near=NEAR)
    def clock_is_away(self, length: int, near: int) -> None:
        self.bench.now += length + near
        self.bench.sweep()

    @rule(length=SOME_TIME, looks=st.integers(1, 3))
    def web_is_away(self, length: int, looks: int) -> None:
        last = self.bench.now
        for _ in range(looks):
            self.bench.now += length
            self.bench.sweep(pings_accepted=last)
        self.bench.sweep()

    @invariant()
    def both_say_the_same(self) -> None:
        self.bench.compare()


@pytest.fixture
def machine(redis_server: RedisServer) -> Iterator[type[ScriptsAndModel]]:
    """The machine on this session's Redis, with batches of two so that sweeps come in pieces, and 20 flips kept so that
    there are days."""
    loop = asyncio.new_event_loop()
    attributes = {"url": redis_server.url, "loop": loop}
    with mock.patch.object(deadlines, "_BATCH", 2), flips_kept(20):
        yield type("OnThisRedis", (ScriptsAndModel,), attributes)
    loop.close()


ALWAYS = settings(
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
# Shrinking takes minutes, longer than a test may; the soak run does it.
BOUNDED = settings(
    ALWAYS, max_examples=200, stateful_step_count=30, derandomize=True, phases=[Phase.generate]
)
SOAK = settings(ALWAYS, max_examples=5_000, stateful_step_count=60)


def test_the_scripts_and_the_model_say_the_same(machine: type[ScriptsAndModel]) -> None:
    run_state_machine_as_test(machine, settings=BOUNDED)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_the_scripts_and_the_model_say_the_same_for_long(machine: type[ScriptsAndModel]) -> None:
    run_state_machine_as_test(machine, settings=SOAK)
