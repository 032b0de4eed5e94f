"""GET /health: 200 when Redis answers and a clock ticked within 10 s, else 503, with each part's state."""

from quart import Blueprint, Response, jsonify

from ttr import __version__, current
from ttr.now import now_ms
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
    except StoreUnavailable:
        parts = {"redis": "away", "clock": "unknown", "web": "ok"}
    else:
        parts = {"redis": "ok", "clock": "ok" if now - clock <= _STALE_MS else "silent", "web": "ok"}
    healthy = all(state == "ok" for state in parts.values())
    answer = jsonify({"status": "ok" if healthy else "unhealthy", "version": __version__, "parts": parts})
    answer.headers["Cache-Control"] = "no-store"
    return answer, 200 if healthy else 503
