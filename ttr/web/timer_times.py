"""A check's schedule as the OnCalendar lines of a systemd timer. Pure."""

import re
from collections.abc import Sequence

from ttr.domain.cron import read_cron
from ttr.domain.oncalendar import read_oncalendar
from ttr.domain.schedule import Schedule

_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_ITEM = re.compile(r"(\*|\d+)(?:-(\d+))?(?:/(\d+))?")


def timer_times(schedule: Schedule) -> list[str]:
    """Lines that together come due when the schedule does, each with its zone; [] for an interval.

    Where clocks change the two may part: a time that they skip cron makes up for, OnCalendar does not.
    """
    match schedule.kind:
        case "oncalendar":
            lines = read_oncalendar(schedule.expression or "")
            return [f"{line.when} {line.zone.key if line.zone else schedule.tz}" for line in lines]
        case "cron":
            return [f"{line} {schedule.tz}" for line in _of_cron(read_cron(schedule.expression or "").fields)]
    return []


def _of_cron(fields: str) -> list[str]:
    minute, hour, day, month, weekday = fields.split(" ")
    months = _listed(month, 3)
    clock = f"{_listed(hour, 1)}:{_listed(minute, 0)}:00"
    dates = _dates(day, months)
    if re.search("[L#]", weekday):
        dates = [_numbered(item, months) for item in weekday.split(",")]  # such weekdays come with any date
    elif weekday != "*":
        names = ",".join(_DAYS[number] for number in sorted({value % 7 for value in _values(weekday, 4)}))
        if day.startswith("*") or weekday.startswith("*"):
            dates = [f"{names} {date}" for date in dates]
        else:  # cron takes either of two restricted day fields, OnCalendar both
            dates.append(f"{names} *-{months}-*")
    return [f"{date} {clock}" for date in dates]


def _dates(day: str, months: str) -> list[str]:
    """Days of the month, and its last one (`L`) on a line of its own."""
    plain = ",".join(item for item in day.split(",") if item != "L")
    found = [f"*-{months}-{_listed(plain, 2)}"] if plain else []
    return [*found, f"*-{months}~1"] if "L" in day.split(",") else found


def _numbered(item: str, months: str) -> str:
    """The last (`L5`) or a numbered (`5#2`) weekday: the one of its name in those seven days."""
    if item.startswith("L"):
        return f"{_DAYS[int(item[1:])]} *-{months}~7/1"
    number, _, nth = item.partition("#")
    first = 7 * int(nth) - 6
    return f"{_DAYS[int(number)]} *-{months}-{first}..{min(first + 6, 31)}"


def field_values(texts: Sequence[str]) -> list[list[int]] | None:
    """The values of each of a cron expression's five fields; None for a form that is no list of numbers."""
    if re.search("[L#]", " ".join(texts)):
        return None
    return [_values(text, place) for place, text in enumerate(texts)]


def _values(text: str, place: int) -> list[int]:
    """All values of a field, counted from the minutes: numbers, ranges and steps as `read_cron` leaves them."""
    low, high = _RANGES[place]
    found: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise ValueError(f"not a list of numbers: {text}")
        first, last, step = match[1], match[2], int(match[3] or 1)
        if first == "*":
            # A star in the weekday's field ends at Saturday: 7 is Sunday's second name.
            found |= set(range(low, (6 if high == 7 else high) + 1, step))
        elif last is None:
            found.add(int(first))
        elif int(last) >= int(first):
            found |= set(range(int(first), int(last) + 1, step))
        else:
            found |= set(range(int(first), high + 1)) | set(range(low, int(last) + 1))
    return sorted(found)


def _listed(text: str, place: int) -> str:
    """A field in OnCalendar's form: a star for all, a step through the whole, or a list."""
    low, high = _RANGES[place]
    values = _values(text, place)
    if len(values) == high - low + 1:
        return "*"
    width = 2 if place < 2 else 1
    step = values[1] - values[0] if len(values) > 2 else 0
    if step > 1 and values == list(range(values[0], high + 1, step)):
        return f"{values[0]:0{width}}/{step}"
    return ",".join(f"{value:0{width}}" for value in values)
