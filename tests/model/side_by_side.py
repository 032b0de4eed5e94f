"""The real scripts and the model side by side: one account, one clock, and a `now` that the test moves."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from typing import Any, TypeVar, cast
from unittest import mock

from cryptography.fernet import Fernet

from tests.lua.indexes import assert_indexed
from tests.model import machine as machine_module
from tests.model.machine import Alert, Machine, Partition, Timing
from ttr.domain.alert import Event
from ttr.domain.allowance import Allowance
from ttr.domain.check import CheckSettings
from ttr.domain.flapping import FlapRules
from ttr.domain.schedule import next_due
from ttr.store import checks, deadlines, keys, scripts
from ttr.store.deadlines import Swept, Unarmed
from ttr.store.outbox import Entry, read_outbox
from ttr.store.ping_log import PingEntry
from ttr.store.pings import Kept, Plan, Recorded, Target, record_ping
from ttr.store.redis import open_store
from ttr.store.scripts import assemble
from ttr.store.users import create_user

START = 1_772_366_400_000  # 2026-03-01 12:00 UTC
MASTER = Fernet.generate_key().decode()
FLAPS = FlapRules(window_ms=120_000, threshold=6, suppression_ms=180_000)

T = TypeVar("T")


def settings_of(timing: Timing, name: str) -> CheckSettings:
    """The settings of a check with this timing."""
    return CheckSettings(
        name=name,
        slug=None,
        tags=(),
        description="",
        schedule=timing.schedule,
        grace_seconds=timing.grace_ms // 1000,
        max_runtime_seconds=None if timing.max_runtime_ms is None else timing.max_runtime_ms // 1000,
        notify_after_failures=timing.threshold,
        notify_on_up=timing.notify_on_up,
        remind_every_minutes=None if timing.remind_ms is None else timing.remind_ms // 60_000,
        rule=None,
        post_only=False,
        channels=None,
    )


@contextmanager
def flips_kept(count: int) -> Iterator[None]:
    """Scripts and model keep so many changes instead of 200: only what leaves them goes to the days."""

    def shortened(name: str) -> str:
        source = assemble(name)
        return source.replace("local FLIPS_KEPT = 200\n", f"local FLIPS_KEPT = {count}\n")

    assert shortened("ping") != assemble("ping")
    with (
        mock.patch.object(scripts, "assemble", shortened),
        mock.patch.object(machine_module, "FLIPS_KEPT", count),
    ):
        yield


class Bench:
    """Every step is done twice, in Redis and in the model, and then both are compared."""

    def __init__(self, loop: asyncio.AbstractEventLoop, url: str) -> None:
        self.loop = loop
        self.stack = AsyncExitStack()
        self.store = self.run(self.stack.enter_async_context(open_store(url, connections=4)))
        self.run(self.store.redis.flushall())
        self.user, _ = self.run(create_user(self.store, now=START, master=MASTER))
        self.now = START
        self.flap = FLAPS
        """What counts as flapping from here on: for pings and looks, and for checks made from now."""
        self.model = Partition()
        self.late_arms: list[tuple[Unarmed, int, int]] = []
        self.revisions: dict[int, int] = {}
        self.requests = 0
        self.before: dict[int, tuple[str, int, int]] = {}
        self.flips: dict[int, list[list[str]]] = {}
        """All changes there have been, oldest first, put together from what Redis kept at each comparison."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await on the test's own loop."""
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        """Close the connections."""
        self.run(self.stack.aclose())

    # Steps.

    def create(self, timing: Timing) -> int:
        """A new check; returns its number."""
        settings = settings_of(timing, "first")
        check = self.run(checks.create_check(self.store, self.user, settings, now=self.now, most=100))
        self.model.checks[check.id] = Machine(timing, self.now, self.flap, self.model)
        self.revisions[check.id] = 1
        return check.id

    def signal(self, check: int, kind: str, rid: str = "", reason: str = "", *, again: bool = False) -> None:
        """A signal; `again` sends it under the request id of the check's last one."""
        machine = self.model.checks[check]
        self.requests += 1
        request = machine.last_request if again and machine.last_request else f"request {self.requests}"
        answer = self.run(self._ping(check, kind, rid, reason, request))
        machine.ended_run = None
        alerts = machine.signal(kind, self.now, rid=rid, reason=reason, request=request)
        assert answer == Recorded(check, machine.ping_count, alerts, machine.ended_run)

    async def _ping(
        self, check: int, kind: str, rid: str, reason: str, request: str
    ) -> Recorded | Plan | Allowance | None:
        target = Target(self.user.id, self.user.user_slug, check, "")
        entry = PingEntry(at=self.now, kind=kind, method="GET", rid=rid, reason=reason)
        kept = Kept(5, 1_000, 10_000)

        async def once(target: Target, due: int | None) -> Recorded | Plan | Allowance | None:
            return await record_ping(
                self.store, target, entry, request_id=request, due=due, body=b"", kept=kept, flap=self.flap
            )

        answer = await once(target, None)
        if isinstance(answer, Plan):
            answer = await once(replace(target, plan=answer), next_due(answer.schedule, self.now))
        return answer

    def pause(self, check: int) -> None:
        """Pause, or do nothing."""
        self.run(checks.pause_check(self.store, self.user, str(check), now=self.now))
        self.model.checks[check].pause(self.now)

    def resume(self, check: int) -> None:
        """Resume, or do nothing."""
        self.run(checks.resume_check(self.store, self.user, str(check), now=self.now))
        self.model.checks[check].resume(self.now)

    def take_back_pause(self, check: int) -> None:
        """Take a pause back, or do nothing."""
        self.run(checks.undo_pause(self.store, self.user, str(check), now=self.now))
        self.model.checks[check].take_back_pause(self.now)

    def acknowledge(self, check: int, down_since: int | None) -> None:
        """Acknowledge, or do nothing."""
        done = self.run(
            checks.acknowledge_check(self.store, self.user, str(check), now=self.now, down_since=down_since)
        )
        assert done == self.model.checks[check].acknowledge(self.now, down_since)

    def edit(self, check: int, timing: Timing, name: str) -> None:
        """Replace the settings."""
        settings = settings_of(timing, name)
        self.run(checks.update_check(self.store, self.user, str(check), lambda _: settings, now=self.now))
        self.model.checks[check].edit(timing, self.now)
        self.revisions[check] += 1

    def sweep(self, *, pings_accepted: int | None = None, crash: bool = False) -> None:
        """Look until nothing is overdue; after a crash nobody arms what has missed a run."""
        accepted = self.now if pings_accepted is None else pings_accepted
        for _ in range(100):
            swept = self._look(accepted)
            waiting = self.model.look(self.now, accepted)
            assert swept.blind == (waiting is None)
            if waiting is None:
                return
            unarmed = swept.unarmed
            while swept.more:
                swept = self._look(accepted)
                unarmed += swept.unarmed
            self._take(unarmed, crash)
            if not crash:
                for machine in waiting:
                    machine.arm(self.now)
            earliest = self.model.next_look()
            if earliest is None or earliest > self.now:
                return
        raise AssertionError("the sweep never ends")

    def _look(self, accepted: int) -> Swept:
        return self.run(
            deadlines.sweep(
                self.store, self.user.partition, now=self.now, pings_accepted=accepted, flap=self.flap
            )
        )

    def _take(self, unarmed: tuple[Unarmed, ...], crash: bool) -> None:
        for check in unarmed:
            if crash:
                self.late_arms.append((check, self.revisions[check.check_id], self.now))
            else:
                self.run(self._arm(check, self.now))

    async def _arm(self, check: Unarmed, now: int) -> None:
        due = next_due(check.schedule, now if check.due is None else check.due)
        await deadlines.arm(self.store, self.user.partition, check, due, now=now)

    def arm_late(self) -> None:
        """A clock that hung goes on: it arms what it took, unless something has moved that since."""
        check, revision, now = self.late_arms.pop(0)
        machine = self.model.checks[check.check_id]
        self.run(self._arm(check, now))
        if machine.deadline == check.leased_until and self.revisions[check.check_id] == revision:
            machine.arm(now)

    def watch_until(self, moment: int, lateness: int) -> None:
        """Time passes under a clock that looks as it should, `lateness` ms after each deadline or reminder.

        After a hundred looks it looks away: reminders are not worth more.
        """
        for _ in range(100):
            earliest = self.model.next_look()
            if earliest is None or earliest > moment:
                break
            self.now = max(self.now, min(moment, earliest + lateness))
            self._tick()
            self.sweep()
        self.now = max(self.now, moment)
        self._tick()

    def _tick(self) -> None:
        # As if the clock had looked a moment ago and found nothing.
        if self.model.tick is not None and self.model.tick < self.now:
            self.model.tick = self.now
            self.run(
                cast(
                    Coroutine[Any, Any, int],
                    self.store.redis.hset(keys.clock(self.user.partition), "tick", str(self.now)),
                )
            )

    # Comparison.

    def compare(self) -> None:
        """Whatever Redis holds of the checks is what the model says, and the machine's promises are kept."""
        self.run(self._compare())

    async def _compare(self) -> None:
        partition = self.user.partition
        async with self.store.redis.pipeline(transaction=False) as pipe:
            pipe.zrange(keys.deadlines(partition), 0, -1, withscores=True)
            pipe.zrange(keys.gaps(partition), 0, -1, desc=True)
            pipe.llen(keys.pending_gaps(partition))
            for timed in (keys.reminders(partition), keys.flapping(partition)):
                pipe.zrange(timed, 0, -1, withscores=True)
            for check in self.model.checks:
                pipe.hgetall(keys.check(partition, check))
                pipe.lrange(keys.flips(partition, check), 0, -1)
                pipe.hgetall(keys.days(partition, check))
            answers = await pipe.execute()
        entries = await read_outbox(self.store, partition, 10_000)
        await assert_indexed(self.store, self.user)
        scores, reminders, flapping = (
            {int(member): int(score) for member, score in answers[place]} for place in (0, 3, 4)
        )
        known = [gap for gap in self.model.gaps if gap[1] > self.model.gaps[0][1] - 100 * 86_400_000]
        assert answers[1] == [f"{start}:{end}".encode() for start, end in known]
        assert answers[2] == 0
        assert scores == {
            check: machine.deadline
            for check, machine in self.model.checks.items()
            if machine.deadline is not None
        }
        machines = self.model.checks.items()
        assert reminders == {check: m.remind_at for check, m in machines if m.remind_at is not None}
        assert flapping == {check: m.flapping_until for check, m in machines if m.flapping_until is not None}
        for position, (check, machine) in enumerate(machines):
            raw, flips, days = answers[5 + 3 * position : 8 + 3 * position]
            fields = {name.decode(): value.decode() for name, value in raw.items()}
            events = [entry for entry in entries if entry.event.check_id == check]
            assert seen_in_redis(fields) == seen_in_model(machine), f"check {check}"
            assert [flip.decode().split("|")[:5] for flip in flips] == [
                [str(flip.at), flip.old, flip.new, str(flip.lasted), flip.reason]
                for flip in reversed(machine.flips)
            ]
            assert {key.decode(): int(ms) for key, ms in days.items()} == {
                f"{day}:{status}": ms for (day, status), ms in machine.days.items()
            }
            reach = machine.flips[0].at - machine.flips[0].lasted if machine.flips else machine.since
            if machine.since - machine.created_at < 99 * 86_400_000:
                assert sum(int(ms) for ms in days.values()) == reach - machine.created_at
            assert [seen_event(entry) for entry in events] == machine.alerts
            seen = self.flips.setdefault(check, [])
            since = int(fields.get("flip_number", 0)) - len(seen)
            assert since <= len(flips), "more changes in one step than are kept"
            seen += [flip.decode().split("|") for flip in reversed(flips[:since])]
            self._promises(check, fields, events, seen)

    def _promises(
        self, check: int, fields: dict[str, str], events: list[Entry], flips: list[list[str]]
    ) -> None:
        """What must hold whatever the model thinks; read from Redis alone."""
        status, alerted = fields["status"], fields.get("alerted") == "1"
        armed = bool(fields.get("deadline"))
        if status == "paused" or (status == "down" and alerted):
            assert not armed
        else:
            assert armed or not fields.get("due"), "an unpaused check is armed, or its calendar has run out"
            assert not alerted
        told: Event | None = None
        for event in (entry.event for entry in events):
            between = [new for at, _, new, *_ in flips if told and told.at <= int(at) <= event.at]
            is_down = told is not None and (told.kind in ("down", "reminder") or told.status == "down")
            if told is not None and told.kind == "flapping" and event.kind != "settled":
                assert "paused" in between, "changes of a flapping check are not told"
            elif event.kind in ("up", "reminder"):
                assert is_down, f"{event.kind} without a down before it"
                assert told is not None
            elif event.kind == "down" and is_down:
                assert "up" in between or "paused" in between, "told twice of one failure"
            elif event.kind == "settled":
                assert told is not None
                assert told.kind == "flapping"
            if event.kind == "reminder" and told is not None:
                assert event.reminders == (told.reminders + 1 if told.kind == "reminder" else 1)
            told = event
        was, events_before, flips_before = self.before.get(check, ("new", 0, 0))
        if was == status == "paused" and len(flips) == flips_before:
            assert len(events) == events_before, "an alert while paused"
        self.before[check] = (status, len(events), len(flips))


