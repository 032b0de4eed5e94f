"""The rules of docs/state-machine.md once more, in plain Python: the oracle for what the scripts do. Pure.

Written from the document, not from the Lua, so that a fault has to be made twice to go unseen.
"""

from collections import defaultdict
from copy import copy
from dataclasses import dataclass, field

from ttr.domain.flapping import FlapRules
from ttr.domain.schedule import Schedule, next_due

DAY_MS = 86_400_000
OPEN_RUNS = 10
FLIPS_KEPT = 200
DAYS_KEPT = 100
BLIND_MS = 2_000
LEASE_MS = 2_000
NEVER_FLAPS = FlapRules(0, 0, 0)


@dataclass(frozen=True)
class Timing:
    """What an owner sets that the machine reads."""

    schedule: Schedule
    grace_ms: int
    max_runtime_ms: int | None
    threshold: int | None
    notify_on_up: bool
    remind_ms: int | None = None


@dataclass
class OpenRun:
    """A run; `hold` is the moment its maximum runtime counts from, None when it doesn't hold the deadline."""

    rid: str
    started: int
    hold: int | None


@dataclass(frozen=True)
class Flip:
    """A change of status."""

    at: int
    old: str
    new: str
    lasted: int
    reason: str


@dataclass(frozen=True)
class Alert:
    """An event in the outbox."""

    kind: str
    at: int
    reason: str
    down_since: int | None
    overdue_ms: int | None
    failure_count: int
    last_ping: int | None
    status: str = ""
    flips: int = 0
    reminders: int = 0
    may_acknowledge: bool = False


@dataclass
class Paused:
    """What a check was when it was paused, and what its jobs said since."""

    was: "Machine"
    recovered: bool = False
    failures: list[str] = field(default_factory=list)


