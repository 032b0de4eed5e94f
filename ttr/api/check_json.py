"""A check as the API shows it: the seed's field names, times as ISO 8601 UTC, no secret and no address."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from ttr.api.describe import Moment
from ttr.channels import KINDS, Kind
from ttr.channels.kind import lacking
from ttr.confirmations import why_off
from ttr.domain.check import Check, Status
from ttr.domain.moments import iso
from ttr.domain.schedule import ScheduleKind
from ttr.store.channels import Channel

Because = Literal["fail", "exit_status", "signal", "content", "overdue", "over_runtime"]
"""Why a check went down."""


class TagJson(TypedDict):
    """A tag; its number is stable while any check carries it."""

    id: int
    name: Annotated[str, Field(examples=["backup"])]


def _own_schema(schema: dict[str, Any]) -> None:
    """Add the fields of the channel of each kind that the check may have to itself."""
    for kind in KINDS.values():
        own: dict[str, dict[str, Any]] = {
            "enabled": {
                "type": "boolean",
                "description": f"Whether it has a {kind.label} channel to itself that is on.",
            },
            "configured": {"type": "boolean", "description": "Whether all its settings are there."},
            "off_reason": {
                "type": ["string", "null"],
                "description": "Why it is off though nobody turned it off.",
            },
            "off_message": {"type": ["string", "null"], "description": "The same as a sentence."},
            "last_notification_status": {"enum": ["ok", "error", None]},
            "last_notification_message": {"type": ["string", "null"]},
            "last_notification_timestamp": {"type": ["string", "null"], "format": "date-time"},
        }
        fields = {f"{kind.name}_{name}": said for name, said in own.items()}
        for field in kind.fields:
            if not field.secret:
                fields[field.name] = {
                    "type": ["string", "null"],
                    "description": f"{kind.label}: {field.label}.",
                }
        schema["properties"] |= fields
        schema["required"] += list(fields)


@with_config(ConfigDict(json_schema_extra=_own_schema))
class CheckJson(TypedDict):
    """A check. Sent back as it is, it changes nothing."""

    id: int
    uuid: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    name: Annotated[str, Field(examples=["Nightly backup"])]
    slug: Annotated[str | None, Field(examples=["nightly-backup"])]
    tags: list[TagJson]
    description: str
    schedule_type: ScheduleKind
    schedule: Annotated[
        str | None, Field(description="The cron or OnCalendar expression in its normal form.")
    ]
    tz: Annotated[str, Field(examples=["Europe/Berlin"])]
    interval_seconds: int | None
    grace_seconds: int
    max_runtime_seconds: int | None
    notify_after_failures: int | None
    notify_on_up: bool
    remind_every_minutes: int | None
    expected_content: str | None
    expected_content_type: Literal["present", "absent"] | None
    use_regex_for_content: bool
    post_only: bool
    channels: Annotated[list[int], Field(description="The numbers of the channels it uses.")]
    status: Status
    late: Annotated[bool, Field(description="Whether it is past its due time, and not paused.")]
    running: Annotated[bool, Field(description="Whether a run has started and not ended.")]
    paused: bool
    status_since: Moment
    reason: Annotated[Because | None, Field(description="Why it is down.")]
    reason_detail: Annotated[
        str | None,
        Field(description="The exit status, the signal's name, or how the content rule was broken."),
    ]
    created_at: Moment
    next_due: Annotated[Moment | None, Field(description="When its next ping is due.")]
    deadline: Annotated[Moment | None, Field(description="When it goes down unless a ping comes.")]
    last_ping: Moment | None
    last_start: Moment | None
    last_duration_seconds: float | None
    failure_count: Annotated[int, Field(description="Failures in a row.")]
    acknowledged: Annotated[bool, Field(description="Whether somebody has seen the failure it is down by.")]
    flapping: bool
    flapping_until: Moment | None
    flip_count: Annotated[int, Field(description="Status changes so far.")]
    ping_count: int
    has_content: Annotated[bool, Field(description="Whether a ping's body is kept.")]
    ping_url: Annotated[str, Field(examples=["https://ttr.example/p/quiet-otter/nightly-backup"])]


def check_json(
    check: Check, *, now: int, user_slug: str, base_url: str, channels: Mapping[int, Channel]
) -> CheckJson:
    """The check at `now`. `channels` holds at least its own ones; of each kind it may have one."""
    settings, schedule, rule = check.settings, check.settings.schedule, check.settings.rule
    shown: CheckJson = {
        "id": check.id,
        "uuid": check.uuid,
        "name": settings.name,
        "slug": settings.slug,
        "tags": [{"id": tag.id, "name": tag.name} for tag in check.tags],
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
        "channels": list(check.channels),
        "status": check.status,
        "late": check.late_at(now),
        "running": check.running,
        "paused": check.paused,
        "status_since": iso(check.status_since),
        "reason": cast(Because, check.reason) if check.reason else None,
        "reason_detail": check.reason_detail or None,
        "created_at": iso(check.created_at),
        "next_due": iso(check.due),
        "deadline": iso(check.deadline),
        "last_ping": iso(check.last_ping),
        "last_start": iso(check.last_start),
        "last_duration_seconds": None if check.last_duration_ms is None else check.last_duration_ms / 1000,
        "failure_count": check.failure_count,
        "acknowledged": check.acknowledged,
        "flapping": check.flapping,
        "flapping_until": iso(check.flapping_until),
        "flip_count": check.flip_count,
        "ping_count": check.ping_count,
        "has_content": check.has_body,
        "ping_url": f"{base_url}/p/{user_slug}/{check.address}",
    }
    own: dict[str, object] = {}
    for name, kind in KINDS.items():
        number = check.own_channels.get(name)
        own |= _own_json(kind, None if number is None else channels.get(number))
    return cast(CheckJson, {**shown, **own})


def _own_json(kind: Kind, own: Channel | None) -> dict[str, object]:
    """The check's own channel of a kind, as fields of the check."""
    secrets = dict.fromkeys(own.has, "set") if own else {}
    shown: dict[str, object] = {
        f"{kind.name}_enabled": own.enabled if own else False,
        f"{kind.name}_configured": own is not None and not lacking(kind, own.settings, secrets),
        f"{kind.name}_off_reason": own.off_reason if own else None,
        f"{kind.name}_off_message": (why_off(own) or None) if own else None,
        f"{kind.name}_last_notification_status": own.last_status if own else None,
        f"{kind.name}_last_notification_message": own.last_message if own else None,
        f"{kind.name}_last_notification_timestamp": iso(own.last_at) if own else None,
    }
    for field in kind.fields:
        if not field.secret:
            shown[field.name] = (own.settings.get(field.name) or None) if own else None
    return shown
