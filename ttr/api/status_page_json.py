"""A status page as the API shows it: what its owner set, and the checks that stand on it now."""

from typing import Annotated, Any, NotRequired, cast

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from ttr.api.describe import Moment
from ttr.domain.check import Status
from ttr.domain.moments import iso
from ttr.domain.preferences import SCHEMES, THEMES
from ttr.domain.status_page import Entry, Layout, Level, StatusPage, Visibility
from ttr.store.status_page_checks import Member, Membership


class NoticeJson(TypedDict):
    """The message that is pinned to a page."""

    level: Level
    text: Annotated[str, Field(description="Markdown.")]
    at: Annotated[Moment, Field(description="When its words or its level last changed.")]


class EntryJson(TypedDict):
    """One line of a page's order: a heading, a check's number or a tag's name."""

    heading: NotRequired[str]
    check: NotRequired[int]
    tag: NotRequired[str]


class PageCheckJson(TypedDict):
    """A check as a status page shows it."""

    id: int
    uuid: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    name: Annotated[str, Field(examples=["Nightly backup"])]
    status: Status
    paused: bool
    last_ping: Moment | None
    last_duration_seconds: float | None


def _choices(schema: dict[str, Any]) -> None:
    schema["properties"]["theme"]["enum"] = list(THEMES)
    schema["properties"]["scheme"]["enum"] = list(SCHEMES)


@with_config(ConfigDict(json_schema_extra=_choices))
class StatusPageJson(TypedDict):
    """A status page. Sent back as it is, it changes nothing."""

    id: int
    uuid: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    name: Annotated[str, Field(examples=["Production"])]
    slug: Annotated[str, Field(examples=["production"])]
    is_public: Annotated[bool, Field(description="Whether anybody but you sees it.")]
    visibility: Annotated[
        Visibility,
        Field(
            description="public: listed among the account's pages; unlisted: for who has its address; "
            "off: for nobody but you."
        ),
    ]
    layout: Annotated[Layout, Field(description="What visitors see who have not chosen another.")]
    theme: str
    scheme: str
    intro: Annotated[str, Field(description="Markdown.")]
    notice: NoticeJson | None
    entries: Annotated[list[EntryJson], Field(description="What stands on it, in order.")]
    check_ids: Annotated[list[int], Field(description="The checks that are chosen one by one, in order.")]
    owner_id: Annotated[int, Field(description="The account's number.")]
    checks: Annotated[
        list[PageCheckJson],
        Field(description="All checks it shows, those of its tags too, each once, in its order."),
    ]
    url: Annotated[str, Field(examples=["https://ttr.example/s/quiet-otter/production"])]
    created_at: Moment
    changed_at: Moment


def status_page_json(
    page: StatusPage, shown: Membership, *, public_slug: str, base_url: str
) -> StatusPageJson:
    """The page with what it shows now; checks that are gone are in none of its lists."""
    settings = shown.settings
    notice = settings.notice
    return {
        "id": page.id,
        "uuid": page.uuid,
        "name": settings.name,
        "slug": settings.slug,
        "is_public": page.shown,
        "visibility": settings.visibility,
        "layout": settings.layout,
        "theme": settings.theme,
        "scheme": settings.scheme,
        "intro": settings.intro,
        "notice": {"level": notice.level, "text": notice.text, "at": iso(notice.at)} if notice else None,
        "entries": [_entry(entry) for entry in settings.entries],
        "check_ids": list(settings.check_ids),
        "owner_id": page.user_id,
        "checks": [_check(member) for member in shown.members],
        "url": f"{base_url}/s/{public_slug}/{settings.slug}",
        "created_at": iso(page.created_at),
        "changed_at": iso(page.changed_at),
    }


def _entry(entry: Entry) -> EntryJson:
    value: str | int = int(entry.value) if entry.kind == "check" else entry.value
    return cast(EntryJson, {entry.kind: value})


def _check(member: Member) -> PageCheckJson:
    return {
        "id": member.id,
        "uuid": member.uuid,
        "name": member.name,
        "status": member.status,
        "paused": member.status == "paused",
        "last_ping": iso(member.last_ping),
        "last_duration_seconds": None if member.last_duration_ms is None else member.last_duration_ms / 1000,
    }
