"""The command `ttr migrate`: the schema of the archive brought to the newest revision."""

import asyncio

from ttr.archive.revisions import is_newest, known_revisions
from ttr.settings import Settings
from ttr.up.borrowed import borrowed


async def migrate_archive(settings: Settings) -> int:
    """Migrate the database of DATABASE_URL or the embedded one, and say what was done; 0.

    Raises Refusal, ArchiveUnavailable and ArchiveUnfit, after which it may be run again.
    """
    async with borrowed(settings) as servers:
        applied = await _apply(await servers.postgres())
    newest = known_revisions()[-1]
    print(
        f"The archive is at revision {newest}" + (f", by {', '.join(applied)}." if applied else " already.")
    )
    return 0


async def _apply(url: str) -> list[str]:
    if await is_newest(url):
        return []
    # Only now: every start of `ttr up` comes by here, and Alembic takes 0.6 s to import.
    from ttr.archive.migrate import migrate

    return await asyncio.to_thread(migrate, url)
