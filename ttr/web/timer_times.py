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
    """Lines that together come due when the schedule does, each with its zone; [] where none can.

    cron takes either of two restricted day fields, OnCalendar both: then two lines say what one did.
    """
    match schedule.kind:
        case "oncalendar":
            lines = read_oncalendar(schedule.expression or "")
            return [f"{line.when} {line.zone.key if line.zone else schedule.tz}" for line in lines]
        case "cron":
            return [f"{line} {schedule.tz}" for line in _of_cron(read_cron(schedule.expression or "").fields)]
    return []


def _of_cron(fields: str) -> list[str]:
    texts = fields.split(" ")
    sets = field_values(texts)
    if sets is None:
        return []
    minute, hour, day, month, weekday = (_listed(found, place) for place, found in enumerate(sets))
    clock = f"{hour}:{minute}:00"
    names = ",".join(_DAYS[number] for number in sorted({number % 7 for number in sets[4]}))
    either = not texts[2].startswith("*") and not texts[4].startswith("*")
    if either:
        return [f"*-{month}-{day} {clock}", f"{names} *-{month}-* {clock}"]
    return [f"{names} *-{month}-{day} {clock}" if weekday != "*" else f"*-{month}-{day} {clock}"]


def field_values(texts: Sequence[str]) -> list[list[int]] | None:
    """The values of each of a cron expression's five fields; None for a form that is no list of numbers."""
    sets = [_values(text, low, high) for text, (low, high) in zip(texts, _RANGES, strict=True)]
    whole = [found for found in sets if found is not None]
    return whole if len(whole) == len(sets) else None


def _values(text: str, low: int, high: int) -> list[int] | None:
    """All values of a field; None for a form that is no list of numbers (`L`, `2#1`)."""
    found: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            return None
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


def _listed(values: list[int], place: int) -> str:
    low, high = _RANGES[place]
    if len({value % 7 for value in values} if place == 4 else values) == (
        7 if place == 4 else high - low + 1
    ):
        return "*"
    width = 2 if place < 2 else 1
    return ",".join(f"{value:0{width}}" for value in values)
