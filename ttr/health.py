"""GET /health: 200 when Redis answers and a clock ticked within 10 s, else 503, with each part's state.

Postgres is a part as well, but none that anybody waits for: while it is away, jobs are watched as ever.
"""

from typing import Any

from quart import Blueprint, Response, jsonify

from ttr import __version__, current
from ttr.domain.moments import iso
from ttr.now import now_ms
from ttr.store.archive_state import ArchiveState, read_archive
from ttr.store.deadlines import read_ticks
from ttr.store.errors import StoreUnavailable

health_blueprint = Blueprint("health", __name__)

_STALE_MS = 10_000


@health_blueprint.get("/health")
async def health() -> tuple[Response, int]:
    """Whether this installation does its job. The clock counts as well: without it nobody is told anything, and
    it ticks only while it sees that pings are taken.
    """
    now = now_ms()
    try:
        _, clock = await read_ticks(current.store())
        archive = await read_archive(current.store())
    except StoreUnavailable:
        needed = {"redis": "away", "clock": "unknown", "web": "ok"}
        others = {"postgres": "unknown"}
        archive = None
    else:
        needed = {"redis": "ok", "clock": "ok" if now - clock <= _STALE_MS else "silent", "web": "ok"}
        others = {"postgres": archive.state if archive else "off"}
    healthy = all(state == "ok" for state in needed.values())
    answer = jsonify(
        {
            "status": "ok" if healthy else "unhealthy",
            "version": __version__,
            "parts": needed | others,
            "snapshot": _snapshot(archive, now) if archive else None,
        }
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer, 200 if healthy else 503


def _snapshot(archive: ArchiveState, now: int) -> dict[str, Any]:
    """How far behind Postgres is. Why it takes none may name hosts, so that is for the operator's eyes only."""
    saved = archive.saved_at
    return {
        "at": iso(saved) if saved else None,
        "lag_seconds": round((now - saved) / 1000, 1) if saved else None,
    }
