"""What a check's pings left: the log, and their bodies."""

from typing import Annotated

from pydantic import BaseModel, Field
from quart import Response, request
from typing_extensions import TypedDict

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import private
from ttr.api.comma_list import one_or_more_of, pattern_of
from ttr.api.describe import Moment, operation
from ttr.api.history_json import HistoryJson
from ttr.api.number_cursor import NumberCursor, cursor_before, number_in
from ttr.domain.invalid import parse_form
from ttr.domain.moments import iso
from ttr.geo import Place
from ttr.history import page_pings
from ttr.security_headers import DOWNLOADS, secure
from ttr.store.checks import get_check
from ttr.store.errors import NotFound
from ttr.store.ping_log import KINDS, METHODS, PingEntry
from ttr.store.pings import read_body


class PingsQuery(BaseModel):
    """The query of the log."""

    size: int = Field(100, ge=1, le=1_000, description="Pings a page.")
    cursor: NumberCursor = ""
    kind: Annotated[str, one_or_more_of(KINDS)] = Field(
        "",
        description=f"{', '.join(KINDS[:-1])} or {KINDS[-1]}; comma separated, pings of any of them.",
        json_schema_extra={"pattern": pattern_of(KINDS)},
    )


class PingJson(TypedDict):
    """What was recorded of one ping."""

    n: Annotated[int, Field(description="Its number; the check's pings count from 1.")]
    kind: Annotated[str, Field(json_schema_extra={"enum": list(KINDS)})]
    timestamp: Moment
    duration_seconds: Annotated[float | None, Field(description="How long the run that it ended took.")]
    rid: Annotated[str | None, Field(description="The id that its sender gave the run.")]
    exit_status: int | None
    reason: Annotated[str | None, Field(description="Why it counts as a failure.")]
    detail: str | None
    method: Annotated[str, Field(json_schema_extra={"enum": list(METHODS)})]
    ip_address: str | None
    user_agent: str | None
    country_code: Annotated[
        str,
        Field(
            description="Where it came from, by ISO 3166-1; XX when that is not known.",
            pattern="^[A-Z]{2}$",
            examples=["DE"],
        ),
    ]
    country_name: Annotated[
        str, Field(description="The country in English, or Unknown.", examples=["Germany"])
    ]
    connection_type: Annotated[
        str,
        Field(
            description="How its sender is connected, as the operator's database has it, or Unknown.",
            examples=["Cable/DSL"],
        ),
    ]
    size: Annotated[int, Field(description="Bytes of its body, before it was cut.")]


class PingsJson(TypedDict):
    """A page of the log, newest first."""

    items: list[PingJson]
    next_cursor: Annotated[
        str | None, Field(description="For the page of older pings; null when none is kept.")
    ]
    total: Annotated[int, Field(description="How many pings of any kind there have been.")]
    history: HistoryJson


class ContentJson(TypedDict):
    """The newest body."""

    content: Annotated[str | None, Field(description="The body as text; null when none is kept.")]
    ping: Annotated[int | None, Field(description="The number of the ping that it came with.")]


@operation("List pings", tag="History", query=PingsQuery, answers={200: PingsJson})
async def index(check: str) -> Response:
    """The pings that are kept, newest first: the last ones by Redis, older ones by Postgres."""
    user = await caller()
    query = parse_form(PingsQuery, request.args)
    found = await get_check(current.store(), user, check)
    geo = current.geo()
    page = await page_pings(
        current.store(),
        current.archive(),
        found,
        size=query.size,
        before=number_in(query.cursor),
        kinds=query.kind.split(",") if query.kind else (),
    )
    answer: PingsJson = {
        "items": [ping_json(entry, geo.place_of(entry)) for entry in page.entries],
        "next_cursor": cursor_before(page.before),
        "total": page.total,
        "history": page.reach,
    }
    return private(answer)


@operation("Show the newest body", tag="History", answers={200: ContentJson})
async def content(check: str) -> Response:
    """The newest body as text; null when none is kept."""
    user = await caller()
    found = await get_check(current.store(), user, check)
    body = await read_body(current.store(), found)
    text = None if body is None else body[1].decode("utf-8", "replace")
    answer: ContentJson = {"content": text, "ping": None if body is None else body[0]}
    return private(answer)


@operation("Download a ping's body", tag="History", answers={200: bytes})
async def body(check: str, number: int) -> Response:
    """One ping's body, byte for byte, as a download that no browser interprets."""
    user = await caller()
    found = await get_check(current.store(), user, check)
    kept = await read_body(current.store(), found, number)
    if kept is None:
        raise NotFound("This ping has no body that is kept.")
    answer = Response(kept[1], mimetype="application/octet-stream")
    answer.headers["Content-Disposition"] = f'attachment; filename="ping-{number}.bin"'
    answer.headers["Cache-Control"] = "private, no-cache"
    return secure(answer, DOWNLOADS)


def ping_json(entry: PingEntry, place: Place) -> PingJson:
    """A ping as the API shows it, and where it came from."""
    return {
        "n": entry.number,
        "kind": entry.kind,
        "timestamp": iso(entry.at),
        "duration_seconds": None if entry.duration_ms is None else entry.duration_ms / 1000,
        "rid": entry.rid or None,
        "exit_status": entry.exit_status,
        "reason": entry.reason or None,
        "detail": entry.detail or None,
        "method": entry.method,
        "ip_address": entry.address or None,
        "user_agent": entry.user_agent or None,
        "country_code": place.country_code,
        "country_name": place.country_name,
        "connection_type": place.connection_type,
        "size": entry.size,
    }
