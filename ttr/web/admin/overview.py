"""The first page: how the installation does, and what is wrong with it."""

from collections.abc import Iterator

from quart import Response, request

from ttr import __version__
from ttr.installation import Figures, installation
from ttr.now import now_ms
from ttr.web.admin.door import require_admin
from ttr.web.live import digest
from ttr.web.reply import fragment, nothing_new, page

_LAGS_MS = 60_000
"""A snapshot older than this is told by its age, and is a trouble if nobody says why."""


async def show() -> Response:
    """The page."""
    await require_admin()
    counted = installation()
    shown = _shown(await counted.figures())
    return await page("admin/overview.html", version=__version__, started_at=counted.started_at, **shown)


async def figures() -> Response:
    """The figures alone; 204 when the browser shows them already."""
    await require_admin()
    shown = _shown(await installation().figures())
    if request.args.get("shown") == shown["shown"]:
        return nothing_new()
    return await fragment("admin/_figures.html", **shown)


def troubles(found: Figures) -> Iterator[str]:
    """What keeps this installation from doing its work, worst first, as sentences that say what to do."""
    if found.clock_is_silent:
        yield "Nobody looks for overdue checks: the clock is silent. Start it with ttr clock."
    if found.jobs is None:
        yield "The Redis of the job queue does not answer, so no alert leaves. Look at QUEUE_REDIS_URL."
    elif found.jobs.workers == 0:
        yield "There is no worker, so no alert leaves. Start one with ttr worker."
    archive = found.archive
    if archive is not None and archive.state != "ok":
        why = f" {archive.detail}" if archive.detail else ""
        yield f"Postgres takes no snapshots; what has changed since stands in Redis alone.{why}"
    if found.watch.moving:
        yield "Deadlines are being moved by a time in which we were blind; alerts wait for that."


def _shown(found: Figures) -> dict[str, object]:
    lags = found.archive is not None and found.at - found.archive.saved_at > _LAGS_MS
    said = list(troubles(found))
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
    )
    return {
        "now": now_ms(),
        "figures": found,
        "sums": found.sums,
        "troubles": said,
        "lags": lags,
        "shown": shown,
    }
