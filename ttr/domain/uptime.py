"""How long a check was up, down, paused and new: in the last hours and days, and on each of the last 90 days. Pure.

What the newest flips tell is exact to the millisecond. What lies before them is known by the UTC day only, so of a
day that a window cuts, the part inside the window counts in proportion.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ttr.domain.check import Status
from ttr.domain.flip import Flip

DAY_MS = 86_400_000
WINDOWS = {"24h": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS, "90d": 90 * DAY_MS}
"""The rolling windows that end now, and their length in ms."""
DAYS = 90
"""UTC days shown one by one, today included."""
STATUSES: tuple[Status, ...] = ("new", "up", "down", "paused")


@dataclass(frozen=True, slots=True)
class History:
    """What is kept of a check, all of one moment. Times are ms UTC."""

    created_at: int
    status: Status
    since: int
    """Since when it has the status."""
    flips: Sequence[Flip]
    """The newest changes without a hole, newest first."""
    days: Mapping[tuple[int, Status], int]
    """(UTC day number, status) -> ms of it on that day, but for the stretch since `since`."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds in each status; together at most as long as the time that was asked about."""

    new: int = 0
    up: int = 0
    down: int = 0
    paused: int = 0

    @property
    def ratio(self) -> float | None:
        """The share of up in up and down, 0 to 1; None when it was neither."""
        judged = self.up + self.down
        return self.up / judged if judged else None


@dataclass(frozen=True, slots=True)
class Uptime:
    """The figures of one check."""

    windows: Mapping[str, Spent]
    """By the names in WINDOWS."""
    days: Sequence[tuple[int, Spent]]
    """DAYS UTC day numbers, today last; today counts up to now."""


def uptime(history: History, now: int) -> Uptime:
    """The figures at `now` (ms). Time before the check was made counts for nothing."""
    stretches = _stretches(history, now)
    today = now // DAY_MS
    return Uptime(
        {name: _spent(history, stretches, now - length, now) for name, length in WINDOWS.items()},
        [
            (day, _spent(history, stretches, day * DAY_MS, min((day + 1) * DAY_MS, now)))
            for day in range(today - DAYS + 1, today + 1)
        ],
    )


def uptime_in(history: History, window: str, now: int) -> Spent:
    """The figure of one of WINDOWS alone, as `uptime` has it."""
    return _spent(history, _stretches(history, now), now - WINDOWS[window], now)


@dataclass(frozen=True, slots=True)
class _Stretches:
    """The time that the flips tell, cut where the status changed; oldest first, without a hole or an overlap."""

    starts: Sequence[int]
    ends: Sequence[int]
    statuses: Sequence[Status]

    def spent(self, start: int, end: int, *, open_too: bool) -> dict[Status, int]:
        """Ms in each status between two moments; the last stretch, which still goes on, only with `open_too`."""
        found = dict.fromkeys(STATUSES, 0)
        last = len(self.ends) if open_too else len(self.ends) - 1
        for i in range(bisect_right(self.ends, start), last):
            if self.starts[i] >= end:
                break
            found[self.statuses[i]] += min(end, self.ends[i]) - max(start, self.starts[i])
        return found


def _stretches(history: History, now: int) -> _Stretches:
    """A clock that was set back makes a flip older than the one before it: then the newer word counts."""
    start = min(history.since, now)
    starts, ends, statuses = [start], [now], [history.status]
    for flip in history.flips:
        end, start = start, min(start, flip.at - flip.lasted_ms)
        starts.append(start)
        ends.append(end)
        statuses.append(flip.old)
    return _Stretches(starts[::-1], ends[::-1], statuses[::-1])


def _spent(history: History, stretches: _Stretches, start: int, end: int) -> Spent:
    start = max(start, history.created_at)
    if start >= end:
        return Spent()
    found = stretches.spent(start, end, open_too=True)
    reach = stretches.starts[0]
    for day in range(start // DAY_MS, (min(end, reach) - 1) // DAY_MS + 1):
        for status, ms in _of_day(history, stretches, day, start, end).items():
            found[status] += ms
    return Spent(**found)


def _of_day(history: History, stretches: _Stretches, day: int, start: int, end: int) -> dict[Status, int]:
    """The part between `start` and `end` of what a day's sums hold from before the flips reach back."""
    reach = stretches.starts[0]
    first, last = max(day * DAY_MS, history.created_at), min((day + 1) * DAY_MS, reach)
    told = stretches.spent(reach, (day + 1) * DAY_MS, open_too=False)
    kept = {status: max(0, history.days.get((day, status), 0) - told[status]) for status in STATUSES}
    wanted = max(0, min(end, last) - max(start, first))
    # The sums fill the day exactly, unless a clock was set: by the greater of both, they never exceed the time.
    whole = max(last - first, sum(kept.values()), 1)
    return {status: ms * wanted // whole for status, ms in kept.items()}
