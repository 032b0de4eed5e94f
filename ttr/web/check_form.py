"""The form of a check: from its settings to the fields' texts, and from those to what the domain parses. Pure.

People give lengths as a number and a unit, and each kind of schedule has a field of its own; the domain knows
seconds and one `schedule`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ttr.domain import limits
from ttr.domain.check import CheckSettings
from ttr.domain.check_input import parse_check_form
from ttr.domain.invalid import FieldError, Invalid
from ttr.domain.schedule import INTERVAL_MAX_SECONDS, Schedule, ScheduleError, parse_schedule
from ttr.web import schedule_form
from ttr.web.schedule_form import UNITS, Due

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
_AMOUNTS = (*_LENGTHS, "remind")
_ONCE = (
    *(*_TEXTS, *_MORE, *_BOXES, *_AMOUNTS, *(f"{name}_unit" for name in _AMOUNTS)),
    *(*schedule_form.FIELDS, *schedule_form.BOXES),
)

# Where each is in the form, in its order, and what it is called in a list of faults.
_PLACES = (
    ("name", "name", "Name"),
    ("slug", "slug", "Slug"),
    ("tags", "tags", "Tags"),
    ("description", "description", "Description"),
    ("schedule_type", "kind-interval", "Kind of schedule"),
    ("interval_seconds", "interval", "Interval"),
    ("schedule", "", "Expression"),
    ("tz", "tz", "Time zone"),
    ("grace_seconds", "grace", "Grace"),
    ("channels", "told", "Who is told"),
    ("max_runtime_seconds", "max_runtime", "Longest run"),
    ("notify_after_failures", "notify_after_failures", "Failures"),
    ("remind_every_minutes", "remind", "Reminders"),
    ("expected_content", "expected_content", "Content rule"),
    ("expected_content_type", "rule-present", "What the content rule asks"),
)

Values = dict[str, str]


class Fields(Protocol):
    """A form or a query: names with values, some of them several times."""

    def get(self, key: str, default: str) -> str: ...

    def getlist(self, key: str) -> list[str]: ...

    def __contains__(self, key: object) -> bool: ...


@dataclass(frozen=True, slots=True)
class Fault:
    """A line of the list above the form: where its link leads, what the field is called, what is wrong."""

    place: str
    label: str
    message: str


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


def of_request(form: Fields) -> Values:
    """What was typed, to be shown again as it was. What is ticked of tags, channels and days is joined by commas;
    the latter two are there only if the form showed them."""
    values = {name: form.get(name, "") for name in _ONCE if name in form}
    values["ticked"] = ",".join(tag for tag in form.getlist("tag") if tag)
    if "shown_channels" in form:
        values["channels"] = ",".join(form.getlist("channel"))
    if "built" in form:
        values["built_days"] = ",".join(form.getlist("built_days"))
    return values


def of_query(query: Fields, values: Values) -> Values:
    """`values` with the fields that a link to the form fills in."""
    given = {name: query.get(name, "") for name in _ONCE if name in query}
    if "schedule_type" in given and given["schedule_type"] not in schedule_form.PRESETS:
        del given["schedule_type"]
    return values | given


def like(settings: CheckSettings, channels: Sequence[int]) -> Values:
    """The form of a new check that resembles another one; its slug is its own."""
    values = of_settings(settings)
    copy = " (copy)"
    values["name"] = settings.name[: limits.NAME_MAX - len(copy)] + copy
    values["channels"] = ",".join(map(str, channels))
    return values | {"slug": ""}


def split_tags(values: Values, offered: Sequence[str]) -> tuple[set[str], str]:
    """(the tags offered that are ticked, what stands in the field). Of what was sent, each stays where it was."""
    if "ticked" in values:
        return set(values["ticked"].split(",")), values.get("tags", "")
    names = [name.strip() for name in values.get("tags", "").split(",") if name.strip()]
    return {name for name in names if name in offered}, ", ".join(n for n in names if n not in offered)


def parse(values: Values, *, now: int, current: CheckSettings | None = None) -> CheckSettings:
    """The settings a form asks for; tags that stay keep their order. Raises Invalid with the domain's field names."""
    fields = {name: values[name] for name in (*_TEXTS, *_MORE, *_BOXES) if name in values}
    fields["tags"] = f"{values.get('ticked', '')},{values.get('tags', '')}"
    fields["schedule"] = values.get(values.get("schedule_type", ""), "")
    for name, field in _LENGTHS.items():
        fields[field] = _whole(values, name, UNITS)
    if values.get("schedule_type") in ("cron", "oncalendar"):
        # Its field is out of sight, and so would be what is wrong with it.
        del fields["interval_seconds"]
    fields["remind_every_minutes"] = _whole(values, "remind", REMIND_UNITS)
    try:
        settings = parse_check_form(fields, now=now, current=current)
    except Invalid as error:
        raise Invalid([*error.errors, *_schedule_fault(values, error, now, current)]) from None
    kept = [tag for tag in current.tags if tag in settings.tags] if current else []
    settings = replace(settings, tags=(*kept, *(tag for tag in settings.tags if tag not in kept)))
    if "channels" not in values:
        return settings
    ticked = [number for number in values["channels"].split(",") if number]
    if not all(number.isascii() and number.isdigit() and len(number) < 16 for number in ticked):
        raise Invalid([FieldError("channels", "One of the channels is not yours, or gone. Choose again.")])
    return replace(settings, channels=tuple(dict.fromkeys(map(int, ticked))))


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


def due_times(values: Values, now: int, viewer_tz: str) -> Due | str:
    """What the form's schedule would mean, or the sentence that says what is wrong with it."""
    try:
        schedule = schedule_of(values, now)
    except ScheduleError as error:
        return str(error)
    grace = _whole(values, "grace", UNITS)
    return schedule_form.due_of(schedule, int(grace) if _WHOLE.fullmatch(grace) else None, now, viewer_tz)


def faults(errors: Mapping[str, str], values: Values) -> list[Fault]:
    """What is wrong, in the order of the form; without what belongs to no field."""
    kind = values.get("schedule_type", "")
    return [Fault(place or kind, label, errors[field]) for field, place, label in _PLACES if field in errors]


def _schedule_fault(
    values: Values, error: Invalid, now: int, current: CheckSettings | None
) -> list[FieldError]:
    """What is wrong with the expression, which the domain judges only when each field is right by itself: people
    want to hear everything at once."""
    judged = {"schedule", "schedule_type", "tz", "interval_seconds"} & {one.field for one in error.errors}
    kind = values.get("schedule_type", "")
    if judged or kind not in ("cron", "oncalendar"):
        return []
    typed = values.get(kind, "").replace("\r\n", "\n").strip()
    if current and (kind, typed) == (current.schedule.kind, current.schedule.expression):
        # One that has run out may be kept.
        return []
    try:
        schedule_of(values, now)
    except ScheduleError as fault:
        return [FieldError("schedule", str(fault))]
    return []


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
        if field not in {place[0] for place in _PLACES}:
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
