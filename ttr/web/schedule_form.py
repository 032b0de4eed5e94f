"""The part of the form that says when a ping is due: presets, the cron builder's fields, and what it comes to. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ttr.domain import limits
from ttr.domain.alert import human_duration
from ttr.domain.clock_changes import clock_remarks
from ttr.domain.cron import normal_cron
from ttr.domain.cron_builder import (
    ALL_DAYS,
    STEPS,
    BuildError,
    EveryHour,
    EveryMinutes,
    OnMonthDays,
    OnWeekdays,
    Plan,
    WithinHours,
    build,
    read,
    words,
)
from ttr.domain.schedule import Schedule, describe, preview
from ttr.domain.schedule_text import ScheduleError
from ttr.domain.zones import find_zone, from_ms

Values = dict[str, str]

UNITS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}
KINDS = (
    ("minutes", "Every few minutes"),
    ("hourly", "Every hour"),
    ("daily", "Every day"),
    ("weekly", "Days of the week"),
    ("monthly", "Days of the month"),
    ("hours", "Within hours"),
)
MINUTES = STEPS
DAYS = ((1, "Mon"), (2, "Tue"), (3, "Wed"), (4, "Thu"), (5, "Fri"), (6, "Sat"), (0, "Sun"))
FIELDS = ("built", "built_step", "built_minute", "built_times", "built_dates", "built_from", "built_until")
BOXES = ("built_last",)

_TIME = re.compile(r"([0-9]{1,2})(?:[:.]([0-9]{2}))?", re.ASCII)
_DAY_BEGIN, _DAY_END = "8", "18"

PRESETS: Mapping[str, tuple[tuple[str, Values], ...]] = {
    "interval": (
        ("5 minutes", {"interval": "5", "interval_unit": "minutes"}),
        ("1 hour", {"interval": "1", "interval_unit": "hours"}),
        ("1 day", {"interval": "1", "interval_unit": "days"}),
        ("1 week", {"interval": "7", "interval_unit": "days"}),
    ),
    "cron": (
        ("Every 5 minutes", {"cron": "*/5 * * * *"}),
        ("Hourly", {"cron": "0 * * * *"}),
        ("Nightly 03:00", {"cron": "0 3 * * *"}),
        ("Weekdays 08:00", {"cron": "0 8 * * 1-5"}),
        ("Mondays 06:00", {"cron": "0 6 * * 1"}),
        ("1st of the month", {"cron": "0 3 1 * *"}),
    ),
    "oncalendar": (
        ("Every 5 minutes", {"oncalendar": "*:0/5"}),
        ("Hourly", {"oncalendar": "*-*-* *:00"}),
        ("Nightly 03:00", {"oncalendar": "*-*-* 03:00"}),
        ("Weekdays 08:00", {"oncalendar": "Mon..Fri 08:00"}),
        ("Mondays 06:00", {"oncalendar": "Mon 06:00"}),
        ("1st of the month", {"oncalendar": "*-*-01 03:00"}),
    ),
}


@dataclass(frozen=True, slots=True)
class Due:
    """What a schedule comes to. Times are ms UTC; `other_tz` is the reader's zone where it shows other times."""

    words: str
    expression: str
    interval: str
    tz: str
    other_tz: str
    times: list[int]
    grace: str
    alert: int | None
    remarks: list[str]


def preset(name: str) -> Values:
    """The fields that a preset fills in; `name` is its kind and number, as "cron-2". Unknown ones fill in nothing."""
    kind, _, number = name.partition("-")
    found = PRESETS.get(kind, ())
    if not (number.isascii() and number.isdigit() and len(number) < 3 and int(number) < len(found)):
        return {}
    return {"schedule_type": kind} | found[int(number)][1]


def built(values: Mapping[str, str]) -> str:
    """The expression of what is chosen in the builder. Raises BuildError."""
    return build(_plan(values))


def builder_of(values: Mapping[str, str]) -> Values:
    """The builder's fields as they are to be shown: as chosen, else as the expression reads, else a good beginning."""
    found = _BLANK | {"built_custom": ""}
    expression = values.get("cron", "").strip()
    if "built" in values:
        return found | {name: values.get(name, "") for name in (*FIELDS, *BOXES, "built_days")}
    if not expression:
        return found
    plan = read(expression)
    return found | ({"built_custom": "yes", "built": ""} if plan is None else _of_plan(plan))


def following(values: Mapping[str, str]) -> Values | None:
    """The builder's fields for an expression that was typed by hand; None when they say it already, and while it is
    none yet."""
    typed = values.get("cron", "")
    if values.get("schedule_type") != "cron":
        return None
    try:
        expression = normal_cron(typed)
        if built(values) == expression:
            return None
    except ScheduleError:
        return None
    except BuildError:
        pass
    return builder_of({"cron": typed})


