"""/api/v1/user/sessions: where somebody is logged in to the account with a browser."""

from typing import Annotated, Literal

from pydantic import Field
from quart import Response
from typing_extensions import TypedDict

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import private
from ttr.api.describe import Moment, operation
from ttr.domain.moments import iso
from ttr.store.access_keys import list_keys
from ttr.store.errors import NotFound
from ttr.store.sessions import by_key, close_session_by_id, list_sessions


class SessionJson(TypedDict):
    """A browser that is logged in."""

    id: Annotated[str, Field(examples=["0123456789abcdef"])]
    created_at: Moment
    last_seen: Annotated[Moment, Field(description="To the minute.")]
    address: Annotated[str | None, Field(description="Where it was seen last.", examples=["203.0.113.9"])]
    user_agent: Annotated[str | None, Field(description="What the browser says of itself.")]
    opened_by: Annotated[
        Literal["key", "telegram", "operator"] | None,
        Field(description="What it ends with; null: not known."),
    ]
    key: Annotated[str | None, Field(description="The id of the access key it was opened with.")]


_MEANS: dict[str, Literal["key", "telegram", "operator"]] = {
    "key": "key",
    "telegram": "telegram",
    "admin": "operator",
}


@operation("List logins", tag="Account", answers={200: list[SessionJson]})
async def index() -> Response:
    """The browsers that are logged in to the account, the newest first; up to 50."""
    user = await caller()
    store = current.store()
    ids = {by_key(key.digest): key.id for key, _ in await list_keys(store, user)}
    found: list[SessionJson] = [
        {
            "id": session.id,
            "created_at": iso(session.created_at),
            "last_seen": iso(session.seen_at),
            "address": session.address or None,
            "user_agent": session.agent or None,
            "opened_by": _MEANS.get(session.opened_by.partition(":")[0]),
            "key": ids.get(session.opened_by),
        }
        for session in await list_sessions(store, user)
    ]
    return private(found)


@operation("End a login", tag="Account", answers={204: None})
async def delete(session: str) -> Response:
    """Log a browser out."""
    if not await close_session_by_id(current.store(), await caller(), session):
        raise NotFound("no such login")
    return Response(status=204, headers={"Cache-Control": "no-store"})
