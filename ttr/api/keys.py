"""POST /api/v1/keys: an account in one call. The key is shown here and never again."""

from typing import Annotated

from pydantic import Field
from quart import Response, jsonify
from typing_extensions import TypedDict

from ttr import current
from ttr.address import counted_as
from ttr.api import limits
from ttr.api.describe import operation
from ttr.now import now_ms
from ttr.store.users import create_user


class NewAccountJson(TypedDict):
    """A new account. The key is shown here and never again."""

    auth_key: Annotated[str, Field(description="What the X-Auth-Key header takes.")]
    user_slug: Annotated[str, Field(description="Begins its ping URLs.", examples=["quiet-otter"])]
    public_slug: Annotated[str, Field(description="Begins the addresses of its public pages.")]


@operation("Make an account", tag="Account", answers={201: NewAccountJson}, public=True)
async def create() -> tuple[Response, int]:
    """Make an account; 201 with its access key and slugs, 429 when the address has made too many."""
    await limits.spend("new-account", counted_as(current.address()))
    user, auth_key = await create_user(current.store(), now=now_ms(), master=current.settings().master_key)
    made: NewAccountJson = {
        "auth_key": auth_key,
        "user_slug": user.user_slug,
        "public_slug": user.public_slug,
    }
    answer = jsonify(made)
    answer.headers["Cache-Control"] = "no-store"
    return answer, 201
