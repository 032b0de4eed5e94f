"""Cron expressions: read strictly, walked by croniter, placed in time by Debian cron's rules."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter

from ttr.domain.schedule_text import ScheduleError, clean_lines, quoted
from ttr.domain.wallclock import next_by_the_clock, next_once

_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()  # the first word stands for `first_word`
    first_word: int = 0


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day-of-month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS, 1)
_WEEKDAY = _Field("day-of-week", 0, 7, _WEEKDAYS)
_FIELDS = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)

_VALUE = r"[0-9]{1,2}|[A-Z]{3}"
_ITEM = re.compile(rf"(?P<first>\*|{_VALUE})(?:-(?P<last>{_VALUE}))?(?:/(?P<step>[0-9]{{1,3}}))?")
_LAST_WEEKDAY = re.compile(rf"L(?P<after>{_VALUE})|(?P<before>{_VALUE})L")
_NTH_WEEKDAY = re.compile(rf"(?P<day>{_VALUE})#(?P<nth>[1-5])")
_RANDOM = re.compile(r"[HR](?:[(/]|$)")


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression that has been read.

    `fields` is the text for croniter: five fields of plain numbers. `fixed` is Debian cron's distinction:
    neither minute nor hour starts with a star, so the job runs once per date whatever the clocks do.
    """

    fields: str
    fixed: bool


def normal_cron(text: str | None) -> str:
    """The stored form of what a user typed: one space between fields, upper case, `@words` in lower case.

    Raises ScheduleError if the expression cannot be read.
    """
    lines = clean_lines(text, "cron expression")
    if len(lines) > 1:
        raise ScheduleError("A cron expression is a single line.")
    expression = lines[0].lower() if lines[0].startswith("@") else lines[0].upper()
    read_cron(expression)
    return expression


@lru_cache(maxsize=1024)
def read_cron(expression: str) -> Cron:
    """Read a normal-form expression. Raises ScheduleError with a plain sentence.

    Everything beyond this grammar is refused although croniter would take it: six and seven fields, `?`,
    `W`, random and hashed forms. What croniter reads unlike cron is spelt out: `5-5` (all values to croniter)
    is 5, `5L` becomes croniter's `L5`, `5/15` the full range it stands for.
    """
    if expression.startswith("@"):
        if expression not in _WORDS:
            raise ScheduleError(f"The word{quoted(expression)} is not one of {', '.join(_WORDS)}.")
        expression = _WORDS[expression]
    texts = expression.split(" ")
    if len(texts) != len(_FIELDS):
        raise ScheduleError(f"A cron expression has five fields, this one has {len(texts)}.")
    fields = [_read_field(field, text) for field, text in zip(_FIELDS, texts, strict=True)]
    if re.search("[L#]", fields[4]) and fields[2] != "*":
        # croniter finds no date at all for most of these.
        raise ScheduleError("A day-of-month cannot be combined with a last (L) or numbered (#) weekday.")
    return Cron(" ".join(fields), fixed=not texts[0].startswith("*") and not texts[1].startswith("*"))


def next_cron(expression: str, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The first due instant strictly after `after`; both in UTC, `after` on a whole second.

    Debian cron's rules where clocks change: a fixed time is due once, in the first pass of a repeated hour or
    right after a skipped one; with a star in front of minute or hour the schedule simply follows the clock.
    None if nothing is due for some 50 years.
    """
    cron = read_cron(expression)

    def walk(wall: datetime) -> datetime | None:
        try:
            # With the "bug", a day field that starts with a star narrows the other one, as in Debian cron.
            found: datetime = croniter(cron.fields, wall, implement_cron_bug=True).get_next(datetime)
        except CroniterBadDateError:
            return None
        return found

    if cron.fixed:
        return next_once(walk, after, zone, catch_up=True)
    return next_by_the_clock(walk, after, zone)


def _read_field(field: _Field, text: str) -> str:
    if "?" in text:
        raise ScheduleError(f"The {field.name} field cannot be '?', write '*' instead.")
    if _RANDOM.match(text):
        raise ScheduleError("Random (R) and hashed (H) cron fields are not supported.")
    items = text.split(",")
    read = [_read_item(field, item) for item in items]
    if "*" in read and len(read) > 1:
        raise ScheduleError(f"The {field.name} field has both a star and a list.")
    special = [item for item in read if field is _WEEKDAY and re.search("[L#]", item)]
    if special and len(special) != len(read):
        raise ScheduleError("Last (L) or numbered (#) weekdays cannot be listed together with plain ones.")
    return ",".join(read)


def _read_item(field: _Field, item: str) -> str:
    if field is _DAY and item == "L":
        return "L"
    if field is _DAY and re.fullmatch("[0-9]{1,2}W|W[0-9]{1,2}|LW", item):
        raise ScheduleError("The nearest weekday (W) is not supported.")
    if field is _WEEKDAY and (found := _LAST_WEEKDAY.fullmatch(item)):
        return f"L{_value(field, found['after'] or found['before'], item)}"
    if field is _WEEKDAY and (found := _NTH_WEEKDAY.fullmatch(item)):
        return f"{_value(field, found['day'], item)}#{found['nth']}"
    found = _ITEM.fullmatch(item)
    if found is None or (found["first"] == "*" and found["last"]):
        raise _bad(field, item)
    step = int(found["step"] or 1)
    if step == 0:
        raise ScheduleError(f"The step in the {field.name} field cannot be zero.")
    if found["first"] == "*":
        return f"*/{step}" if found["step"] else "*"
    first = _value(field, found["first"], item)
    if not found["last"] and not found["step"]:
        return str(first)
    last = _value(field, found["last"], item) if found["last"] else field.high
    return _range(field, first, last, step)


def _range(field: _Field, first: int, last: int, step: int) -> str:
    if first == last:
        return str(first)
    if field is _WEEKDAY:
        # Sunday is 0 at the start of a range and 7 at its end.
        first = first % 7
        last = last or 7
    if last < first and step > 1:
        # croniter counts the step wrongly over the end: 23-4/2 gives 23, 2, 4 and not 23, 1, 3.
        raise ScheduleError(f"A range in the {field.name} field that runs past the end cannot have a step.")
    return f"{first}-{last}/{step}" if step > 1 else f"{first}-{last}"


def _value(field: _Field, text: str, item: str) -> int:
    if text in field.words:
        return field.words.index(text) + field.first_word
    if not text.isdecimal() or not field.low <= int(text) <= field.high:
        raise _bad(field, item)
    return int(text)


def _bad(field: _Field, item: str) -> ScheduleError:
    shown = (quoted(item) or " one of its items") if item else " an empty item"
    limits = f"it takes values from {field.low} to {field.high}"
    return ScheduleError(f"The {field.name} field does not understand{shown}; {limits}.")
