"""One log of two: a check's pings and its changes of status, merged, filtered and paged. Pure.

A place in the log is a pair of numbers: below it lie the pings numbered below the one and the changes numbered below
the other. New entries have higher numbers, so a place stays where it is whatever comes, also when what lies below it
has moved from Redis to Postgres.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol
from urllib.parse import urlencode

from ttr.domain.flip import Flip
from ttr.history import Lack, Stretch
from ttr.store.check_log import CheckLog
from ttr.store.ping_log import KINDS, PingEntry

STATUS = "status"
"""The kind of a line that is a change of status."""
LOG_KINDS = (*KINDS, STATUS)
SIZE = 50
"""Lines a page."""
ZONES = ("mine", "check", "utc")
"""Where exact times are written: the reader's zone, the check's, UTC."""
_Date = tuple[int, int]
"""An instant (ms UTC), and which ping of those that share it."""
_LAST = 1_000_000
_PLACE = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII)


class Place(NamedTuple):
    """Between two lines: pings numbered below `ping` and changes numbered below `flip` are older."""

    ping: int
    flip: int

    def __str__(self) -> str:
        return f"{self.ping}-{self.flip}"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the log: a ping, or a change of status."""

    ping: PingEntry | None = None
    flip: Flip | None = None

    @property
    def kind(self) -> str:
        """One of LOG_KINDS."""
        return self.ping.kind if self.ping else STATUS

    @property
    def at(self) -> int:
        """When, in ms UTC."""
        return self.ping.at if self.ping else self.flip.at if self.flip else 0

    @property
    def name(self) -> str:
        """Its name in the page: "ping-601", "flip-12"."""
        return f"ping-{self.ping.number}" if self.ping else f"flip-{self.flip.number if self.flip else 0}"


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some lines, newest first, and the places to go on at. `older` is None where nothing further is kept, `newer` on
    the newest page and where it is known that nothing is above an empty one.
    """

    lines: list[Line]
    older: Place | None
    newer: Place | None


@dataclass(frozen=True, slots=True)
class LogQuery:
    """What a page of the log shows, in its address. Without `place` it is the newest page."""

    kinds: tuple[str, ...] = ()
    """Of LOG_KINDS; none of them: all."""
    zone: str = ZONES[0]
    way: Literal["older", "newer"] = "older"
    place: Place | None = None

    def __str__(self) -> str:
        """The query string, without its `?`; what has its default is left out."""
        pairs = [("kind", kind) for kind in self.kinds]
        pairs += [("zone", self.zone)] if self.zone != ZONES[0] else []
        pairs += [(self.way, str(self.place))] if self.place else []
        return urlencode(pairs)

    def path(self, check_id: int) -> str:
        """The page's address."""
        query = str(self)
        return f"/checks/{check_id}/log" + (f"?{query}" if query else "")

    def to(self, way: Literal["older", "newer"], place: Place | None) -> "LogQuery":
        """Another page of the same lines; the newest one without a place."""
        return replace(self, way=way, place=place)

    def unfiltered(self) -> "LogQuery":
        """All kinds, from the newest on."""
        return replace(self, kinds=(), place=None)


class Args(Protocol):
    """A query string's fields; one may come several times."""

    def get(self, name: str, default: str) -> str: ...
    def getlist(self, name: str) -> list[str]: ...


def read_log_query(args: Args) -> LogQuery:
    """The page an address asks for; what it says wrongly counts as not said."""
    asked = args.getlist("kind")
    kinds = tuple(kind for kind in LOG_KINDS if kind in asked)
    zone = args.get("zone", "")
    older, newer = _place(args.get("older", "")), _place(args.get("newer", ""))
    return LogQuery(
        kinds=() if len(kinds) == len(LOG_KINDS) else kinds,
        zone=zone if zone in ZONES else ZONES[0],
        way="newer" if newer and not older else "older",
        place=older or newer,
    )


def merge(pings: Sequence[PingEntry], flips: Sequence[Flip]) -> list[Line]:
    """Both, newest first, each in the order of its numbers. Of one instant the change comes above the ping, which
    has caused it. Where the clock was set back, an entry counts as no older than the ones before it, and a
    change stays beside the ping of its instant.
    """
    dated = _dated([((ping.at, n), Line(ping=ping)) for n, ping in enumerate(reversed(pings))])
    made_by = {line.at: (at, n) for (at, n), line in dated}
    dated += _dated([(made_by.get(flip.at, (flip.at, _LAST)), Line(flip=flip)) for flip in reversed(flips)])
    dated.sort(key=lambda one: one[0])  # stable: a change comes after the ping whose date it has
    return [line for _, line in reversed(dated)]


def page_log(lines: Sequence[Line], query: LogQuery, *, size: int = SIZE) -> LogPage:
    """A page of merged lines. What lies above a page's place may be less than a page: then it is the newest page."""
    place = query.place or _top(lines)
    above, below = _part(lines, query.kinds, place)
    if query.way == "newer" and len(above) > size:
        shown = above[-size:]
        return LogPage(shown, older=place if below else None, newer=_over(shown, place))
    if query.way == "newer":
        place, above, below = _top(lines), [], [*above, *below]
    shown = below[:size]
    return LogPage(
        shown,
        older=_under(shown, place) if len(below) > size else None,
        newer=place if above else None,
    )


