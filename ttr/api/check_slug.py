"""/api/v1/checks/slug-check: whether a check could get a slug."""

from pydantic import BaseModel, Field
from quart import Response, request
from typing_extensions import TypedDict

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import private
from ttr.api.describe import operation
from ttr.domain.check_input import slug_fault
from ttr.domain.invalid import parse_form
from ttr.store.checks import get_check
from ttr.store.errors import NotFound, SlugTaken
from ttr.store.users import User


class SlugQuery(BaseModel):
    """The slug, and for whom it is."""

    slug: str = Field(examples=["nightly-backup"])
    check_id: str = Field("", description="Number, UUID or slug of the check that may have the slug already.")


class SlugJson(TypedDict):
    """Whether a slug can be used: it must be valid and not taken. `message` says what is against it."""

    is_taken: bool
    valid: bool
    message: str | None


@operation("Check a slug", tag="Checks", query=SlugQuery, answers={200: SlugJson})
async def show() -> Response:
    """Whether a slug has the right form, and no other check of the account has it."""
    user = await caller()
    query = parse_form(SlugQuery, request.args)
    answer: SlugJson = {"is_taken": False, "valid": True, "message": None}
    if fault := slug_fault(query.slug):
        answer |= {"valid": False, "message": fault}
    elif (holder := await _number(user, query.slug)) is not None:
        own = await _number(user, query.check_id) if query.check_id else None
        if holder != own:
            answer |= {"is_taken": True, "message": str(SlugTaken(holder))}
    return private(answer)


async def _number(user: User, reference: str) -> int | None:
    try:
        return (await get_check(current.store(), user, reference)).id
    except NotFound:
        return None
