"""systemd OnCalendar expressions: read line by line, walked by the oncalendar library."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from oncalendar import BaseIterator, OnCalendarError

from ttr.domain.schedule_text import ScheduleError, clean_lines, quoted
from ttr.domain.wallclock import next_once
from ttr.domain.zones import find_zone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHEN = re.compile(r"[0-9*]")


@dataclass(frozen=True, slots=True)
class Line:
    """One OnCalendar line: when, and the zone it ends with (None: the schedule's)."""

    when: str
    zone: ZoneInfo | None


def normal_oncalendar(text: str | None, zone: ZoneInfo, now: datetime) -> str:
    """The stored form of what a user typed: one expression a line, single blanks, zones spelt right.

    Raises ScheduleError if a line cannot be read or never comes due, or if all lines are over at `now`.
    Some lines of several may be over: a list of dates stays editable while it runs out.
    """
    lines = [_read_line(line) for line in clean_lines(text, "OnCalendar expression")]
    upcoming = False
    for line in lines:
        if _next_line(line, now, zone) is not None:
            upcoming = True
        elif _next_line(line, _EPOCH, zone) is None or _has_dates(line, now):
            raise ScheduleError(f"The OnCalendar expression{quoted(line.when)} never comes due.")
    if not upcoming:
        raise ScheduleError("The OnCalendar expression has no due time in the future.")
    return "\n".join(f"{line.when} {line.zone.key}" if line.zone else line.when for line in lines)


def next_oncalendar(expression: str, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The first due instant of any line strictly after `after`; both in UTC, `after` on a whole second.

    The library's rules where clocks change: a time in a skipped hour is not due that day, a time in a
    repeated hour is due in the first pass. None when all lines are over.
    """
    found = [_next_line(line, after, zone) for line in read_oncalendar(expression)]
    return min((due for due in found if due is not None), default=None)


@lru_cache(maxsize=1024)
def read_oncalendar(expression: str) -> tuple[Line, ...]:
    """The lines of a normal-form expression. Raises ScheduleError if one cannot be read."""
    return tuple(_read_line(line) for line in expression.split("\n"))


def _read_line(text: str) -> Line:
    when, _, last = text.rpartition(" ")
    if not when or _WHEN.match(last):  # no zone's name starts with a digit or a star
        when, zone = text, None
    else:
        zone = find_zone(last)
    try:
        BaseIterator(when, _EPOCH.replace(tzinfo=None))
    except OnCalendarError as error:
        raise ScheduleError(_sentence(str(error), when)) from None
    return Line(when, zone)


def _sentence(error: str, when: str) -> str:
    if error.startswith("Bad "):
        return f"The {error.removeprefix('Bad ')} in the OnCalendar expression{quoted(when)} is not valid."
    return f"The OnCalendar expression{quoted(when)} has the wrong number of parts."


def _has_dates(line: Line, now: datetime) -> bool:
    """Whether the line still has dates; if none of them is ever due, they all lie in skipped hours."""
    return next(BaseIterator(line.when, now.replace(tzinfo=None)), None) is not None


def _next_line(line: Line, after: datetime, zone: ZoneInfo) -> datetime | None:
    # The library is given naive wall times only. With a zone it may answer a time before the start (in the
    # second pass of a repeated hour), and it steps through a skipped hour second by second: `*:*:*` on a last
    # Sunday of March costs 3600 steps a year until 2200.
    return next_once(
        lambda wall: next(BaseIterator(line.when, wall), None),
        after,
        line.zone or zone,
        catch_up=False,
    )
