"""Cron expressions from the choices that people make, and back: "every day at 03:00" is `0 3 * * *`. Pure.

`build` writes what the real schedule fires at exactly the chosen times; `read` gives back what `build` could have
written, and None for anything else, which is then a custom expression. A reading never changes what happens where
clocks change: `0 */2 * * *` follows the clock and `0 0,2,4,... * * *` does not, so only the latter can be read.
"""

from dataclasses import dataclass

from ttr.domain.cron import normal_cron, read_cron
from ttr.domain.schedule_text import ScheduleError

STEPS = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)
"""Minutes that divide an hour evenly; with any other step cron begins anew at each hour."""
ALL_DAYS = tuple(range(7))
"""Days of the week as cron numbers them: 0 is Sunday."""
_DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_WEEK = (1, 2, 3, 4, 5, 6, 0)


class BuildError(ValueError):
    """A choice that no cron expression can hold; `str(error)` is one plain sentence."""


@dataclass(frozen=True, slots=True)
class EveryMinutes:
    """Every so many minutes, by the clock; one of `STEPS`."""

    step: int


@dataclass(frozen=True, slots=True)
class EveryHour:
    """Once an hour, at this minute."""

    minute: int


@dataclass(frozen=True, slots=True)
class OnWeekdays:
    """On these days of the week, at this minute of these hours; with all seven days: every day."""

    days: tuple[int, ...]
    hours: tuple[int, ...]
    minute: int


@dataclass(frozen=True, slots=True)
class OnMonthDays:
    """On these days of each month, and with `last` on its last one, at this minute of these hours."""

    days: tuple[int, ...]
    last: bool
    hours: tuple[int, ...]
    minute: int


@dataclass(frozen=True, slots=True)
class WithinHours:
    """Every `step` minutes from `first` o'clock to the end of the hour `last`, on these days of the week."""

    step: int
    first: int
    last: int
    days: tuple[int, ...]


Plan = EveryMinutes | EveryHour | OnWeekdays | OnMonthDays | WithinHours


def build(plan: Plan) -> str:
    """The expression of a plan, in the stored form. Raises BuildError."""
    match plan:
        case EveryMinutes(step):
            return f"{_step(step)} * * * *"
        case EveryHour(minute):
            return f"{_within(minute, 0, 59, 'A minute is from 0 to 59.')} * * * *"
        case OnWeekdays(days, hours, minute):
            return f"{_at(hours, minute)} * * {_weekdays(days)}"
        case OnMonthDays(days, last, hours, minute):
            for day in days:
                _within(day, 1, 31, "A day of the month is from 1 to 31.")
            if not days and not last:
                raise BuildError("Choose a day of the month.")
            texts = [_numbers(days)] if days else []
            return f"{_at(hours, minute)} {','.join(texts + ['L'] * last)} * *"
        case WithinHours(step, first, last, days):
            _within(first, 0, 23, "An hour is from 0 to 23.")
            if not first <= last <= 23:
                raise BuildError("The hours must end after they begin; use two checks for a night.")
            span = "*" if (first, last) == (0, 23) else _numbers(tuple(range(first, last + 1)))
            return f"{_step(step)} {span} * * {_weekdays(days)}"


def read(expression: str) -> Plan | None:
    """The plan behind an expression; None when it is no cron expression, or one that no plan makes."""
    try:
        cron = read_cron(normal_cron(expression))
    except ScheduleError:
        return None
    plan = _plan(*cron.fields.split(" "))
    if plan is None:
        return None
    again = read_cron(build(plan))
    same = _meaning(again.fields) == _meaning(cron.fields) and again.fixed == cron.fixed
    return plan if same else None


def words(plan: Plan) -> str:
    """A plan as people say it: "every day at 03:00", "Monday to Friday at 08:30 and 17:30"."""
    match plan:
        case EveryMinutes(step):
            return _every(step)
        case EveryHour(minute):
            return f"every hour at :{minute:02d}"
        case OnWeekdays(days, hours, minute):
            return f"{_day_words(days)} at {_times(hours, minute)}"
        case OnMonthDays(days, last, hours, minute):
            named = [str(day) for day in days]
            on = f"on day {_listed(named)} of each month" if days else ""
            end = "on its last day" if days and last else "on the last day of each month" if last else ""
            return f"{' and '.join(part for part in (on, end) if part)} at {_times(hours, minute)}"
        case WithinHours(step, first, last, days):
            return f"{_every(step)} from {first:02d}:00 until {last + 1:02d}:00, {_day_words(days)}"


