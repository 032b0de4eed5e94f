"""A check as the API of Healthchecks lists it, turned into an entry of a file here. Pure.

What `GET /api/v1/checks/`, `v2` and `v3` answer differs by version: older ones tell a check's UUID only at the end of
`ping_url` and `update_url`, and know fewer fields; some have null where others leave a text empty. A read-only key is
told no UUID at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, TypeGuard

from pydantic import BaseModel

from ttr.domain.invalid import WHOLE, FieldError, Invalid, parse_object
from ttr.domain.limits import NAME_MAX
from ttr.domain.uuids import is_uuid

_UUID_SHOWN = 8
_CRON_WORDS = 5
_ADDRESSES = ("uuid", "ping_url", "update_url")
# What entries here call otherwise. The grace is the longest run as well, and is told once.
_THEIR_NAMES = {
    "grace_seconds": "grace",
    "max_runtime_seconds": "grace",
    "interval_seconds": "timeout",
    "description": "desc",
    "post_only": "methods",
}


class _Listed(BaseModel):
    """The fields that are read; dates, counts and what is down come from pings here."""

    name: str | None = None
    slug: str | None = None
    tags: str | None = None
    desc: str | None = None
    grace: Annotated[int, WHOLE]
    timeout: Annotated[int, WHOLE] | None = None
    schedule: str | None = None
    tz: str | None = None
    methods: Literal["", "POST"] | None = None
    status: str | None = None
    manual_resume: bool | None = None
    channels: str | None = None
    uuid: str | None = None
    ping_url: str | None = None
    update_url: str | None = None
    start_kw: str | None = None
    success_kw: str | None = None
    failure_kw: str | None = None
    subject: str | None = None
    subject_fail: str | None = None
    filter_subject: bool | None = None
    filter_body: bool | None = None
    filter_http_body: bool | None = None
    filter_default_fail: bool | None = None


_FILTERS = (
    *("start_kw", "success_kw", "failure_kw", "subject", "subject_fail"),
    *("filter_subject", "filter_body", "filter_http_body", "filter_default_fail"),
)


@dataclass(slots=True)
class LeftBehind:
    """What the checks taken so far have that does not come over; lists hold names of checks."""

    filtered: list[str] = field(default_factory=list)
    paused: list[str] = field(default_factory=list)
    """Those that a ping resumes there."""
    notified: bool = False

    def note(self, entry: Mapping[str, Any], name: str) -> None:
        """Keep what is lost of an entry that was taken, under the name of its check."""
        if any(entry.get(rule) for rule in _FILTERS):
            self.filtered.append(name)
        if entry.get("status") == "paused" and not entry.get("manual_resume"):
            self.paused.append(name)
        self.notified |= bool(entry.get("channels"))

    def warnings(self) -> list[str]:
        """The same in sentences."""
        said: list[str] = []
        if self.filtered:
            said.append(f"Rules by key words in pings and mails are left out: {', '.join(self.filtered)}.")
        if self.paused:
            said.append(f"Unlike there, pings do not resume paused checks: {', '.join(self.paused)}.")
        if self.notified:
            said.append("Integrations are left out: new checks use your default channels.")
        return said


def is_theirs(entry: object) -> TypeGuard[dict[str, Any]]:
    """Whether an entry is a check of Healthchecks: it has a grace, and not by our name."""
    return isinstance(entry, dict) and "grace" in entry and "grace_seconds" not in entry


def judge_key(entry: object) -> None:
    """Refuse a check of Healthchecks as a read-only key is told it. Raises Invalid: no other of the file is better."""
    if is_theirs(entry) and "unique_key" in entry and not any(name in entry for name in _ADDRESSES):
        said = (
            "Healthchecks tells a read-only API key no UUIDs, so ping URLs would not stay as they are."
            " Fetch the file with a read-write key."
        )
        raise Invalid([FieldError("", said)])


def entry_of(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry of a file here for a check of Healthchecks. Raises Invalid."""
    check = parse_object(_Listed, entry)
    uuid = _uuid(check)
    return {
        "uuid": uuid,
        "name": _name(check, uuid),
        "slug": check.slug or None,
        # Blanks part them there; here commas may.
        "tags": list(dict.fromkeys((check.tags or "").replace(",", "").split())),
        "description": check.desc or "",
        "grace_seconds": check.grace,
        # As it is there, where a run must end within the grace.
        "max_runtime_seconds": check.grace,
        "post_only": check.methods == "POST",
        "paused": check.status == "paused",
        **_schedule(check),
    }


def in_their_words(errors: Sequence[FieldError]) -> list[FieldError]:
    """Errors with the names of fields that the file has, each said once."""
    told = (replace(error, field=_THEIR_NAMES.get(error.field, error.field)) for error in errors)
    return list(dict.fromkeys(told))


def _uuid(check: _Listed) -> str:
    if check.uuid:
        return check.uuid
    for url in (check.ping_url, check.update_url):
        last = (url or "").rstrip("/").rpartition("/")[2].lower()
        if is_uuid(last):
            return last
    raise Invalid([FieldError("uuid", "A UUID is needed, here or at the end of ping_url.")])


def _name(check: _Listed, uuid: str) -> str:
    """Never the whole UUID in place of one: names are published, and who has it can ping."""
    slug = (check.slug or "").strip()[:NAME_MAX]
    if is_uuid(slug.lower()):
        slug = ""
    return (check.name or "").strip() or slug or f"Unnamed {uuid[:_UUID_SHOWN]}"


def _schedule(check: _Listed) -> dict[str, Any]:
    if not check.schedule:
        return {"schedule_type": "interval", "interval_seconds": check.timeout}
    cron = "\n" not in check.schedule.strip() and len(check.schedule.split()) == _CRON_WORDS
    return {
        "schedule_type": "cron" if cron else "oncalendar",
        "schedule": check.schedule,
        "tz": check.tz or "UTC",
    }
