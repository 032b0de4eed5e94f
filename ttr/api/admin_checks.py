"""GET /api/v1/admin/checks: the checks of all accounts, as the admin pages list them."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field
from quart import Response, request
from typing_extensions import TypedDict

from ttr import current
from ttr.api.admin_auth import admin_caller
from ttr.api.body import private
from ttr.api.describe import Moment, operation
from ttr.domain.check import Check
from ttr.domain.invalid import parse_form
from ttr.domain.moments import iso
from ttr.domain.schedule import describe
from ttr.now import now_ms
from ttr.store.all_checks import all_checks
from ttr.store.check_list import Filter

_WORDS_MAX = 8
_CURSOR = r"^([0-9]{1,15}(\.[0-9]{1,10})?)?$"


class AdminChecksQuery(BaseModel):
    """The query of the checks of all accounts."""

    size: int = Field(25, ge=1, le=100, description="Checks a page.")
    status: Literal["", "down", "late", "up", "new", "paused"] = Field("", description="One status, or all.")
    q: str = Field(
        "",
        max_length=100,
        description="Words that are somewhere in the name, the slug or a tag; the first 8 count.",
    )
    cursor: str = Field("", pattern=_CURSOR, description="`next_cursor` of the page before this one.")


class AdminCheckJson(TypedDict):
    """A check of somebody's, without its address."""

    id: int
    account: int
    name: str
    slug: str | None
    status: Literal["new", "up", "down", "paused"]
    late: Annotated[bool, Field(description="Past due and inside its grace.")]
    schedule: Annotated[str, Field(description="In words.")]
    created_at: Moment
    last_ping: Moment | None
    due: Moment | None


class AdminChecksJson(TypedDict):
    """A page of checks. It may hold none and still have a cursor: a request looks through so much and no more."""

    items: list[AdminCheckJson]
    looked: int
    looked_at: Annotated[
        Literal["checks", "accounts"], Field(description="Whether `looked` counts check numbers or accounts.")
    ]
    next_cursor: str | None


@operation(
    "List the checks of all accounts",
    tag="Admin",
    query=AdminChecksQuery,
    answers={200: AdminChecksJson},
    admin=True,
)
async def index() -> Response:
    """Newest first; with a status or words account by account, newest first in each. A cursor goes with the filter that
    it was given for.
    """
    await admin_caller()
    query, now = parse_form(AdminChecksQuery, request.args), now_ms()
    words = tuple(query.q.split()[:_WORDS_MAX])
    filter = Filter(statuses=(query.status,) if query.status else (), words=words)
    found = await all_checks(current.store(), filter, onward=query.cursor, size=query.size, now=now)
    answer: AdminChecksJson = {
        "items": [_check_json(check, now) for check in found.checks],
        "looked": found.looked,
        "looked_at": found.of,
        "next_cursor": found.onward,
    }
    return private(answer)


def _check_json(check: Check, now: int) -> AdminCheckJson:
    return {
        "id": check.id,
        "account": check.user_id,
        "name": check.name,
        "slug": check.settings.slug,
        "status": check.status,
        "late": check.late_at(now),
        "schedule": describe(check.settings.schedule),
        "created_at": iso(check.created_at),
        "last_ping": iso(check.last_ping) if check.last_ping is not None else None,
        "due": iso(check.due) if check.due is not None else None,
    }