def _plan(minute: str, hour: str, day: str, month: str, weekday: str) -> Plan | None:
    """A plan that may be meant; whether it is, is seen when it is built again."""
    if month != "*":
        return None
    minutes, hours, weekdays = _values(minute, 59), _values(hour, 23), _values(weekday, 6)
    if minutes is None or hours is None or weekdays is None:
        return None
    step = 60 // len(minutes)
    if day != "*":
        items = day.split(",")
        days = _values(",".join(item for item in items if item != "L"), 31) if items != ["L"] else ()
        if weekday != "*" or days is None or len(minutes) > 1:
            return None
        return OnMonthDays(days, "L" in items, hours, minutes[0])
    if minute.startswith("*"):
        if hour == "*" and weekday == "*":
            return EveryMinutes(step) if step in STEPS else None
        return WithinHours(step, hours[0], hours[-1], weekdays) if step in STEPS else None
    if len(minutes) > 1:
        return None
    if hour == "*" and weekday == "*":
        return EveryHour(minutes[0])
    return OnWeekdays(weekdays, hours, minutes[0])


def _meaning(fields: str) -> list[object]:
    parts = zip(fields.split(" "), (59, 23, 31, 12, 6), strict=True)
    return [
        (_values(",".join(i for i in text.split(",") if i != "L"), most), "L" in text) for text, most in parts
    ]


def _values(text: str, most: int) -> tuple[int, ...] | None:
    """The numbers that a field of plain numbers names, in order; None for `L` and `#`. Day 7 is 0, Sunday."""
    low = 1 if most in (31, 12) else 0
    found: set[int] = set()
    for item in text.split(",") if text else ():
        span, _, by = item.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            found.update(range(low, most + 1, int(by or 1)))
        elif not first.isdecimal() or not (last or first).isdecimal():
            return None
        else:
            begin, end = int(first), int(last or first)
            end += (most + 1 - low) * (end < begin)
            found.update((n - low) % (most + 1 - low) + low for n in range(begin, end + 1, int(by or 1)))
    return tuple(sorted(found))


def _step(step: int) -> str:
    if step not in STEPS:
        raise BuildError(f"The minutes must be one of {', '.join(map(str, STEPS))}.")
    return "*" if step == 1 else f"*/{step}"


def _at(hours: tuple[int, ...], minute: int) -> str:
    if not hours:
        raise BuildError("Give a time, as 03:00.")
    for hour in hours:
        _within(hour, 0, 23, "An hour is from 0 to 23.")
    return f"{_within(minute, 0, 59, 'A minute is from 0 to 59.')} {_numbers(hours)}"


def _weekdays(days: tuple[int, ...]) -> str:
    if not days:
        raise BuildError("Choose a day of the week.")
    for day in days:
        _within(day, 0, 6, "A day of the week is from 0, Sunday, to 6.")
    return "*" if set(days) == set(ALL_DAYS) else _numbers(days)


def _within(number: int, low: int, high: int, sentence: str) -> int:
    if not low <= number <= high:
        raise BuildError(sentence)
    return number


def _numbers(numbers: tuple[int, ...]) -> str:
    """A list of numbers as cron has it, three or more in a row as a range: "1-5", "1,15", "0,6"."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = [[f"{run[0]}-{run[-1]}"] if len(run) > 2 else [str(n) for n in run] for run in runs]
    return ",".join(text for part in parts for text in part)


def _every(step: int) -> str:
    return "every minute" if step == 1 else f"every {step} minutes"


def _day_words(days: tuple[int, ...]) -> str:
    chosen = set(days)
    if chosen == set(ALL_DAYS):
        return "every day"
    if chosen == {1, 2, 3, 4, 5}:
        return "Monday to Friday"
    return f"every {_listed([_DAY_NAMES[day] for day in _WEEK if day in chosen])}"


def _times(hours: tuple[int, ...], minute: int) -> str:
    return _listed([f"{hour:02d}:{minute:02d}" for hour in hours])


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
