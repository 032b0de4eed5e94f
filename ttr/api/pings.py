"""What a check's pings left: the log, and their bodies."""

from pydantic import BaseModel, Field
from quart import Response, jsonify, request

from ttr import current
from ttr.api.auth import caller
from ttr.domain.invalid import parse_form
from ttr.domain.moments import iso
from ttr.store.checks import get_check
from ttr.store.errors import NotFound
from ttr.store.ping_log import PingEntry
from ttr.store.pings import read_body, read_pings


class PingsQuery(BaseModel):
    """The query of the log."""

    size: int = Field(100, ge=1, le=1_000)


async def index(check: str) -> Response:
    """The newest pings, newest first."""
    user = await caller()
    query = parse_form(PingsQuery, request.args)
    found = await get_check(current.store(), user, check)
    entries = await read_pings(current.store(), found, query.size)
    return _private(jsonify({"items": [ping_json(entry) for entry in entries], "total": found.ping_count}))


async def content(check: str) -> Response:
    """The newest body as text; null when none is kept."""
    user = await caller()
    found = await get_check(current.store(), user, check)
    body = await read_body(current.store(), found)
    text = None if body is None else body[1].decode("utf-8", "replace")
    return _private(jsonify({"content": text, "ping": None if body is None else body[0]}))


async def body(check: str, number: int) -> Response:
    """One ping's body, byte for byte, as a download that no browser interprets."""
    user = await caller()
    found = await get_check(current.store(), user, check)
    kept = await read_body(current.store(), found, number)
    if kept is None:
        raise NotFound("no body")
    answer = Response(kept[1], mimetype="application/octet-stream")
    answer.headers["Content-Disposition"] = f'attachment; filename="ping-{number}.bin"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return _private(answer)


def ping_json(entry: PingEntry) -> dict[str, object]:
    """A ping as the API shows it."""
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
        "size": entry.size,
    }


def _private(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer
