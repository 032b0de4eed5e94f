"""What the validation of a check says beyond types and bounds, as JSON Schema; `check_input.py` is what judges.

The formats are ours: `cron`, `oncalendar`, `schedule` (either of the two), `time-zone` (an IANA name in any case)
and `re2` (a regular expression that RE2 understands and that is not too large).
"""

from typing import Any

from ttr.domain import limits
from ttr.domain.schedule import INTERVAL_MAX_SECONDS, INTERVAL_MIN_SECONDS
from ttr.domain.text import line, lines
from ttr.domain.uuids import UUID_PATTERN

SLUG: dict[str, Any] = {
    "type": "string",
    "maxLength": limits.SLUG_MAX,
    "pattern": "^[a-z0-9_-]*[a-z_-][a-z0-9_-]*$",
    "not": {"pattern": f"^{UUID_PATTERN}$"},
}
"""A slug: what is neither a number nor a UUID."""

_TAG: dict[str, Any] = {"type": "string", "pattern": line(limits.TAG_MAX, without=",", empty=True)}
TAGS: dict[str, Any] = {
    "anyOf": [
        {"type": "null"},
        {
            "type": "array",
            "maxItems": limits.TAGS_MAX,
            "items": {
                "anyOf": [_TAG, {"type": "object", "properties": {"name": _TAG}, "required": ["name"]}]
            },
        },
    ]
}
"""The tags of a check; null: it has none, or keeps them."""

EXAMPLES: dict[str, dict[str, Any]] = {
    "An interval": {
        "name": "Weekly report",
        "slug": "weekly-report",
        "tags": ["reports", "database"],
        "schedule_type": "interval",
        "interval_seconds": 604_800,
        "grace_seconds": 3_600,
    },
    "A cron expression": {
        "name": "Billing run",
        "schedule_type": "cron",
        "schedule": "30 2 * * 1-5",
        "tz": "Europe/Berlin",
        "grace_seconds": 900,
        "max_runtime_seconds": 1_800,
    },
    "OnCalendar, and what the output must hold": {
        "name": "Certificates",
        "schedule_type": "oncalendar",
        "schedule": "Mon..Fri *-*-* 07:00:00",
        "grace_seconds": 600,
        "expected_content": "renewed",
        "expected_content_type": "present",
    },
}
"""Bodies that make a check."""


def complete(schema: dict[str, Any]) -> None:
    """Say in the schema of all fields of a check what pydantic can't know."""
    say_fields(schema)
    schema["required"] = ["name", "grace_seconds"]
    schema["examples"] = list(EXAMPLES.values())
    schema["allOf"] = [
        {
            "anyOf": [
                {
                    "title": "interval",
                    "properties": {
                        "schedule_type": {"const": "interval"},
                        "schedule": {"enum": [None, ""]},
                        "interval_seconds": _INTERVAL,
                    },
                    "required": ["interval_seconds"],
                },
                # Only beside the type that was asked for does a schedule not count.
                {
                    "properties": {"schedule_type": {"const": "interval"}, "interval_seconds": _INTERVAL},
                    "required": ["schedule_type", "interval_seconds"],
                },
                *(
                    {
                        "title": kind,
                        "properties": {
                            "schedule_type": {"const": kind},
                            "schedule": _expression(kind),
                        },
                        "required": ["schedule_type", "schedule"],
                    }
                    for kind in ("cron", "oncalendar")
                ),
            ]
        },
        _RULE,
    ]


def _expression(kind: str) -> dict[str, Any]:
    return {"type": "string", "format": kind, "pattern": _WORDS[kind]}


