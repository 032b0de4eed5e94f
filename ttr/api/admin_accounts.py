"""GET /api/v1/admin/accounts: the accounts, as the admin pages list them."""

from typing import Annotated

from pydantic import BaseModel, Field
from quart import Response, request
from typing_extensions import TypedDict

from ttr import current
from ttr.api.admin_auth import admin_caller
from ttr.api.body import private
from ttr.api.describe import Moment, operation
from ttr.api.number_cursor import NumberCursor, cursor_before, number_in
from ttr.domain.invalid import parse_form
from ttr.domain.moments import iso
from ttr.now import now_ms
from ttr.store.every_account import AccountRow, list_accounts


class AccountsQuery(BaseModel):
    """The query of the accounts."""

    size: int = Field(25, ge=1, le=100, description="Accounts a page.")
    cursor: NumberCursor = ""


class AccountJson(TypedDict):
    """An account without anything that opens it. Checks that are late are up or new as well."""

    id: int
    created_at: Moment
    checks: int
    down: int
    late: int
    up: int
    new: int
    paused: int
    channels: int
    queued: Annotated[int, Field(description="Events that wait for a channel.")]
    body_bytes: Annotated[int, Field(description="Bytes of pings' bodies that are kept.")]
    key_used_at: Annotated[Moment | None, Field(description="When one of its keys was last used, if known.")]


class AccountsJson(TypedDict):
    """A page of accounts. It may hold none and still have a cursor, where many were deleted in a row."""

    items: list[AccountJson]
    looked: Annotated[int, Field(description="Account numbers that were looked at for it, at most 1,000.")]
    next_cursor: str | None


@operation("List accounts", tag="Admin", query=AccountsQuery, answers={200: AccountsJson}, admin=True)
async def index() -> Response:
    """All accounts, newest first."""
    await admin_caller()
    query = parse_form(AccountsQuery, request.args)
    found = await list_accounts(current.store(), below=number_in(query.cursor), size=query.size, now=now_ms())
    answer: AccountsJson = {
        "items": [_account_json(row) for row in found.accounts],
        "looked": found.looked,
        "next_cursor": cursor_before(found.below),
    }
    return private(answer)


def _account_json(row: AccountRow) -> AccountJson:
    return {
        "id": row.id,
        "created_at": iso(row.created_at),
        "checks": row.checks,
        "down": row.down,
        "late": row.late,
        "up": row.up,
        "new": row.new,
        "paused": row.paused,
        "channels": row.channels,
        "queued": row.queued,
        "body_bytes": row.body_bytes,
        "key_used_at": iso(row.key_used_at) if row.key_used_at else None,
    }