@dataclass
class Machine:
    """One check."""

    timing: Timing
    created_at: int
    flap: FlapRules = NEVER_FLAPS
    around: "Partition | None" = field(default=None, repr=False)
    status: str = "new"
    since: int = 0
    resume_to: str = "new"
    due: int | None = None
    deadline: int | None = None
    waits_for_due: bool = False
    seen_again_at: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    paused: "Paused | None" = None
    runs: list[OpenRun] = field(default_factory=list)
    failure_count: int = 0
    alerted: bool = False
    down_since: int = 0
    reason: str = ""
    missed_due: int | None = None
    acknowledged: bool = False
    remind_at: int | None = None
    reminders: int = 0
    changes: list[int] = field(default_factory=list)
    flapping_until: int | None = None
    flip_count: int = 0
    last_ping: int | None = None
    resumed_at: int | None = None
    last_start: int | None = None
    last_duration: int | None = None
    ended_run: int | None = None
    """Of the run that the last signal ended."""
    ping_count: int = 0
    last_request: str = ""
    flips: list[Flip] = field(default_factory=list)
    days: dict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    alerts: list[Alert] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.since = self.created_at
        self._arm_at(self._next(self.created_at))

    # What jobs say.

    def signal(self, kind: str, now: int, *, rid: str = "", reason: str = "", request: str) -> int:
        """Take a signal; returns how many alerts it made."""
        if request == self.last_request:
            return 0
        self.last_request = request
        self.ping_count += 1
        before = len(self.alerts)
        if kind == "start":
            self._start(rid, now)
        elif kind in ("success", "fail"):
            self.last_ping = now
            self._end_runs(kind, rid, now)
            if self.status == "paused":
                self.resume_to = "up" if kind == "success" else "new"
                self._note_in_pause(kind, reason)
            elif kind == "success":
                self._succeed(now)
            else:
                following = self._next(now)
                self._fail(reason, now, hopeless=following is None and self._holder() is None)
                if not self.alerted:
                    self._arm_at(following)
        return len(self.alerts) - before

    def _start(self, rid: str, now: int) -> None:
        self.last_start = now
        first = next((run for run in self.runs if run.rid == rid), None)
        hold = first.hold if first else None
        in_time = self._may_hold(now)
        if hold is None and in_time:
            hold = now
        if first:
            self.runs.remove(first)
        self.runs.append(OpenRun(rid, now, hold))
        if len(self.runs) > OPEN_RUNS:
            oldest = self.runs.pop(0)
            if oldest.hold is not None:
                heir = self.runs[0]
                heir.hold = oldest.hold if heir.hold is None else min(heir.hold, oldest.hold)
        if in_time:
            self._arm_at(self.due)

    def _may_hold(self, now: int) -> bool:
        if self.timing.max_runtime_ms is None or not self._armed():
            return False
        return self.deadline is not None and now < self.deadline

    def _armed(self) -> bool:
        return self.status != "paused" and not self.alerted

    def _end_runs(self, kind: str, rid: str, now: int) -> None:
        ended = [run for run in self.runs if run.rid == rid]
        if not ended and len(self.runs) == 1 and (kind == "fail" or rid == ""):
            ended = list(self.runs)
        if not ended and kind == "fail":
            self.runs = []
        for run in ended:
            self.last_duration = self.ended_run = now - run.started
            self.runs.remove(run)

    def _succeed(self, now: int) -> None:
        announced = self.alerted
        began, flapped = self.down_since, self.flapping_until is not None
        self._forget_failure()
        if self.status != "up":
            self._flip("up", "", now)
        self._arm_at(self._next(now))
        if self.flapping_until is not None:
            if not flapped:
                self._tell("flapping", now, status="up", flips=self.flip_count)
        elif announced and self.timing.notify_on_up:
            self._tell("up", now, down_since=began)

    def _forget_failure(self) -> None:
        self.alerted = self.acknowledged = False
        self.failure_count = self.reminders = 0
        self.remind_at = None

    def _fail(self, reason: str, now: int, overdue_ms: int | None = None, *, hopeless: bool = False) -> None:
        self.failure_count += 1
        flapped = self.flapping_until is not None
        missed = self.due if reason == "overdue" else None
        if self.status != "down":
            self._flip("down", reason, now)
            self.down_since = now
        self.reason, self.missed_due = reason, missed
        if self.flapping_until is not None and not flapped:
            self._tell(
                "flapping", now, reason, self.down_since, overdue_ms, status="down", flips=self.flip_count
            )
        enough = self.failure_count >= max(1, self.timing.threshold or 1)
        if not self.alerted and (enough or hopeless):
            self._announce(reason, now, overdue_ms)

    def _announce(self, reason: str, now: int, overdue_ms: int | None) -> None:
        """From here on the failure counts as told; while the check flaps, nobody hears of it."""
        self.alerted = True
        self._disarm()
        if self.flapping_until is None:
            self._remind_from(now)
            self._tell("down", now, reason, self.down_since, overdue_ms)

    def _disarm(self) -> None:
        self.due = self.deadline = None
        self.waits_for_due = False

    def _tell(
        self,
        kind: str,
        now: int,
        reason: str = "",
        down_since: int | None = None,
        overdue_ms: int | None = None,
        *,
        status: str = "",
        flips: int = 0,
    ) -> None:
        self.alerts.append(
            Alert(
                kind,
                now,
                reason,
                down_since,
                overdue_ms,
                self.failure_count,
                self.last_ping,
                status,
                flips,
                self.reminders,
                self.remind_at is not None,
            )
        )

    def _past_due(self, now: int) -> int | None:
        return None if self.missed_due is None else max(0, now - self.missed_due)

    # Reminders and flapping.

    def _remind_from(self, now: int) -> None:
        """The next reminder is an interval from now, if this failure is one of which its owner is reminded."""
        wanted = self.status == "down" and self.alerted and not self.acknowledged
        interval = self.timing.remind_ms
        self.remind_at = now + interval if wanted and self.flapping_until is None and interval else None

    def remind(self, now: int) -> None:
        """What a look does last."""
        if self.remind_at is not None and self.remind_at <= now:
            self.reminders += 1
            self._remind_from(now)
            self._tell("reminder", now, self.reason, self.down_since, self._past_due(now))

    def settle(self, now: int) -> None:
        """What a look does after the deadlines: a check that was calm for long enough flaps no more."""
        if self.flapping_until is None or self.flapping_until > now:
            return
        flips, self.flapping_until, self.flip_count = self.flip_count, None, 0
        self.changes = []
        if self.status == "down":
            self.alerted = True
            self._disarm()
            self._remind_from(now)
            self._tell(
                "settled", now, self.reason, self.down_since, self._past_due(now), status="down", flips=flips
            )
        else:
            self._tell("settled", now, status=self.status, flips=flips)

    def _note_change(self, now: int) -> None:
        self.changes = [at for at in self.changes if now - at <= self.flap.window_ms] + [now]
        if self.flapping_until is not None:
            self.flip_count += 1
        elif self.flap.threshold and len(self.changes) >= self.flap.threshold:
            self.flip_count = self.flap.threshold
        else:
            return
        self.flapping_until = now + self.flap.suppression_ms

    def acknowledge(self, now: int, down_since: int | None = None) -> bool:
        """Somebody knows; False when there is no such failure."""
        if self.status != "down" or down_since not in (None, self.down_since):
            return False
        self.acknowledged = True
        self._remind_from(now)
        return True

    # What time does.

    def move_past_gap(self, start: int, end: int) -> None:
        """A blind time: a deadline inside it, and what a holding run counts from, moves by its length.

        A check that waits for its due time has no deadline that could move; it is looked at again at once.
        """
        self.seen_again_at = end
        self.gaps.append((start, end))
        self._move_past(start, end)

    def _move_past(self, start: int, end: int) -> None:
        if self.deadline is None or not start < self.deadline <= end:
            return
        for run in self.runs:
            if run.hold is not None:
                run.hold += end - start
        self.deadline = end + 1 if self.waits_for_due else self.deadline + end - start

    def look(self, now: int) -> bool:
        """One look of a clock: a failure if the deadline has come. True when the check then waits to be armed."""
        if self.deadline is None or self.deadline > now:
            return False
        if not self.waits_for_due:
            over = [run for run in self.runs if self._ends_at(run) is not None]
            if over:
                for run in over:
                    if (self._ends_at(run) or 0) <= now:
                        run.hold = None
                self._fail("over_runtime", now)
            else:
                self._fail("overdue", now, None if self.due is None else now - self.due)
        if self.alerted:
            return False
        if self._holder() is None and (self.due is None or self.due <= now):
            self.waits_for_due = True
            self.deadline = now + LEASE_MS
            return True
        self._arm_at(self.due)
        return False

    def arm(self, now: int) -> None:
        """What the clock does with a check that waits: every missed run counts, unless it fell into a gap."""
        if self.waits_for_due:
            seen = self.seen_again_at - self.timing.grace_ms
            self._arm_at(None if self.due is None else self._next(max(self.due, seen)))
            if self.deadline is None:
                self._announce(self.reason, now, self._past_due(now))

    # What owners do.

    def pause(self, now: int) -> None:
        """Only record from here on."""
        if self.status == "paused":
            return
        self.resume_to = "up" if self.status == "up" else "new"
        self.paused = Paused(copy(self))
        self._flip("paused", "", now)
        self._disarm()
        self.acknowledged = False
        self.reminders = 0
        self.remind_at = self.flapping_until = None
        self.flip_count = 0

    def resume(self, now: int) -> None:
        """Arm from now, with a clean slate."""
        if self.status != "paused":
            return
        self.failure_count = 0
        self.alerted = False
        self._flip(self.resume_to, "", now)
        for run in self.runs:
            run.hold = None
        self.resumed_at = now
        self._arm_at(self._next(now))

    def _note_in_pause(self, kind: str, reason: str) -> None:
        if self.paused is None:
            return
        if kind == "success":
            self.paused.recovered, self.paused.failures = True, []
        else:
            self.paused.failures.append(reason)

    def take_back_pause(self, now: int) -> None:
        """It was paused by mistake: it goes on as what it was, and what its jobs said since counts now."""
        if self.status != "paused" or self.paused is None:
            return
        paused_at, said, was = self.since, self.paused, self.paused.was
        timed = (was.timing.schedule, was.timing.grace_ms, was.timing.max_runtime_ms)
        edited = timed != (self.timing.schedule, self.timing.grace_ms, self.timing.max_runtime_ms)
        self._flip(was.status, was.reason, now)
        if was.status == "down":
            self.down_since = now
        self.missed_due, self.acknowledged, self.reminders = was.missed_due, was.acknowledged, was.reminders
        self.flapping_until, self.flip_count = was.flapping_until, was.flip_count
        self.due, self.waits_for_due = was.due, was.waits_for_due
        self._remind_from(now)
        if self.remind_at is not None and was.remind_at is not None:
            self.remind_at = (
                was.remind_at if was.timing.remind_ms == self.timing.remind_ms else self.remind_at
            )
        self._hear_of(said, now)
        if not self._armed():
            self._disarm()
            return
        if said.recovered or said.failures or edited:
            self._arm_at(self._next(max(self.created_at, self.last_ping or 0, self.resumed_at or 0)))
            if edited:
                self._arm_after_edit(now)
                return
        elif self.waits_for_due:
            self.deadline = now
            return
        else:
            self._arm_at(was.due)
            self.deadline = was.deadline
        self._catch_up(paused_at)

    def _hear_of(self, said: Paused, now: int) -> None:
        usual = self.flap
        self.flap = FlapRules(0, 0, usual.suppression_ms)  # nothing begins to flap by that
        if said.recovered:
            self._succeed(now)
        if said.failures:
            self.failure_count += len(said.failures) - 1
            following = self._next(max(self.last_ping or 0, self.resumed_at or 0))
            self._fail(said.failures[-1], now, hopeless=following is None and self._holder() is None)
        self.flap = usual

    def _catch_up(self, since: int) -> None:
        for gap in self.gaps:
            self._move_past(*gap)
        for run in list(self.runs):
            in_time = self.deadline is not None and run.started < self.deadline
            if (
                self.timing.max_runtime_ms is not None
                and run.hold is None
                and run.started >= since
                and in_time
            ):
                run.hold = run.started
                self._arm_at(self.due)
        for gap in self.gaps:
            self._move_past(*gap)

    def _arm_after_edit(self, now: int) -> None:
        if self.deadline is not None and self.deadline <= now:
            for run in self.runs:
                if run.hold is not None:
                    run.hold = now
            self._arm_at(self._next(now))

    def edit(self, timing: Timing, now: int) -> None:
        """Replace what the owner set."""
        old, self.timing = self.timing, timing
        same = (old.schedule, old.grace_ms, old.max_runtime_ms) == (
            timing.schedule,
            timing.grace_ms,
            timing.max_runtime_ms,
        )
        if old.remind_ms != timing.remind_ms:
            self._remind_from(now)
        if same or not self._armed():
            return
        self._arm_at(self._next(max(self.created_at, self.last_ping or 0, self.resumed_at or 0)))
        self._arm_after_edit(now)

    # Deadline, flips.

    def _next(self, after: int) -> int | None:
        return next_due(self.timing.schedule, after)

    def _holder(self) -> OpenRun | None:
        holders = [run for run in self.runs if self._ends_at(run) is not None]
        return min(holders, key=lambda run: run.hold or 0, default=None)

    def _ends_at(self, run: OpenRun) -> int | None:
        if run.hold is None or self.timing.max_runtime_ms is None:
            return None
        return run.hold + self.timing.max_runtime_ms

    def _arm_at(self, due: int | None) -> None:
        self.due = due
        self.waits_for_due = False
        holder = self._holder()
        if holder is not None:
            self.deadline = self._ends_at(holder)
        else:
            self.deadline = None if due is None else due + self.timing.grace_ms

    def _flip(self, new: str, reason: str, now: int) -> None:
        self.flips.append(Flip(now, self.status, new, now - self.since, reason))
        while len(self.flips) > FLIPS_KEPT:
            self._let_go(self.flips.pop(0), now)
        old, self.status, self.since, self.reason = self.status, new, now, reason
        self.missed_due = None
        if {old, new} == {"up", "down"}:
            self._note_change(now)
        else:
            self.changes = []

    def _let_go(self, flip: Flip, now: int) -> None:
        """The time before a change that is kept no longer goes to its days, that in a gap apart."""
        kept_from = now - DAYS_KEPT * DAY_MS
        if flip.at - flip.lasted < kept_from:
            self.days.clear()
        at = max(flip.at - flip.lasted, kept_from)
        while at < flip.at:
            day = at // DAY_MS
            end = min(flip.at, (day + 1) * DAY_MS)
            blind = 0 if flip.old == "paused" or self.around is None else self.around.blind(at, end, now)
            for kind, ms in ((flip.old, end - at - blind), ("blind", blind)):
                if ms:
                    self.days[(day, kind)] += ms
            if end % DAY_MS == 0:
                for key in [key for key in self.days if key[0] <= end // DAY_MS - DAYS_KEPT]:
                    del self.days[key]
            at = end


@dataclass
class Partition:
    """The checks that one clock looks at, and what it remembers of its looks."""

    checks: dict[int, Machine] = field(default_factory=dict)
    tick: int | None = None
    gaps: list[tuple[int, int]] = field(default_factory=list)

    def look(self, now: int, pings_accepted: int) -> list[Machine] | None:
        """One look: the checks that wait to be armed; None when we are blind."""
        if now - pings_accepted > BLIND_MS:
            return None
        if self.tick is not None and now - self.tick > BLIND_MS:
            self.gaps.insert(0, (self.tick, now))
            for check in self.checks.values():
                check.move_past_gap(self.tick, now)
        self.tick = now if self.tick is None else max(now, self.tick)
        waiting = [check for check in self.checks.values() if check.look(now)]
        for check in self.checks.values():
            check.settle(now)
            check.remind(now)
        return [check for check in waiting if check.waits_for_due]

    def blind(self, start: int, end: int, now: int) -> int:
        """Ms between two moments in which nobody watched, as far as is known."""
        gaps = [*self.gaps]
        if self.tick is not None and now - self.tick > BLIND_MS:
            gaps.append((self.tick, now))
        return sum(max(0, min(end, to) - max(start, begun)) for begun, to in gaps)

    def next_look(self) -> int | None:
        """When time next does something to a check."""
        moments = ((m.deadline, m.flapping_until, m.remind_at) for m in self.checks.values())
        return min((moment for three in moments for moment in three if moment is not None), default=None)
