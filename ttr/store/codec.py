"""A check to and from its Redis hash. Total: whatever the scripts wrote can be read."""

import json
from collections.abc import Mapping, Sequence
from typing import cast

from ttr.domain.check import Check, CheckSettings, Run, Status, Tag
from ttr.domain.content import ContentRule
from ttr.domain.folding import fold
from ttr.domain.schedule import Schedule

Hash = Mapping[str, str]


def pairs_to_hash(pairs: Sequence[bytes]) -> dict[str, str]:
    """HGETALL's flat answer as a dict of strings."""
    return {pairs[i].decode(): pairs[i + 1].decode("utf-8", "replace") for i in range(0, len(pairs), 2)}


def to_hash(raw: Mapping[bytes, bytes]) -> dict[str, str]:
    """HGETALL's or a stream entry's dict of bytes as one of strings."""
    return {name.decode(): value.decode("utf-8", "replace") for name, value in raw.items()}


def settings_to_fields(settings: CheckSettings) -> list[str]:
    """Field, value, ... of what an owner set, but for slug, tags and channels, which scripts keep in step."""
    rule = settings.rule
    fields: dict[str, str] = {
        "name": settings.name,
        "folded": folded(settings.name),
        "folded_tags": folded(",".join(settings.tags)),
        "description": settings.description,
        **schedule_to_fields(settings.schedule),
        "grace_seconds": str(settings.grace_seconds),
        "max_runtime_seconds": _text(settings.max_runtime_seconds),
        "notify_after_failures": _text(settings.notify_after_failures),
        "notify_on_up": _flag(settings.notify_on_up),
        "remind_every_minutes": _text(settings.remind_every_minutes),
        "rule": rule.text if rule else "",
        "rule_kind": rule.kind if rule else "",
        "rule_regex": _flag(rule.regex) if rule else "",
        "post_only": _flag(settings.post_only),
    }
    return [part for pair in fields.items() for part in pair]


def schedule_to_fields(schedule: Schedule) -> dict[str, str]:
    """The four fields of a schedule."""
    return {
        "schedule_type": schedule.kind,
        "schedule": schedule.expression or "",
        "tz": schedule.tz,
        "interval_seconds": _text(schedule.interval_seconds),
    }


def schedule_from_fields(kind: str, expression: str, tz: str, interval_seconds: str) -> Schedule:
    """The schedule that was validated when it was stored."""
    if kind == "cron":
        return Schedule("cron", None, expression, tz)
    if kind == "oncalendar":
        return Schedule("oncalendar", None, expression, tz)
    return Schedule("interval", int(interval_seconds), None, tz)


def rule_from_fields(text: str, kind: str, regex: str) -> ContentRule | None:
    """The content rule, or None."""
    if not text:
        return None
    return ContentRule(text, "absent" if kind == "absent" else "present", regex == "1")


def check_from_hash(fields: Hash) -> Check:
    """The check in a hash written by create_check.lua and those after it."""
    get = fields.get
    tags = tuple(Tag(int(tag), name) for tag, name in json.loads(get("tags") or "[]"))
    channels = tuple(int(channel) for channel in json.loads(get("channels") or "[]"))
    settings = CheckSettings(
        name=fields["name"],
        slug=get("slug") or None,
        tags=tuple(tag.name for tag in tags),
        description=get("description", ""),
        schedule=schedule_from_fields(
            get("schedule_type", "interval"),
            get("schedule", ""),
            get("tz") or "UTC",
            get("interval_seconds") or "86400",
        ),
        grace_seconds=int(fields["grace_seconds"]),
        max_runtime_seconds=_number(get("max_runtime_seconds")),
        notify_after_failures=_number(get("notify_after_failures")),
        notify_on_up=get("notify_on_up") == "1",
        remind_every_minutes=_number(get("remind_every_minutes")),
        rule=rule_from_fields(get("rule", ""), get("rule_kind", ""), get("rule_regex", "")),
        post_only=get("post_only") == "1",
        channels=channels,
    )
    return Check(
        id=int(fields["id"]),
        uuid=fields["uuid"],
        user_id=int(fields["user_id"]),
        settings=settings,
        tags=tags,
        channels=channels,
        own_channels=json.loads(get("own_channels") or "{}"),
        created_at=int(fields["created_at"]),
        revision=fields["revision"],
        status=cast(Status, fields["status"]),
        status_since=int(fields["status_since"]),
        last_ping=_number(get("last_ping")),
        last_start=_number(get("last_start")),
        last_duration_ms=_number(get("last_duration_ms")),
        failure_count=int(get("failure_count") or 0),
        ping_count=int(get("ping_count") or 0),
        alerted=get("alerted") == "1",
        due=_number(get("due")),
        deadline=_number(get("deadline")),
        armed_from=_number(get("armed_from")),
        reason=get("reason", ""),
        reason_detail=get("reason_detail", ""),
        acknowledged=bool(get("acknowledged")),
        flapping_until=_number(get("flapping_until")),
        flip_count=int(get("flip_count") or 0),
        runs=_runs(get("runs") or ""),
        has_body=int(get("body_bytes") or 0) > 0,
    )


def folded(text: str) -> str:
    """`text` as it is sorted and searched, "" when it is that already: most tags are."""
    form = fold(text)
    return "" if form == text else form


def _runs(text: str) -> tuple[Run, ...]:
    parts = (run.split(",") for run in text.split(";") if run)
    return tuple(Run(rid, int(started)) for rid, started, _hold in parts)


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _flag(value: bool) -> str:
    return "1" if value else "0"
