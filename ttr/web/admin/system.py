"""How the installation does: its databases, its clock, the times it was blind, and the settings in force."""

import asyncio

from quart import Response

from ttr import __version__, current
from ttr.archive.errors import ArchiveUnavailable, ArchiveUnfit
from ttr.archive.examine import examine as examine_archive
from ttr.domain.finding import Finding
from ttr.in_force import in_force, obsolete_given
from ttr.now import now_ms
from ttr.store.archive_state import read_archive
from ttr.store.deadlines import read_clocks, read_known_gaps, read_ticks
from ttr.store.redis import examine
from ttr.store.snapshots import waiting
from ttr.web.admin.door import require_admin
from ttr.web.live import SILENT_MS
from ttr.web.reply import page

GAPS_SHOWN = 20
_WITHIN_SECONDS = 5


async def show() -> Response:
    """All of it."""
    await require_admin()
    store, settings, now = current.store(), current.settings(), now_ms()
    web, clock = await read_ticks(store)
    embedded = settings.redis_url is None
    return await page(
        "admin/system/show.html",
        now=now,
        version=__version__,
        web=web,
        clock=clock,
        silent=now - clock > SILENT_MS,
        clocks=await read_clocks(store),
        gaps=await read_known_gaps(store, GAPS_SHOWN),
        archive=await read_archive(store),
        behind=await waiting(store),
        redis=await examine(store, appendfsync=settings.redis_appendfsync if embedded else None),
        postgres=await _postgres(),
        settings=in_force(settings),
        obsolete=obsolete_given(),
    )


async def _postgres() -> list[Finding]:
    """What there is to say of the archive; one line when it is off or away."""
    archive = current.archive()
    if archive is None:
        return [Finding("ok", "archive", "There is none: DATABASE_URL is not set.")]
    try:
        async with asyncio.timeout(_WITHIN_SECONDS):
            return await examine_archive(
                current.store(), archive, interval=current.settings().snapshot_interval_seconds
            )
    except (ArchiveUnavailable, ArchiveUnfit) as error:
        return [Finding("bad", "archive", str(error))]
    except TimeoutError:
        return [Finding("bad", "archive", f"Postgres did not answer within {_WITHIN_SECONDS} s.")]
