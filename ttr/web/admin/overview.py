"""The first page: how the installation does, and what is wrong with it."""

from collections.abc import Iterator

from quart import Response, request

from ttr import __version__, current
from ttr.domain.liveness import KINDS, Judged, Liveness, judge
from ttr.installation import Figures, installation
from ttr.now import now_ms
from ttr.store.processes import read_processes
from ttr.web.admin.door import require_admin
from ttr.web.live import digest
from ttr.web.reply import fragment, nothing_new, page

_PROCESSES_MOST = 100
"""Processes that are listed."""
_LAGS_MS = 60_000
"""A snapshot older than this is told by its age, and is a trouble if nobody says why."""


async def show() -> Response:
    """The page."""
    await require_admin()
    counted = installation()
    shown = _shown(await counted.figures(), await _live())
    return await page("admin/overview.html", version=__version__, started_at=counted.started_at, **shown)


async def figures() -> Response:
    """The figures alone; 204 when the browser shows them already."""
    await require_admin()
    shown = _shown(await installation().figures(), await _live())
    if request.args.get("shown") == shown["shown"]:
        return nothing_new()
    return await fragment("admin/_figures.html", **shown)


def troubles(found: Figures, live: Liveness) -> Iterator[str]:
    """What keeps this installation from doing its work, worst first, as sentences that say what to do."""
    if found.clock_is_silent and not (_clocks_speak(live) and "watch" in live.missing()):
        yield "Nobody looks for overdue checks: the clock is silent. Start it with ttr clock."
    queue_is_away = found.jobs is None or live.queue == "away"
    if queue_is_away:
        yield "The Redis of the job queue does not answer, so no alert leaves. Look at QUEUE_REDIS_URL."
    if "partitions" in live.missing():
        yield "A node of the Redis cluster is away: some pings are refused and nothing is judged. Look at ttr doctor."
    yield from _nobody(live, queue_is_away=queue_is_away)
    archive = found.archive
    if archive is not None and archive.state != "ok":
        why = f" {archive.detail}" if archive.detail else ""
        yield f"Postgres takes no snapshots; what has changed since stands in Redis alone.{why}"
    if found.watch.moving:
        yield "Deadlines are being moved by a time in which we were blind; alerts wait for that."


def _nobody(live: Liveness, *, queue_is_away: bool) -> Iterator[str]:
    """What is silent or stuck, first the work that nobody does."""
    missing = live.missing()
    # A worker whose queue is away goes round again by itself.
    if "worker" in missing and not queue_is_away:
        if live.count("worker", "stuck") or live.count("worker", "silent"):
            yield "No worker is online, so no alert leaves: those below are stuck or silent. Restart ttr worker."
        else:
            yield "No worker is online, so no alert leaves. Start one with ttr worker."
    # Of clocks that are gone it would be said twice: that they are silent, and each of their loops.
    for loop in missing if _clocks_speak(live) else ():
        if loop in _WAITS:
            yield f"{_WAITS[loop]} in any clock. Restart ttr clock; its log says what it did last."
    for kind in KINDS:
        ailing = live.count(kind, "stuck") + live.count(kind, "silent")
        if ailing and not missing:
            are = "is" if ailing == 1 else "are"
            yield f"Of the {kind} processes {ailing} {are} stuck or silent; nothing waits for that."


def _clocks_speak(live: Liveness) -> bool:
    return live.count("clock", "well") + live.count("clock", "stuck") > 0


_WAITS = {
    "archive": "No snapshots are taken: the loop archive does not go round",
    "chores": "What died half way is not finished: the loop chores does not go round",
    "dispatch": "No alert leaves: the loop dispatch does not go round",
    "self-ping": "SELF_PING_URL is not pinged: the loop self-ping does not go round",
    "wake": "No worker is woken: the loop wake does not go round",
    "watch": "Nobody looks for overdue checks: the loop watch does not go round",
}


async def _live() -> Liveness:
    return judge(await read_processes(current.store()), now_ms())


def _shown(found: Figures, live: Liveness) -> dict[str, object]:
    lags = found.archive is not None and found.at - found.archive.saved_at > _LAGS_MS
    said = list(troubles(found, live))
    # Not by the moments that grow with every tick and snapshot: nobody sees them.
    archive = found.archive and (found.archive.state, found.archive.saved_at if lags else 0)
    shown = digest(
        found.sums,
        found.watch.gap,
        found.addresses,
        found.jobs,
        found.failed,
        archive,
        said,
        found.clock_is_silent,
        [(one.process.id, one.state, one.stuck, _megabytes(one)) for one in live.processes],
    )
    return {
        "now": now_ms(),
        "figures": found,
        "sums": found.sums,
        "troubles": said,
        "lags": lags,
        "shown": shown,
        "workers_online": live.workers_online,
        "processes": [(one, _megabytes(one)) for one in live.processes[:_PROCESSES_MOST]],
        "processes_in_all": len(live.processes),
    }


def _megabytes(one: Judged) -> int | None:
    """Memory, to 5 MB: with every breath of a process the page would be new."""
    held = one.process.gauges.get("rss_bytes")
    return held and round(held / 5_000_000) * 5
