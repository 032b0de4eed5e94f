"""GET /health: 200 when Redis answers and a clock ticked within 10 s, else 503, with each part's state.

Its `status` is `unhealthy` with a 503, and `degraded` with a 200 while something that alerts need has nobody to do it:
they are decided and wait. Postgres is a part as well, but none that anybody waits for: while it is away, jobs are
watched as ever. It tells kinds and loops, never hosts: anybody may ask.
"""

from typing import Any

from quart import Blueprint, Response, jsonify

from ttr import __version__, current
from ttr.domain.liveness import KINDS, Liveness, judge
from ttr.domain.moments import iso
from ttr.heartbeat import data_form
from ttr.now import now_ms
from ttr.store.archive_state import ArchiveState, read_archive
from ttr.store.deadlines import read_ticks
from ttr.store.errors import StoreUnavailable
from ttr.store.form import FORM
from ttr.store.processes import read_processes

health_blueprint = Blueprint("health", __name__)

_STALE_MS = 10_000


@health_blueprint.get("/health")
async def health() -> tuple[Response, int]:
    """Whether this installation does its job. The clock counts as well: without it nobody is told anything, and
    it ticks only while it sees that pings are taken.
    """
    now = now_ms()
    live: Liveness | None = None
    try:
        _, clock = await read_ticks(current.store())
        archive = await read_archive(current.store())
        processes = await read_processes(current.store())
    except StoreUnavailable:
        needed = {"redis": "away", "clock": "unknown", "web": "ok"}
        others = {"postgres": "unknown", "queue": "unknown", "worker": "unknown", "loops": "unknown"}
        archive = None
    else:
        needed = {"redis": "ok", "clock": "ok" if now - clock <= _STALE_MS else "silent", "web": "ok"}
        live = judge(processes, now)
        others = {
            "postgres": archive.state if archive else "off",
            "queue": live.queue,
            "worker": _worker(live),
            "loops": "stuck" if live.has_stuck() else "ok",
        }
    healthy = all(state == "ok" for state in needed.values())
    answer = jsonify(
        {
            "status": "unhealthy" if not healthy else "degraded" if live and live.missing() else "ok",
            "version": __version__,
            "data": _data(),
            "parts": needed | others,
            "snapshot": _snapshot(archive, now) if archive else None,
            "workers_online": live.workers_online if live else None,
            "missing": list(live.missing()) if live else None,
            "processes": _processes(live) if live else None,
        }
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer, 200 if healthy else 503


def _worker(live: Liveness) -> str:
    if live.workers_online:
        return "ok"
    states = [state for state in ("stuck", "silent") if live.count("worker", state)]
    return states[0] if states else "none"


def _processes(live: Liveness) -> dict[str, Any]:
    """By kind, how many are well, stuck and silent, and which loops are stuck."""
    return {
        kind: {
            "well": live.count(kind, "well"),
            "stuck": live.count(kind, "stuck"),
            "silent": live.count(kind, "silent"),
            "stuck_loops": list(live.stuck(kind)),
        }
        for kind in KINDS
    }


def _data() -> dict[str, int] | None:
    """The form that Redis's data is in, and the one that this version knows (docs/upgrade.md)."""
    form = data_form()
    return {"form": form.number, "known": FORM} if form else None


def _snapshot(archive: ArchiveState, now: int) -> dict[str, Any]:
    """How far behind Postgres is. Why it takes none may name hosts, so that is for the operator's eyes only."""
    saved = archive.saved_at
    return {
        "at": iso(saved) if saved else None,
        "lag_seconds": round((now - saved) / 1000, 1) if saved else None,
    }
