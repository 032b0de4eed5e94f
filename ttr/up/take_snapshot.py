"""The command `ttr snapshot`: everything that Redis holds, written into Postgres now."""

from ttr.archive.database import open_database, refusals
from ttr.archive.revisions import check_schema
from ttr.archive.snapshot import snapshot
from ttr.domain.moments import iso
from ttr.settings import Settings
from ttr.store.redis import open_store, verify_data, wait_until_ready
from ttr.store.snapshots import Overtaken
from ttr.up.borrowed import borrowed
from ttr.up.refusal import Refusal


async def take_snapshot(settings: Settings, *, compare: bool) -> int:
    """Take one and say what was written; 0. With `compare` everything is read, not only what has changed.

    Raises Refusal, ArchiveUnavailable, ArchiveUnfit, StoreUnavailable and StoreUnfit; it may be run again.
    """
    async with borrowed(settings) as servers:
        redis_url = await servers.redis()
        database_url = await servers.postgres()
        async with (
            open_store(redis_url, cluster=settings.redis_cluster) as store,
            open_database(database_url) as database,
        ):
            await wait_until_ready(store)
            await verify_data(store)
            await check_schema(database)
            try:
                with refusals():
                    saved = await snapshot(store, database, compare=compare)
            except Overtaken:
                saved = None
    if saved is None:
        raise Refusal("The clock is taking a snapshot right now. Try again in a moment.")
    read = "Everything was compared" if saved.compared else "What had changed was read"
    print(f"{read}, {saved.rows:,} rows. Postgres has whatever was acknowledged before {iso(saved.at)}.")
    if saved.left_out:
        raise Refusal(saved.left_out)
    return 0
