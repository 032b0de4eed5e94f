"""What people send about a check, as JSON or as a form, turned into CheckSettings. Pure.

Every rule is written once, here and in `limits.py`; the slug's uniqueness is decided where it is stored.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from ttr.domain import limits
from ttr.domain.check import CheckSettings
from ttr.domain.check_schema import complete, complete_change
from ttr.domain.content import ContentRule, RuleError, check_rule
from ttr.domain.invalid import (
    WHOLE,
    Contradiction,
    FieldError,
    Invalid,
    has_control,
    parse_form,
    parse_json,
    parse_object,
)
from ttr.domain.schedule import (
    INTERVAL_MAX_SECONDS,
    INTERVAL_MIN_SECONDS,
    Schedule,
    ScheduleError,
    parse_schedule,
)
from ttr.domain.uuids import is_uuid
from ttr.domain.zones import find_zone

_SLUG = re.compile(r"[a-z0-9_-]+", re.ASCII)


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
    if is_uuid(slug):
        return "A slug can't look like a UUID."
    return None


def _tag_name(value: Any) -> Any:
    # What the API answers (`{"id": 1, "name": "db"}`) can be sent back as it is.
    return value.get("name") if isinstance(value, dict) else value


TagName = Annotated[str, BeforeValidator(_tag_name)]


class CheckInput(BaseModel):
    """The fields of a check in requests. Unknown fields are ignored, so an answer can be sent back."""

    model_config = ConfigDict(json_schema_extra=complete)

    name: str = Field(max_length=limits.NAME_MAX)
    slug: str | None = None
    # Longer lists are refused before each of their items becomes an error: 490,000 took 8.7 s.
    tags: list[TagName] | None = Field(None, max_length=1_000)
    description: str = Field("", max_length=limits.DESCRIPTION_MAX)
    schedule_type: Literal["interval", "cron", "oncalendar"] = "interval"
    schedule: str | None = None
    tz: str = "UTC"
    interval_seconds: (
        Annotated[int, Field(ge=INTERVAL_MIN_SECONDS, le=INTERVAL_MAX_SECONDS), WHOLE] | None
    ) = None
    grace_seconds: Annotated[int, Field(ge=limits.GRACE_MIN_SECONDS, le=limits.GRACE_MAX_SECONDS), WHOLE]
    max_runtime_seconds: (
        Annotated[int, Field(ge=limits.RUNTIME_MIN_SECONDS, le=limits.RUNTIME_MAX_SECONDS), WHOLE] | None
    ) = None
    notify_after_failures: Annotated[int, Field(ge=0, le=limits.FAILURES_MAX), WHOLE] | None = None
    notify_on_up: bool = True
    remind_every_minutes: (
        Annotated[int, Field(ge=limits.REMIND_MIN_MINUTES, le=limits.REMIND_MAX_MINUTES), WHOLE] | None
    ) = None
    expected_content: str | None = None
    expected_content_type: Literal["present", "absent"] | None = None
    use_regex_for_content: bool = False
    post_only: bool = False
    # What a check has to itself is answered with the others, and may be sent back with them.
    channels: list[Annotated[int, Field(ge=1, le=limits.NUMBER_MAX), WHOLE]] | None = Field(
        None, max_length=limits.CHANNELS_MAX + limits.OWN_CHANNELS_MAX
    )

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
        if len(value) > limits.TAGS_MAX:
            raise ValueError(f"At most {limits.TAGS_MAX} tags.")
        names = list(dict.fromkeys(name.strip() for name in value if name.strip()))
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


class CheckPatch(CheckInput):
    """The fields of a check that a PATCH may send: any of them, and what is not sent stays as it is."""

    model_config = ConfigDict(json_schema_extra=complete_change)

    name: str = Field("", max_length=limits.NAME_MAX)
    grace_seconds: Annotated[int, Field(ge=limits.GRACE_MIN_SECONDS, le=limits.GRACE_MAX_SECONDS), WHOLE] = 0


def parse_check_json(body: bytes, *, now: int, current: CheckSettings | None = None) -> CheckSettings:
    """The settings in a JSON body. With `current`, an omitted slug, tags or channels stay. Raises Invalid."""
    return _settings(parse_json(CheckInput, body), now, current)


def parse_check_fields(fields: Mapping[str, Any], *, now: int) -> CheckSettings:
    """The settings in a JSON object that was decoded already, as `parse_check_json` reads them. Raises Invalid."""
    return _settings(parse_object(CheckInput, fields), now, None)


def patch_check_json(body: bytes, *, now: int, current: CheckSettings) -> CheckSettings:
    """`current` with what a JSON body sends in place of it. Raises Invalid; Contradiction when what is sent is right
    by itself and not with what is kept, such as a field that the kept schedule type has no use for.
    """
    return patch_check(parse_json(CheckPatch, body), now=now, current=current)


def patch_check(given: CheckPatch, *, now: int, current: CheckSettings) -> CheckSettings:
    """`current` with the fields that were sent to `given`. Raises Invalid as `patch_check_json` does."""
    _judge_alone(given, now)
    sent = given.model_fields_set
    kept = check_fields(current)
    if "schedule_type" not in sent:
        _judge_kind(given, current.schedule)
    elif given.schedule_type != current.schedule.kind:
        # An expression of the one kind would be read as one of the other.
        kept |= {"schedule": None, "interval_seconds": None}
    update = {name: value for name, value in kept.items() if name not in sent}
    try:
        return _settings(given.model_copy(update=update), now, current)
    except Invalid as error:
        raise Contradiction(error.errors) from None


def check_fields(settings: CheckSettings) -> dict[str, Any]:
    """Settings as the fields that would send them; channels are left out, since None leaves them as they are."""
    schedule, rule = settings.schedule, settings.rule
    return {
        "name": settings.name,
        "slug": settings.slug,
        "tags": list(settings.tags),
        "description": settings.description,
        "schedule_type": schedule.kind,
        "schedule": schedule.expression,
        "tz": schedule.tz,
        "interval_seconds": schedule.interval_seconds,
        "grace_seconds": settings.grace_seconds,
        "max_runtime_seconds": settings.max_runtime_seconds,
        "notify_after_failures": settings.notify_after_failures,
        "notify_on_up": settings.notify_on_up,
        "remind_every_minutes": settings.remind_every_minutes,
        "expected_content": rule.text if rule else None,
        "expected_content_type": rule.kind if rule else None,
        "use_regex_for_content": rule.regex if rule else False,
        "post_only": settings.post_only,
    }


def _judge_alone(given: CheckPatch, now: int) -> None:
    """Refuse what would be wrong whatever the check is like now."""
    errors: list[FieldError] = []
    sent, kind = given.model_fields_set, given.schedule_type
    needed = "interval_seconds" if kind == "interval" else "schedule"
    if given.interval_seconds is not None:
        _schedule(given.model_copy(update={"schedule_type": "interval", "tz": "UTC"}), now, errors)
    if "schedule_type" in sent and needed in sent:
        _schedule(given, now, errors)
    else:
        if "tz" in sent:
            _try_zone(given.tz, errors)
        if "schedule_type" not in sent and given.schedule:
            tried: list[FieldError] = []
            read = [
                _schedule(given.model_copy(update={"schedule_type": one, "tz": "UTC"}), now, tried)
                for one in ("cron", "oncalendar")
            ]
            if not any(read):
                errors.append(tried[0])
    _rule(given, errors)
    if errors:
        raise Invalid(errors)


def _judge_kind(given: CheckPatch, kept: Schedule) -> None:
    """Refuse a schedule for an interval check, and an interval for the others, unless it is told to change."""
    field = "schedule" if kept.kind == "interval" else "interval_seconds"
    if getattr(given, field) not in (None, ""):
        other = "cron or oncalendar" if field == "schedule" else "interval"
        raise Contradiction(
            [
                FieldError(
                    field,
                    f"This check's schedule_type is {kept.kind}; to change it, send schedule_type: {other}.",
                )
            ]
        )


def parse_check_form(
    form: Mapping[str, str], *, now: int, current: CheckSettings | None = None
) -> CheckSettings:
    """The settings in a form: empty fields count as omitted, tags are comma separated, a missing
    checkbox is off. Slug and tags are always replaced; channels stay. Raises Invalid.
    """
    fields: dict[str, Any] = {name: value for name, value in form.items() if value.strip() != ""}
    # Repeated ones and empty ones don't count.
    fields["tags"] = list(
        dict.fromkeys(name.strip() for name in form.get("tags", "").split(",") if name.strip())
    )
    fields.setdefault("slug", "")
    fields.setdefault("description", "")
    for box in ("notify_on_up", "use_regex_for_content", "post_only"):
        fields[box] = box in form
    return _settings(parse_form(CheckInput, fields), now, current)


def _settings(given: CheckInput, now: int, current: CheckSettings | None) -> CheckSettings:
    errors: list[FieldError] = []
    sent = given.model_fields_set
    kept = current.schedule if current else None
    if given.schedule and "schedule_type" not in sent:
        # The interval that is the default would drop it; only one that was asked for does.
        errors.append(FieldError("schedule", "Send schedule_type with it: cron or oncalendar."))
        schedule = None
    else:
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
    if not _try_zone(given.tz, errors):
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


def _try_zone(name: str, errors: list[FieldError]) -> bool:
    try:
        find_zone(name)
    except ScheduleError as error:
        errors.append(FieldError("tz", str(error)))
        return False
    return True


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