def complete_change(schema: dict[str, Any]) -> None:
    """Say the same of a change, in which every field may be missing and none has a default."""
    say_fields(schema)
    fields = schema["properties"]
    for said in fields.values():
        said.pop("default", None)
    schema["allOf"] = [
        {
            "anyOf": [
                {
                    "title": "the schedule type stays",
                    "not": {"required": ["schedule_type"]},
                    "properties": {"schedule": {"anyOf": [{"enum": [None, ""]}, _EITHER]}},
                },
                {
                    "title": "interval",
                    "properties": {"schedule_type": {"const": "interval"}, "interval_seconds": _INTERVAL},
                    "required": ["schedule_type"],
                },
                *(
                    {
                        "title": kind,
                        "properties": {
                            "schedule_type": {"const": kind},
                            "schedule": _expression(kind),
                        },
                        "required": ["schedule_type"],
                    }
                    for kind in ("cron", "oncalendar")
                ),
            ]
        },
        _RULE,
    ]
    schema["examples"] = [{"grace_seconds": 1_800, "tags": ["backup"]}]


def say_fields(schema: dict[str, Any]) -> None:
    """Say what each field may hold, whatever the others do."""
    fields = schema["properties"]
    for name, said in _FIELDS.items():
        kept = {key: value for key, value in fields[name].items() if key in ("default", "title")}
        fields[name] = kept | said
    for name, text in _ABOUT.items():
        fields[name] = {"description": text} | fields[name]


# Five words or a name with @ before it; or lines of four words at most. The formats say the rest.
_WORDS = {
    "cron": r"^\s*(@[A-Za-z]+|\S+(\s+\S+){4})\s*$",
    "oncalendar": r"^\s*[^\s@]\S*([ \t]+\S+){0,3}[ \t]*(\r?\n[ \t]*(\S+([ \t]+\S+){0,3})?[ \t]*)*$",
}
_EITHER = {"type": "string", "format": "schedule", "pattern": r"\S"}
_INTERVAL = {"type": "integer", "minimum": INTERVAL_MIN_SECONDS, "maximum": INTERVAL_MAX_SECONDS}
# An empty rule is none, whatever the switch says.
_RULE = {
    "anyOf": [
        {"title": "a plain rule", "properties": {"use_regex_for_content": {"const": False}}},
        {
            "title": "a regular expression",
            "properties": {
                "use_regex_for_content": {"const": True},
                "expected_content": {"type": "string", "format": "re2"},
            },
            "required": ["use_regex_for_content", "expected_content"],
        },
        {"title": "no rule", "properties": {"expected_content": {"enum": [None, ""]}}},
    ]
}
_FIELDS: dict[str, dict[str, Any]] = {
    "name": {"type": "string", "maxLength": limits.NAME_MAX, "pattern": line(limits.NAME_MAX)},
    "slug": {"anyOf": [{"type": "null"}, {"const": ""}, SLUG]},
    "tags": TAGS,
    "description": {"type": "string", "maxLength": limits.DESCRIPTION_MAX, "pattern": lines()},
    "tz": {"type": "string", "format": "time-zone"},
    "expected_content": {"type": ["string", "null"], "maxLength": limits.CONTENT_RULE_MAX},
}
_ABOUT = {
    "name": "What people call it.",
    "slug": "Its name in ping URLs; the account's slugs are all different. Null or empty: it has none.",
    "tags": "Names; the tags of an answer can be sent back as they are.",
    "description": "What it does and what to do when it is down.",
    "schedule_type": "Which of the fields below says when it is due.",
    "schedule": "The cron or OnCalendar expression.",
    "tz": "The time zone of the schedule, an IANA name.",
    "interval_seconds": "For an interval: how long after a success the next one is due.",
    "grace_seconds": "How long past its due time it stays up.",
    "max_runtime_seconds": "How long a run may take before the check goes down.",
    "notify_after_failures": "Tell only after so many failures in a row.",
    "notify_on_up": "Tell when it is up again.",
    "remind_every_minutes": "Remind of a failure that nobody has acknowledged.",
    "expected_content": "What the body of a success must or must not hold.",
    "expected_content_type": "Which of the two; must hold unless you say otherwise.",
    "use_regex_for_content": "Whether it is a regular expression as RE2 reads it.",
    "post_only": "Take pings by POST only.",
    "channels": "The numbers of the channels it uses; omitted: a new check gets the default ones.",
}
