"""A check as the API shows it: the seed's field names, times as ISO 8601 UTC, no secret and no address."""

from collections.abc import Mapping

from ttr.channels import KINDS, Kind
from ttr.channels.kind import lacking
from ttr.confirmations import why_off
from ttr.domain.check import Check
from ttr.domain.moments import iso
from ttr.store.channels import Channel


def check_json(
    check: Check, *, now: int, user_slug: str, base_url: str, channels: Mapping[int, Channel]
) -> dict[str, object]:
    """The check at `now`. `channels` holds at least its own ones; of each kind it may have one."""
    settings, schedule, rule = check.settings, check.settings.schedule, check.settings.rule
    shown: dict[str, object] = {
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
        "reason": check.reason or None,
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
    for name, kind in KINDS.items():
        number = check.own_channels.get(name)
        shown |= _own_json(kind, None if number is None else channels.get(number))
    return shown


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