def seen_in_redis(fields: dict[str, str]) -> dict[str, object]:
    """The hash in the model's words."""

    def number(name: str) -> int | None:
        return int(fields[name]) if fields.get(name) else None

    runs = [run.split(",") for run in fields.get("runs", "").split(";") if run]
    return {
        "status": fields["status"],
        "since": number("status_since"),
        "due": number("due"),
        "deadline": number("deadline"),
        "waits": fields.get("unarmed") == "1",
        "failure_count": number("failure_count"),
        "alerted": fields.get("alerted") == "1",
        "reason": fields.get("reason", ""),
        "missed_due": number("missed_due"),
        "acknowledged": bool(fields.get("acknowledged")),
        "reminders": number("reminders") or 0,
        "flapping_until": number("flapping_until"),
        "flip_count": number("flip_count") or 0,
        "runs": [(rid, int(started), int(hold)) for rid, started, hold in runs],
        "ping_count": number("ping_count"),
        "last_ping": number("last_ping"),
        "last_start": number("last_start"),
        "last_duration": number("last_duration_ms"),
    }


def seen_in_model(machine: Machine) -> dict[str, object]:
    """The model in the same words."""
    return {
        "status": machine.status,
        "since": machine.since,
        "due": machine.due,
        "deadline": machine.deadline,
        "waits": machine.waits_for_due,
        "failure_count": machine.failure_count,
        "alerted": machine.alerted,
        "reason": machine.reason,
        "missed_due": machine.missed_due,
        "acknowledged": machine.acknowledged,
        "reminders": machine.reminders,
        "flapping_until": machine.flapping_until,
        "flip_count": machine.flip_count,
        "runs": [(run.rid, run.started, run.hold or 0) for run in machine.runs],
        "ping_count": machine.ping_count,
        "last_ping": machine.last_ping,
        "last_start": machine.last_start,
        "last_duration": machine.last_duration,
    }


def seen_event(entry: Entry) -> Alert:
    """An event as the model words it."""
    event = entry.event
    return Alert(
        event.kind,
        event.at,
        event.reason,
        event.down_since,
        event.overdue_ms,
        event.failure_count,
        event.last_ping,
        event.status,
        event.flips,
        event.reminders,
        event.may_acknowledge,
    )
