"""How long a check was up, down, paused and new: in the last hours and days, and day by day. Pure.

What the newest flips tell is exact to the millisecond. What lies before them is known by the UTC day only, so of a
day that a window cuts, the part inside the window counts in proportion. Time in our own gaps is neither up, down nor
new but blind; a pause stays a pause, for then nobody would have been judged anyway.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import add
from typing import Literal

from ttr.domain.check import Status
from ttr.domain.flip import Flip
from ttr.domain.gaps import BLIND_AFTER_MS, Gap

DAY_MS = 86_400_000
WINDOWS = {"24h": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS, "90d": 90 * DAY_MS}
"""The rolling windows that end now, and their length in ms; the shortest first, the last one the longest."""
YEAR = WINDOWS | {"365d": 365 * DAY_MS}
"""The same and a year, of which more has to be known than Redis keeps."""
DAYS = 90
"""UTC days shown one by one, today included."""
STATUSES: tuple[Status, ...] = ("new", "up", "down", "paused")
Kind = Status | Literal["blind"]
KINDS: tuple[Kind, ...] = (*STATUSES, "blind")
"""What time is counted as, in the order of the fields of Spent."""


@dataclass(frozen=True, slots=True)
class History:
    """What is kept of a check, all of one moment. Times are ms UTC."""

    created_at: int
    status: Status
    since: int
    """Since when it has the status."""
    flips: Sequence[Flip]
    """The newest changes without a hole, newest first."""
    days: Mapping[tuple[int, Kind], int]
    """(UTC day number, kind) -> ms of it on that day, of the time before `flips` alone."""
    gaps: Sequence[Gap] = ()
    """When we were blind, oldest first; none over another."""
    watched: int | None = None
    """When a clock last looked while pings were taken: a silence since then is a gap already. None for never."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds of each kind; together at most as long as the time that was asked about."""

    new: int = 0
    up: int = 0
    down: int = 0
    paused: int = 0
    blind: int = 0
    """Of our own gaps."""

    @property
    def ratio(self) -> float | None:
        """The share of up in up and down, 0 to 1; None when it was neither."""
        judged = self.up + self.down
        return self.up / judged if judged else None


@dataclass(frozen=True, slots=True)
class Uptime:
    """The figures of one check."""

    windows: Mapping[str, Spent]
    """By their names."""
    days: Sequence[tuple[int, Spent]]
    """UTC day numbers, today last; today counts up to now."""


_PLACES = {kind: place for place, kind in enumerate(KINDS)}
_PAUSED, _BLIND = _PLACES["paused"], _PLACES["blind"]
_NOTHING = Spent()
# Most days are of one kind from end to end. To make each anew would be half of all the work.
_WHOLE = tuple(Spent(**{kind: DAY_MS}) for kind in KINDS)

_Piece = tuple[int, int, int]
"""(from, to, place in KINDS) of a time of one kind."""


