"""Who is at work: what processes say of themselves once a second, judged.

A process that says nothing for 8 s is silent, and forgotten after a minute. A loop that does not go round for longer
than it said it might is stuck; its process says so for as long as it says anything. Both show within 10 s.

What counts is the work, not the process: it has nobody when no process that is well does it. One stuck clock beside
another one is told, and nothing waits for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["web", "clock", "worker", "sender", "bot"]
State = Literal["well", "stuck", "silent"]

KINDS: tuple[Kind, ...] = get_args(Kind)
STATES: tuple[State, ...] = get_args(State)
SILENT_MS = 8_000
FORGOTTEN_MS = 60_000
HORSE = "horse_pid"
"""The gauge of a worker that names its sender: a process of the same host."""
QUEUE_AWAY = "queue_away"
"""The gauge of a clock that says 1 when the Redis of the job queue took nothing from it when last tried, else 0."""
PARTITIONS_AWAY = "partitions_away"
"""The gauge of a clock: partitions that it could not look at, as those of a node of a cluster that is away."""
TICK_MS = 10_000
UNATTENDED_MS = 60_000
_JOB = "job"


@dataclass(frozen=True, slots=True)
class Process:
    """What a process says of itself; times in ms, by its own clock."""

    id: str
    """Its own, another one after each start."""
    kind: Kind
    host: str
    pid: int
    version: str
    started_at: int
    beat_at: int
    loops: Mapping[str, int]
    """Loop -> when it last went round."""
    patience: Mapping[str, int]
    """Loop -> for how long it may be quiet from then on."""
    gauges: Mapping[str, int]
    """`rss_bytes`, `loop_lag_ms`; of a web process `streams` and `connections`; of a worker `horse_pid`, 0 for none;
    of a clock `queue_away` and `partitions_away`."""
    form: int = 1
    """Of the data that it knows (`ttr/store/form.py`); those that don't say so know the first."""

    def stuck_loops(self) -> tuple[str, ...]:
        """The loops that were quiet for too long when it last said something, in order of their names."""
        return tuple(
            sorted(
                loop
                for loop, at in self.loops.items()
                if self.beat_at - at > self.patience.get(loop, SILENT_MS)
            )
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """A process and how it does."""

    process: Process
    state: State
    stuck: tuple[str, ...]
    """Its loops that are stuck; "job" for a worker whose sender is stuck or silent. Nothing for a silent process."""

    @property
    def loops(self) -> tuple[str, ...]:
        """Those that are stuck, then the others."""
        return (*self.stuck, *sorted(self.process.loops.keys() - set(self.stuck)))


@dataclass(frozen=True, slots=True)
class Liveness:
    """All processes that are not forgotten, by kind and start."""

    processes: tuple[Judged, ...]

    @property
    def workers_online(self) -> int:
        """Workers that take jobs: they say so, their loop goes round, and what they have forked sends."""
        return self.count("worker", "well")

    def count(self, kind: Kind, state: State) -> int:
        """How many of a kind are in a state."""
        return sum(one.process.kind == kind and one.state == state for one in self.processes)

    def stuck(self, kind: Kind) -> tuple[str, ...]:
        """The loops of a kind that are stuck in any process, in order of their names."""
        return tuple(
            sorted({loop for one in self.processes if one.process.kind == kind for loop in one.stuck})
        )

    def has_stuck(self) -> bool:
        """Whether any loop is stuck."""
        return any(one.stuck for one in self.processes)

    @property
    def queue(self) -> Literal["ok", "away", "unknown"]:
        """Whether any clock reaches the Redis of the job queue; unknown while none says anything."""
        told = self._told(QUEUE_AWAY)
        return "unknown" if not told else "away" if all(told) else "ok"

    def _told(self, gauge: str) -> list[int]:
        """What those that are not silent say."""
        return [
            one.process.gauges[gauge]
            for one in self.processes
            if one.state != "silent" and gauge in one.process.gauges
        ]

    def missing(self) -> tuple[str, ...]:
        """The work that nobody does: "queue" while its Redis is away, "partitions" while some can't be looked at,
        "worker", and each loop of clocks that goes round in none of them.

        Clocks of a version that says nothing are not missed here: their ticks tell of them.
        """
        clocks = [one for one in self.processes if one.process.kind == "clock"]
        known = {loop for one in clocks for loop in one.process.loops}
        done = {
            loop
            for one in clocks
            if one.state != "silent"
            for loop in one.process.loops.keys() - set(one.stuck)
        }
        queue = ("queue",) if self.queue == "away" else ()
        partitions = ("partitions",) if (told := self._told(PARTITIONS_AWAY)) and all(told) else ()
        return (*queue, *partitions, *(() if self.workers_online else ("worker",)), *sorted(known - done))


def judge(processes: Sequence[Process], now: int) -> Liveness:
    """How they do at `now` (ms)."""
    known = [one for one in processes if now - one.beat_at < FORGOTTEN_MS]
    ailing = {
        (one.host, one.pid)
        for one in known
        if one.kind == "sender" and (_is_silent(one, now) or one.stuck_loops())
    }
    judged = (_judged(one, ailing, now) for one in known)
    return Liveness(
        tuple(
            sorted(
                judged,
                key=lambda one: (KINDS.index(one.process.kind), one.process.started_at, one.process.id),
            )
        )
    )


def reasons_to_worry(
    live: Liveness, *, web_tick: int, clock_tick: int, due_since: int | None, now: int
) -> Iterator[str]:
    """Why an alert might not leave now, as words for a log; nothing when all that alerts need is well.

    The ticks are the last moments (ms, 0 for never) at which pings could be taken and all partitions were looked at,
    `due_since` that since which the oldest alert has been due with nobody attending to it.
    """
    if now - web_tick > TICK_MS:
        yield "no web process takes pings"
    if now - clock_tick > TICK_MS:
        yield "no clock looks for overdue checks"
    missing = live.missing()
    if "queue" in missing:
        yield "the Redis of the job queue is away"
    if "partitions" in missing:
        yield "a part of Redis is away"
    if "worker" in missing:
        yield "no worker is online"
    if "dispatch" in missing or not any(one.process.kind == "clock" for one in live.processes):
        yield "no clock hands alerts out"
    if due_since is not None and now - due_since > UNATTENDED_MS:
        yield "an alert has been due for more than a minute"


def _judged(process: Process, ailing: set[tuple[str, int]], now: int) -> Judged:
    if _is_silent(process, now):
        return Judged(process, "silent", ())
    stuck = process.stuck_loops()
    if (process.host, process.gauges.get(HORSE, 0)) in ailing:
        stuck = (_JOB, *stuck)
    return Judged(process, "stuck" if stuck else "well", stuck)


def _is_silent(process: Process, now: int) -> bool:
    return now - process.beat_at >= SILENT_MS
