"""A check's changes of status."""

from typing import Annotated

from pydantic import BaseModel, Field
from quart import Response, request
from typing_extensions import TypedDict

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import private
from ttr.api.describe import Moment, operation
from ttr.api.history_json import HistoryJson
from ttr.api.number_cursor import NumberCursor, cursor_before, number_in
from ttr.domain.check import Status
from ttr.domain.flip import Flip
from ttr.domain.invalid import parse_form
from ttr.domain.moments import iso
from ttr.history import page_flips
from ttr.store.checks import get_check


class FlipsQuery(BaseModel):
    """The query of the changes."""

    size: int = Field(50, ge=1, le=200, description="Changes a page.")
    cursor: NumberCursor = ""


# Written as a call because of "from", which is no name in Python.
FlipJson = TypedDict(
    "FlipJson",
    {
        "n": Annotated[int, Field(description="Its number; the check's changes count from 1.")],
        "timestamp": Moment,
        "from": Status,
        "to": Status,
        "reason": Annotated[str | None, Field(description="Why it went down.", examples=["exit_status"])],
        "detail": Annotated[str | None, Field(description="Such as the exit status.", examples=["3"])],
        "duration_seconds": Annotated[float, Field(description="How long the old status had lasted.")],
    },
)
FlipJson.__doc__ = "A change of status."


class FlipsJson(TypedDict):
    """A page of the changes, newest first."""

    items: list[FlipJson]
    next_cursor: Annotated[
        str | None, Field(description="For the page of older changes; null when none is kept.")
    ]
    total: Annotated[int, Field(description="How many changes there have been.")]
    history: HistoryJson


@operation("List changes of status", tag="History", query=FlipsQuery, answers={200: FlipsJson})
async def index(check: str) -> Response:
    """The changes of status that are kept, newest first: the last 200 by Redis, older ones by Postgres."""
    user = await caller()
    query = parse_form(FlipsQuery, request.args)
    found = await get_check(current.store(), user, check)
    page = await page_flips(
        current.store(), current.archive(), found, size=query.size, before=number_in(query.cursor)
    )
    answer: FlipsJson = {
        "items": [flip_json(flip) for flip in page.entries],
        "next_cursor": cursor_before(page.before),
        "total": page.total,
        "history": page.reach,
    }
    return private(answer)


def flip_json(flip: Flip) -> FlipJson:
    """A change as the API shows it."""
    return {
        "n": flip.number,
        "timestamp": iso(flip.at),
        "from": flip.old,
        "to": flip.new,
        "reason": flip.reason or None,
        "detail": flip.detail or None,
        "duration_seconds": flip.lasted_ms / 1000,
    }
