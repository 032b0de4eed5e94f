"""What people send about a check, as JSON or as a form, turned into CheckSettings. Pure.

Every rule is written once, here and in `limits.py`; the slug's uniqueness is decided where it is stored.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, field_validator

from ttr.domain import limits
from ttr.domain.check import CheckSettings
from ttr.domain.content import ContentRule, RuleError, check_rule
from ttr.domain.invalid import FieldError, Invalid, has_control, parse_form, parse_json
from ttr.domain.schedule import Schedule, ScheduleError, parse_schedule
from ttr.domain.zones import find_zone

_SLUG = re.compile(r"[a-z0-9_-]+", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)


def slug_fault(slug: str) -> str | None:
    """Why `slug` can't be a slug, as a sentence; None when it can.

    Digits alone would be taken for a check's number, a UUID for its UUID.
    """
    if len(slug) > limits.SLUG_MAX:
        return f"At most {limits.SLUG_MAX} characters."
    if not _SLUG.fullmatch(slug):
        return "Only a-z, 0-9, _ and - can be in a slug."
    if slug.isdigit():
        return "A slug of digits alone would be taken for a check's number; add a letter."
    if _UUID.fullmatch(slug):
        return "A slug can't look like a UUID."
    return None


def _tag_name(value: Any) -> Any:
    # What the API answers (`{"id": 1, "name": "db"}`) can be sent back as it is.
    return value.get("name") if isinstance(value, dict) else value


TagName = Annotated[str, BeforeValidator(_tag_name)]


class CheckInput(BaseModel):
    """The fields of a check in requests. Unknown fields are ignored, so an answer can be sent back."""

    name: str = Field(max_length=limits.NAME_MAX)
    slug: str | None = None
    # Longer lists are refused before each of their items becomes an error: 490,000 took 8.7 s.
    tags: list[TagName] | None = Field(None, max_length=1_000)
    description: str = Field("", max_length=limits.DESCRIPTION_MAX)
    schedule_type: Literal["interval", "cron", "oncalendar"] = "interval"
    schedule: str | None = None
    tz: str = "UTC"
    interval_seconds: int | None = None
    grace_seconds: int = Field(ge=limits.GRACE_MIN_SECONDS, le=limits.GRACE_MAX_SECONDS)
    max_runtime_seconds: int | None = Field(
        None, ge=limits.RUNTIME_MIN_SECONDS, le=limits.RUNTIME_MAX_SECONDS
    )
    notify_after_failures: int | None = Field(None, ge=0, le=limits.FAILURES_MAX)
    notify_on_up: bool = True
    remind_every_minutes: int | None = Field(None, ge=limits.REMIND_MIN_MINUTES, le=limits.REMIND_MAX_MINUTES)
    expected_content: str | None = None
    expected_content_type: Literal["present", "absent"] | None = None
    use_regex_for_content: bool = False
    post_only: bool = False
    # What a check has to itself is answered with the others, and may be sent back with them.
    channels: list[int] | None = Field(None, max_length=limits.CHANNELS_MAX + limits.OWN_CHANNELS_MAX)

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        value = value.strip()
        if not value:
            raise ValueError("This can't be empty.")
        if has_control(value):
            raise ValueError("Control characters can't be in a name.")
        return value

    @field_validator("slug")
    @classmethod
    def _slug(cls, value: str | None) -> str | None:
        if not value:
            return None
        if fault := slug_fault(value):
            raise ValueError(fault)
        return value

    @field_validator("tags")
    @classmethod
    def _tags(cls, value: list[str] | None) -> list[str] | None:
        if value is None:
            return None
        names = list(dict.fromkeys(name.strip() for name in value if name.strip()))
        if len(names) > limits.TAGS_MAX:
            raise ValueError(f"At most {limits.TAGS_MAX} tags.")
        for name in names:
            if len(name) > limits.TAG_MAX:
                raise ValueError(f"A tag has at most {limits.TAG_MAX} characters.")
            if has_control(name) or "," in name:
                raise ValueError("Commas and control characters can't be in a tag.")
        return names

    @field_validator("description")
    @classmethod
    def _description(cls, value: str) -> str:
        value = value.replace("\r\n", "\n").strip()
        if has_control(value, allowed="\n\t"):
            raise ValueError("Control characters can't be in a description.")
        return value


def parse_check_json(body: bytes, *, now: int, current: CheckSettings | None = None) -> CheckSettings:
    """The settings in a JSON body. With `current`, an omitted slug, tags or channels stay. Raises Invalid."""
    return _settings(parse_json(CheckInput, body), now, current)


def parse_check_form(
    form: Mapping[str, str], *, now: int, current: CheckSettings | None = None
) -> CheckSettings:
    """The settings in a form: empty fields count as omitted, tags are comma separated, a missing
    checkbox is off. Slug and tags are always replaced; channels stay. Raises Invalid.
    """
    fields: dict[str, Any] = {name: value for name, value in form.items() if value.strip() != ""}
    fields["tags"] = form.get("tags", "").split(",")
    fields.setdefault("slug", "")
    fields.setdefault("description", "")
    for box in ("notify_on_up", "use_regex_for_content", "post_only"):
        fields[box] = box in form
    return _settings(parse_form(CheckInput, fields), now, current)


def _settings(given: CheckInput, now: int, current: CheckSettings | None) -> CheckSettings:
    errors: list[FieldError] = []
    sent = given.model_fields_set
    kept = current.schedule if current else None
    schedule = kept if kept and _is_as_before(given, kept) else _schedule(given, now, errors)
    rule = _rule(given, errors)
    if errors or schedule is None:
        raise Invalid(errors)
    settings = CheckSettings(
        name=given.name,
        slug=given.slug,
        tags=tuple(given.tags or ()),
        description=given.description,
        schedule=schedule,
        grace_seconds=given.grace_seconds,
        max_runtime_seconds=given.max_runtime_seconds,
        notify_after_failures=given.notify_after_failures,
        notify_on_up=given.notify_on_up,
        remind_every_minutes=given.remind_every_minutes,
        rule=rule,
        post_only=given.post_only,
        channels=None if given.channels is None else tuple(dict.fromkeys(given.channels)),
    )
    if current is None:
        return settings
    return replace(
        settings,
        slug=settings.slug if "slug" in sent else current.slug,
        tags=settings.tags if "tags" in sent else current.tags,
    )


def _is_as_before(given: CheckInput, schedule: Schedule) -> bool:
    """Whether the schedule is sent back as it was answered: one that has run out can still be kept in an edit."""
    return schedule.kind != "interval" and (given.schedule_type, given.schedule, given.tz) == (
        schedule.kind,
        schedule.expression,
        schedule.tz,
    )


def _schedule(given: CheckInput, now: int, errors: list[FieldError]) -> Schedule | None:
    interval = given.schedule_type == "interval"
    field = "interval_seconds" if interval else "schedule"
    if getattr(given, field) in (None, ""):
        errors.append(FieldError(field, "This field is required."))
        return None
    try:
        find_zone(given.tz)
    except ScheduleError as error:
        errors.append(FieldError("tz", str(error)))
        return None
    try:
        return parse_schedule(
            given.schedule_type,
            interval_seconds=given.interval_seconds if interval else None,
            expression=None if interval else given.schedule,
            tz=given.tz,
            now=now,
        )
    except ScheduleError as error:
        errors.append(FieldError(field, str(error)))
        return None


def _rule(given: CheckInput, errors: list[FieldError]) -> ContentRule | None:
    if not given.expected_content:
        return None
    rule = ContentRule(
        given.expected_content, given.expected_content_type or "present", given.use_regex_for_content
    )
    try:
        check_rule(rule)
    except RuleError as error:
        errors.append(FieldError("expected_content", str(error)))
    return rule