def page_window(log: CheckLog, query: LogQuery, *, size: int = SIZE) -> tuple[LogPage, Lack | None]:
    """A page of what Redis has of a log that goes on in Postgres, and what it lacks from there, None for nothing.

    The newest page lacks nothing: it ends where Redis does, and goes on with a page of its own.
    """
    lines = merge(log.pings, log.flips)
    pings, flips = _cut_pings(log, query), _cut_flips(log, query)
    if pings is None and flips is None:
        return page_log(lines, query, size=size), None
    if query.way == "newer" and query.place:
        if query.place.ping < (pings or 0) or query.place.flip < (flips or 0):
            return LogPage([], None, None), _lack(query, pings, flips, size)
        return _upward(log, lines, query, query.place, size), None
    # Below the last entry of either list nobody knows what would stand between those of the other.
    ends = [n for n, line in enumerate(lines) if line.name in (f"ping-{pings}", f"flip-{flips}")]
    within = lines[: min(ends) + 1] if len(ends) == (pings is not None) + (flips is not None) else []
    place = query.place or _top(lines)
    page = page_log(within, query.to("older", place), size=size)
    newer = place if query.place and place != _top(lines) else None
    if page.older:
        return replace(page, newer=newer), None
    edge = _under(within, _top(lines))
    lacks = query.place is not None and len(page.lines) < size
    return LogPage(page.lines, edge, newer), _lack(query, pings, flips, size) if lacks else None


def page_whole(log: CheckLog, query: LogQuery, *, size: int = SIZE) -> LogPage:
    """The page of which `page_window` lacked something, of a log that has been filled up with it."""
    lines = merge(log.pings, log.flips)
    if query.way == "newer" and query.place:
        return _upward(log, lines, query, query.place, size)
    page = page_log(lines, query, size=size)
    # The log has nothing of what stands between the place and Redis: that it shows nothing above says little.
    leads_back = query.place and (page.lines or _is_parted(log, query.place))
    return replace(page, newer=query.place) if leads_back else page


def _upward(log: CheckLog, lines: Sequence[Line], query: LogQuery, place: Place, size: int) -> LogPage:
    """The newest page if it has all that is above a place, else the lowest lines there.

    The newest page ends where one of the lists does; the other may go on, above the place.
    """
    above, _ = _part(lines, query.kinds, place)
    newest, _ = page_window(log, query.to("older", None), size=size)
    if newest.lines[: len(above)] == above:
        return replace(newest, older=place) if newest.lines == above else newest
    shown = above[-size:]
    return LogPage(shown, older=place, newer=_over(shown, place))


def _lack(query: LogQuery, pings: int | None, flips: int | None, size: int) -> Lack:
    """What lies beside a page's place in Postgres, one entry more than a page of each: it tells that there is more."""
    ping, flip = query.place or Place(0, 0)
    kinds = tuple(kind for kind in query.kinds if kind != STATUS)
    if query.way == "newer":
        return Lack(
            Stretch(pings, ping, kinds) if pings else None, Stretch(flips, flip) if flips else None, size + 1
        )
    return Lack(
        Stretch(min(pings, ping), kinds=kinds) if pings else None,
        Stretch(min(flips, flip)) if flips else None,
        size + 1,
    )


def _cut_pings(log: CheckLog, query: LogQuery) -> int | None:
    """The lowest number of the pings that Redis keeps, if lower ones belong to the page."""
    if query.kinds == (STATUS,):
        return None
    lowest = log.pings[-1].number if log.pings else log.ping_count + 1
    return lowest if lowest > 1 else None


def _cut_flips(log: CheckLog, query: LogQuery) -> int | None:
    if query.kinds and STATUS not in query.kinds:
        return None
    lowest = log.flips[-1].number if log.flips else 1
    return lowest if lowest > 1 else None


def _dated(entries: list[tuple[_Date, Line]]) -> list[tuple[_Date, Line]]:
    """Oldest first; the instant of none is before that of the one below it."""
    latest, found = (0, 0), []
    for date, line in entries:
        latest = max(latest, date, (latest[0], date[1]))
        found.append((latest, line))
    return found


def _part(lines: Sequence[Line], kinds: tuple[str, ...], place: Place) -> tuple[list[Line], list[Line]]:
    """What passes a filter, above a place and below it."""
    wanted = [line for line in lines if not kinds or line.kind in kinds]
    above = [line for line in wanted if not _is_below(line, place)]
    return above, [line for line in wanted if _is_below(line, place)]


def _is_parted(log: CheckLog, place: Place) -> bool:
    """Whether the entry just above a place is missing: numbers have no holes."""
    pings, flips = {ping.number for ping in log.pings}, {flip.number for flip in log.flips}
    return place.ping not in {*pings, log.ping_count + 1} or place.flip not in {*flips, log.flip_count + 1}


def _is_below(line: Line, place: Place) -> bool:
    if line.ping:
        return line.ping.number < place.ping
    return line.flip is not None and line.flip.number < place.flip


def _top(lines: Sequence[Line]) -> Place:
    """Above all lines."""
    return Place(
        max((line.ping.number for line in lines if line.ping), default=0) + 1,
        max((line.flip.number for line in lines if line.flip), default=0) + 1,
    )


def _under(shown: Sequence[Line], place: Place) -> Place:
    """The place just below some lines that begin below `place`."""
    return Place(
        min((line.ping.number for line in shown if line.ping), default=place.ping),
        min((line.flip.number for line in shown if line.flip), default=place.flip),
    )


def _over(shown: Sequence[Line], place: Place) -> Place:
    """The place just above some lines that end above `place`."""
    return Place(
        max((line.ping.number + 1 for line in shown if line.ping), default=place.ping),
        max((line.flip.number + 1 for line in shown if line.flip), default=place.flip),
    )


def _place(text: str) -> Place | None:
    found = _PLACE.fullmatch(text)
    return Place(int(found[1]), int(found[2])) if found else None
