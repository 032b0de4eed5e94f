"""The form of a check: from its settings to the fields' texts, and from those to what the domain parses. Pure.

People give lengths as a number and a unit, and each kind of schedule has a field of its own; the domain knows
seconds and one `schedule`.
"""

import re
from collections.abc import Mapping

from ttr.domain import limits
from ttr.domain.check import CheckSettings
from ttr.domain.check_input import parse_check_form
from ttr.domain.invalid import FieldError
from ttr.domain.schedule import (
    INTERVAL_MAX_SECONDS,
    Schedule,
    ScheduleError,
    describe,
    parse_schedule,
    preview,
)

UNITS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}
_LENGTHS = {"interval": "interval_seconds", "grace": "grace_seconds", "max_runtime": "max_runtime_seconds"}
REMIND_UNITS = {"minutes": 1, "hours": 60, "days": 1_440}
_LONGEST = {
    "interval_seconds": INTERVAL_MAX_SECONDS,
    "grace_seconds": limits.GRACE_MAX_SECONDS,
    "max_runtime_seconds": limits.RUNTIME_MAX_SECONDS,
}
_WHOLE = re.compile(r"-?[0-9]{1,17}", re.ASCII)
_TEXTS = ("name", "slug", "tags", "description", "schedule_type", "cron", "oncalendar", "tz")
_MORE = ("notify_after_failures", "expected_content", "expected_content_type")
_BOXES = ("notify_on_up", "use_regex_for_content", "post_only")
_SHOWN = {
    *("name", "slug", "tags", "description", "schedule_type", "schedule", "tz"),
    *(*_LENGTHS.values(), *_MORE, "remind_every_minutes"),
}

Values = dict[str, str]


def blank() -> Values:
    """A new check's form: once a day, with an hour of grace."""
    return {
        "schedule_type": "interval",
        "interval": "1",
        "interval_unit": "days",
        "grace": "1",
        "grace_unit": "hours",
        "max_runtime_unit": "minutes",
        "remind_unit": "hours",
        "tz": "UTC",
        "notify_on_up": "on",
        "expected_content_type": "present",
    }


def of_settings(settings: CheckSettings) -> Values:
    """The form of an existing check."""
    schedule, rule = settings.schedule, settings.rule
    values = {
        "name": settings.name,
        "slug": settings.slug or "",
        "tags": ", ".join(settings.tags),
        "description": settings.description,
        "schedule_type": schedule.kind,
        "tz": schedule.tz,
        "notify_after_failures": _text(settings.notify_after_failures),
        "expected_content": rule.text if rule else "",
        "expected_content_type": rule.kind if rule else "present",
        **_amount("interval", schedule.interval_seconds, "days"),
        **_amount("grace", settings.grace_seconds, "hours"),
        **_amount("max_runtime", settings.max_runtime_seconds, "minutes"),
        **_amount("remind", settings.remind_every_minutes, "hours", REMIND_UNITS),
    }
    if schedule.kind != "interval":
        values[schedule.kind] = schedule.expression or ""
    boxes = (settings.notify_on_up, rule is not None and rule.regex, settings.post_only)
    return values | {name: "on" for name, ticked in zip(_BOXES, boxes, strict=True) if ticked}


def of_request(form: Mapping[str, str]) -> Values:
    """What was typed, to be shown again as it was."""
    amounts = (*_LENGTHS, "remind")
    names = (*_TEXTS, *_MORE, *_BOXES, *amounts, *(f"{name}_unit" for name in amounts))
    return {name: form[name] for name in names if name in form}


def parse(values: Values, *, now: int, current: CheckSettings | None = None) -> CheckSettings:
    """The settings a form asks for. Raises Invalid with the domain's field names."""
    fields = {name: values[name] for name in (*_TEXTS, *_MORE, *_BOXES) if name in values}
    fields["schedule"] = values.get(values.get("schedule_type", ""), "")
    for name, field in _LENGTHS.items():
        fields[field] = _whole(values, name, UNITS)
    if values.get("schedule_type") in ("cron", "oncalendar"):
        # Its field is out of sight, and so would be what is wrong with it.
        del fields["interval_seconds"]
    fields["remind_every_minutes"] = _whole(values, "remind", REMIND_UNITS)
    return parse_check_form(fields, now=now, current=current)


def schedule_of(values: Values, now: int) -> Schedule:
    """The schedule alone, for its preview. Raises ScheduleError."""
    kind = values.get("schedule_type", "")
    interval = _whole(values, "interval", UNITS)
    return parse_schedule(
        kind,
        interval_seconds=int(interval) if _WHOLE.fullmatch(interval) else None,
        expression=values.get(kind, ""),
        tz=values.get("tz", "").strip() or "UTC",
        now=now,
    )


def due_times(values: Values, now: int) -> dict[str, object]:
    """What the form's schedule would mean: its words and next six due times (ms), or `fault`, a sentence."""
    try:
        schedule = schedule_of(values, now)
    except ScheduleError as error:
        return {"fault": str(error)}
    return {
        "words": describe(schedule),
        "interval": schedule.kind == "interval",
        "tz": schedule.tz,
        "times": preview(schedule, now),
    }


def errors_by_field(errors: tuple[FieldError, ...]) -> dict[str, str]:
    """One sentence a field; "" holds what belongs to none that the form shows."""
    found: dict[str, str] = {}
    for error in errors:
        field, message = error.field, error.message
        if field == "schedule" and "time zone" in message:
            field = "tz"
        if field in _LONGEST and message.startswith(("At least", "At most")):
            message = f"From 1 second to {_LONGEST[field] // limits.DAY_SECONDS} days."
        if field == "remind_every_minutes" and message.startswith(("At least", "At most")):
            message = f"From 1 minute to {limits.REMIND_MAX_MINUTES // REMIND_UNITS['days']} days."
        if field not in _SHOWN:
            message = f"{field}: {message}" if field else message
            field = ""
        found[field] = f"{found[field]} {message}" if field in found else message
    return found


def _whole(values: Values, name: str, units: Mapping[str, int]) -> str:
    """The amount in the smallest unit; what is no whole number stays as it is, for the domain to refuse."""
    amount = values.get(name, "").strip()
    unit = units.get(values.get(f"{name}_unit", ""), 1)
    if amount.isascii() and amount.isdigit() and len(amount) < 12:
        return str(int(amount) * unit)
    return amount


def _amount(name: str, length: int | None, unit_when_empty: str, units: Mapping[str, int] = UNITS) -> Values:
    if length is None:
        return {f"{name}_unit": unit_when_empty}
    unit = next(unit for unit in reversed(list(units)) if length % units[unit] == 0)
    return {name: str(length // units[unit]), f"{name}_unit": unit}


def _text(number: int | None) -> str:
    return "" if number is None else str(number)
