"""When a check is due: an interval, a cron or an OnCalendar expression, turned into instants.

Times are integer milliseconds UTC. `parse_schedule` is the door; what it accepted, the other functions take
without raising.
"""

from dataclasses import dataclass
from typing import Literal

from ttr.domain.cron import next_cron, normal_cron
from ttr.domain.oncalendar import next_oncalendar, normal_oncalendar
from ttr.domain.schedule_text import SCHEDULE_LINES_MAX, SCHEDULE_TEXT_MAX, ScheduleError
from ttr.domain.zones import find_zone, from_ms, to_ms, wall_time, zone_names

__all__ = [
    "INTERVAL_MAX_SECONDS",
    "INTERVAL_MIN_SECONDS",
    "SCHEDULE_LINES_MAX",
    "SCHEDULE_TEXT_MAX",
    "Schedule",
    "ScheduleError",
    "ScheduleKind",
    "describe",
    "due_interval",
    "next_due",
    "parse_schedule",
    "preview",
    "wall_time",
    "zone_names",
]

INTERVAL_MIN_SECONDS = 1
INTERVAL_MAX_SECONDS = 366 * 86400

ScheduleKind = Literal["interval", "cron", "oncalendar"]

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule that passed `parse_schedule`."""

    kind: ScheduleKind
    interval_seconds: int | None  # for kind interval only
    expression: str | None  # normal form, for cron and oncalendar only; OnCalendar lines end in "\n"
    tz: str  # IANA name


def parse_schedule(
    kind: str, *, interval_seconds: int | None, expression: str | None, tz: str, now: int
) -> Schedule:
    """The schedule a user asked for, normalised. Raises ScheduleError, whose text is one plain sentence.

    The field that belongs to another kind is ignored. `now` (ms) is needed to refuse what is never due again.
    """
    zone = find_zone(tz)
    if kind == "interval":
        return Schedule("interval", _interval(interval_seconds), None, zone.key)
    if kind == "cron":
        schedule = Schedule("cron", None, normal_cron(expression), zone.key)
        if next_due(schedule, now) is None:
            raise ScheduleError("The cron expression never comes due.")
        return schedule
    if kind == "oncalendar":
        text = normal_oncalendar(expression, zone, from_ms(now).replace(microsecond=0))
        return Schedule("oncalendar", None, text, zone.key)
    raise ScheduleError("The schedule kind must be interval, cron or oncalendar.")


def next_due(schedule: Schedule, after: int) -> int | None:
    """The first due time strictly after `after`, both in ms. None when an OnCalendar schedule is over.

    An interval is due one interval after `after`.
    """
    if schedule.interval_seconds is not None:
        return after + schedule.interval_seconds * 1000
    # Due times are whole seconds, so "after this second began" and "after this millisecond" are the same.
    start = from_ms(after).replace(microsecond=0)
    following = next_cron if schedule.kind == "cron" else next_oncalendar
    due = following(_expression(schedule), start, find_zone(schedule.tz))
    return None if due is None else to_ms(due)


def due_interval(schedule: Schedule, now: int) -> tuple[int, int | None]:
    """(start, due), both ms, such that `next_due(schedule, t) == due` for every t in [start, due).

    With due None it holds for every t from start on. Not for intervals, whose due time moves with every ping.
    """
    return now, next_due(schedule, now)


def preview(schedule: Schedule, now: int, count: int = 6) -> list[int]:
    """Up to `count` due times after `now`, in ms and in order; fewer when the schedule ends."""
    times: list[int] = []
    after = now
    while len(times) < count and (due := next_due(schedule, after)) is not None:
        times.append(due)
        after = due
    return times


def describe(schedule: Schedule) -> str:
    """The schedule in a few words: 'every 10 minutes', 'every hour', 'cron 0 3 * * * (Europe/Riga)'."""
    if schedule.interval_seconds is not None:
        return f"every {_length(schedule.interval_seconds)}"
    word = "cron" if schedule.kind == "cron" else "on calendar"
    return f"{word} {'; '.join(_expression(schedule).splitlines())} ({schedule.tz})"


def _expression(schedule: Schedule) -> str:
    if schedule.expression is None:
        raise TypeError(f"a {schedule.kind} schedule without an expression")
    return schedule.expression


def _interval(seconds: int | None) -> int:
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise ScheduleError("The interval must be a whole number of seconds.")
    if not INTERVAL_MIN_SECONDS <= seconds <= INTERVAL_MAX_SECONDS:
        longest = INTERVAL_MAX_SECONDS // 86400
        raise ScheduleError(f"The interval must be from {INTERVAL_MIN_SECONDS} second to {longest} days.")
    return seconds


def _length(seconds: int) -> str:
    parts = []
    for unit, size in _UNITS:
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(f"{number} {unit}{'s' if number > 1 else ''}")
    return " ".join(parts) if len(parts) > 1 else parts[0].removeprefix("1 ")
