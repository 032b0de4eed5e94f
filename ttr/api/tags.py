"""/api/v1/checks/tags: the account's tags."""

from typing import Annotated

from pydantic import Field
from quart import Response
from typing_extensions import TypedDict

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import private
from ttr.api.describe import operation
from ttr.api.etag import account_tag, tagged, unchanged
from ttr.now import now_ms
from ttr.store.check_list import list_tags
from ttr.store.users import User


class CountedTag(TypedDict):
    """A tag and how many checks carry it; its number is stable while any check does."""

    id: int
    name: Annotated[str, Field(examples=["backup"])]
    checks: int


@operation("List tags", tag="Checks", answers={200: list[CountedTag], 304: None})
async def index() -> Response:
    """All tags of the account by name. One that no check carries any more is gone."""
    user = await caller()
    tag = await account_tag(user, now=now_ms())
    return unchanged(tag) or tagged(private(await counted_tags(user)), tag)


async def counted_tags(user: User) -> list[CountedTag]:
    """The tags by name."""
    found = await list_tags(current.store(), user)
    return [{"id": tag.id, "name": tag.name, "checks": checks} for tag, checks in found]