def due_of(schedule: Schedule, grace_seconds: int | None, now: int, viewer_tz: str) -> Due:
    """What a schedule comes to as of `now`, with the grace if that is valid."""
    plan = read(schedule.expression or "") if schedule.kind == "cron" else None
    times = preview(schedule, now, 1 if schedule.kind == "interval" else 6)
    said = words(plan) if plan else describe(schedule)
    grace = grace_seconds if grace_seconds and 0 < grace_seconds <= limits.GRACE_MAX_SECONDS else None
    return Due(
        words=said[0].upper() + said[1:],
        expression=describe(schedule) if plan else "",
        interval=_apart(schedule),
        tz=schedule.tz,
        other_tz=viewer_tz if _differs(times, schedule.tz, viewer_tz) else "",
        times=times,
        grace=human_duration(grace * 1000) if grace else "",
        alert=times[0] + grace * 1000 if times and grace else None,
        remarks=clock_remarks(schedule, now),
    )


def _apart(schedule: Schedule) -> str:
    """How long after a ping an interval is due: "1 day", "90 seconds"; "" for the other kinds."""
    if schedule.kind != "interval":
        return ""
    length = describe(schedule).removeprefix("every ")
    return length if length[0].isdigit() else f"1 {length}"


def _differs(times: list[int], one: str, other: str) -> bool:
    first, second = find_zone(one), find_zone(other)
    return any(
        from_ms(ms).astimezone(first).utcoffset() != from_ms(ms).astimezone(second).utcoffset()
        for ms in times
    )


def _plan(values: Mapping[str, str]) -> Plan:
    get = values.get
    match get("built", ""):
        case "minutes":
            return EveryMinutes(_number(get("built_step", "")))
        case "hourly":
            return EveryHour(_number(get("built_minute", ""), "A minute is a number from 0 to 59."))
        case "daily":
            return OnWeekdays(ALL_DAYS, *_times(get("built_times", "")))
        case "weekly":
            return OnWeekdays(_days(values), *_times(get("built_times", "")))
        case "monthly":
            dates = [
                _number(text, "Days are numbers from 1 to 31.") for text in _parts(get("built_dates", ""))
            ]
            return OnMonthDays(
                tuple(sorted(set(dates))), get("built_last") == "on", *_times(get("built_times", ""))
            )
        case "hours":
            first, until = _number(get("built_from", "")), _number(get("built_until", ""))
            return WithinHours(_number(get("built_step", "")), first, until - 1, _days(values))
    raise BuildError("Choose how often.")


def _of_plan(plan: Plan) -> Values:
    match plan:
        case EveryMinutes(step):
            return {"built": "minutes", "built_step": str(step)}
        case EveryHour(minute):
            return {"built": "hourly", "built_minute": str(minute)}
        case OnWeekdays(days, hours, minute):
            kind: Literal["daily", "weekly"] = "daily" if days == ALL_DAYS else "weekly"
            chosen = {} if kind == "daily" else {"built_days": _joined(days)}
            return {"built": kind, "built_times": _clock(hours, minute)} | chosen
        case OnMonthDays(days, last, hours, minute):
            fields = {"built": "monthly", "built_dates": ", ".join(map(str, days))}
            return fields | {"built_last": "on" if last else "", "built_times": _clock(hours, minute)}
        case WithinHours(step, first, last, days):
            fields = {"built": "hours", "built_step": str(step), "built_days": _joined(days)}
            return fields | {"built_from": str(first), "built_until": str(last + 1)}


def _times(text: str) -> tuple[tuple[int, ...], int]:
    """Hours and the minute they share: one cron expression has no other times."""
    found = [_TIME.fullmatch(part) for part in _parts(text)]
    if not found or not all(found):
        raise BuildError("Times are hours and minutes, as 03:00, 15:00.")
    times = {(int(one[1]), int(one[2] or 0)) for one in found if one}
    if len({minute for _, minute in times}) > 1:
        raise BuildError(
            "The times must have the same minute, as 03:30, 15:30: one cron expression has no others."
        )
    return tuple(sorted(hour for hour, _ in times)), next(iter(times))[1]


def _parts(text: str) -> list[str]:
    return text.replace(",", " ").replace(";", " ").split()[:60]


def _days(values: Mapping[str, str]) -> tuple[int, ...]:
    return tuple(
        sorted({int(day) for day in values.get("built_days", "").split(",") if day in set("0123456")})
    )


def _number(text: str, sentence: str = "Choose a number.") -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        raise BuildError(sentence)
    return int(text)


def _clock(hours: tuple[int, ...], minute: int) -> str:
    return ", ".join(f"{hour:02d}:{minute:02d}" for hour in hours)


def _joined(days: tuple[int, ...]) -> str:
    return ",".join(map(str, days))


_BLANK: Values = {
    "built": "daily",
    "built_step": "15",
    "built_minute": "0",
    "built_times": "03:00",
    "built_days": "1,2,3,4,5",
    "built_dates": "1",
    "built_last": "",
    "built_from": _DAY_BEGIN,
    "built_until": _DAY_END,
}