@dataclass(frozen=True, slots=True)
class _Day:
    """What is known of the part of a UTC day that lies before the flips."""

    first: int
    last: int
    kept: Sequence[int]
    """Ms of each kind."""

    def since(self, moment: int) -> Sequence[int]:
        """Of each kind, how much of it lies behind a moment, in proportion."""
        length, known = self.last - self.first, sum(self.kept)
        if moment <= self.first and known <= length:
            return self.kept
        # The sums fill the day exactly, unless a clock was set: by the greater of both, they never exceed the time.
        whole = max(length, known, 1)
        wanted = self.last - max(moment, self.first)
        return [ms * wanted // whole for ms in self.kept]


def uptime(
    history: History, now: int, windows: Mapping[str, int] = WINDOWS, days_shown: int = DAYS
) -> Uptime:
    """The figures at `now` (ms), of windows in the form of WINDOWS and of so many days, none before the longest window.
    Time before the check was made counts for nothing."""
    floor = min(now, max(history.created_at, now - max(windows.values())))
    pieces = list(_pieces(history, floor, now))
    days = _days_before(history, floor, pieces[-1][0] if pieces else now) if history.days else []
    today = now // DAY_MS
    return Uptime(
        dict(
            zip(windows, _windows(pieces, days, [now - length for length in windows.values()]), strict=True)
        ),
        list(
            zip(
                range(today - days_shown + 1, today + 1),
                _daily(pieces, days, now, days_shown)[::-1],
                strict=True,
            )
        ),
    )


def _windows(pieces: Sequence[_Piece], days: Sequence[_Day], begins: Sequence[int]) -> list[Spent]:
    """All windows in one walk back from now: each is written down where it begins."""
    found: list[Spent] = []
    total = [0] * len(KINDS)
    for start, end, place in pieces:
        while len(found) < len(begins) and begins[len(found)] >= start:
            part = [*total]
            part[place] += end - begins[len(found)]
            found.append(Spent(*part))
        total[place] += end - start
    for day in days:
        while len(found) < len(begins) and begins[len(found)] >= day.first:
            found.append(Spent(*map(add, total, day.since(begins[len(found)]))))
        total = [*map(add, total, day.since(day.first))]
    return found + [Spent(*total)] * (len(begins) - len(found))


def _daily(pieces: Sequence[_Piece], days: Sequence[_Day], now: int, most: int) -> list[Spent]:
    """The last days, today first."""
    found: list[Spent] = []
    midnight = now // DAY_MS * DAY_MS
    part = [0] * len(KINDS)
    for start, end, place in pieces:
        while midnight >= start:
            if end - midnight == DAY_MS:
                found.append(_WHOLE[place])
            else:
                part[place] += end - midnight
                found.append(Spent(*part))
                part = [0] * len(KINDS)
            end, midnight = midnight, midnight - DAY_MS
        part[place] += end - start
    for day in days:
        found.append(Spent(*map(add, part, day.since(day.first))))
        part = [0] * len(KINDS)
    found.append(Spent(*part))
    return (found + [_NOTHING] * most)[:most]


def _pieces(history: History, floor: int, now: int) -> Iterator[_Piece]:
    """The time since `floor` that the flips tell, cut where the kind changes; newest first, without a hole or an
    overlap. A clock that was set back makes a flip older than the one before it: then the newer word counts.
    """
    gaps = list(history.gaps)
    if history.watched is not None and now - history.watched > BLIND_AFTER_MS:
        gaps.append((history.watched, now))
    end, start, place = now, min(history.since, now), _PLACES[history.status]
    flips = iter(history.flips)
    while end > floor:
        if start < end:
            yield from _without_gaps(max(start, floor), end, place, gaps)
        flip = next(flips, None)
        if flip is None:
            return
        end, start, place = start, min(start, flip.at - flip.lasted_ms), _PLACES[flip.old]


def _without_gaps(start: int, end: int, place: int, gaps: list[Gap]) -> Iterator[_Piece]:
    """A stretch, newest first, with the gaps cut out of it unless it is a pause. Takes gaps that lie behind it off the
    end of `gaps`: all that is asked for later is older."""
    while gaps and gaps[-1][0] >= end:
        gaps.pop()
    if place != _PAUSED:
        while gaps and gaps[-1][1] > start:
            # No later than `end`: a clock that was set back may leave a silence that begins within an older gap.
            begun, ended = min(max(gaps[-1][0], start), end), min(gaps[-1][1], end)
            if ended < end:
                yield ended, end, place
            if begun < ended:
                yield begun, ended, _BLIND
            end = begun
            if end == start:
                return
            gaps.pop()
    yield start, end, place


def _days_before(history: History, floor: int, reach: int) -> list[_Day]:
    """What the days hold of the time from `floor` to where the flips begin, newest first."""
    sums: dict[int, list[int]] = {}
    for (day, kind), ms in history.days.items():
        sums.setdefault(day, [0] * len(KINDS))[_PLACES[kind]] += ms
    none = [0] * len(KINDS)
    return [
        _Day(max(day * DAY_MS, history.created_at), min((day + 1) * DAY_MS, reach), sums.get(day, none))
        for day in range((reach - 1) // DAY_MS, floor // DAY_MS - 1, -1)
        if reach > floor
    ]
