"""What `ttr doctor` says of Postgres."""

from ttr.archive.database import open_database, refusals
from ttr.archive.examine import examine
from ttr.domain.finding import Finding
from ttr.settings import Settings
from ttr.store.redis import open_store, wait_until_ready
from ttr.up.borrowed import borrowed
from ttr.up.room import look_at_room

_WITHIN = 5.0
_WITHOUT = "what Redis's disk loses is lost, and history ends where Redis's does"


async def look_at_postgres(settings: Settings) -> list[Finding]:
    """The Postgres of DATABASE_URL, else the embedded one; its archive beside what Redis says of the last snapshot.

    Raises Refusal, ArchiveUnfit, ArchiveUnavailable, StoreUnavailable.
    """
    folder = settings.data_dir / "postgres"
    if not settings.database_url and settings.embedded_postgres == "off":
        return [Finding("ok", "archive", f"There is none, as EMBEDDED_POSTGRES says: {_WITHOUT}.")]
    if not settings.database_url and not folder.is_dir():
        todo = "Set DATABASE_URL, or let `ttr up` start a Postgres of its own"
        return [Finding("warning", "archive", f"There is none: {_WITHOUT}. {todo}.")]
    async with borrowed(settings) as servers:
        redis_url, database_url = await servers.redis(), await servers.postgres()
        async with (
            open_store(redis_url, cluster=settings.redis_cluster) as store,
            open_database(database_url) as database,
        ):
            await wait_until_ready(store, _WITHIN)
            with refusals():
                found = await examine(store, database, interval=settings.snapshot_interval_seconds)
    return found if settings.database_url else [*found, look_at_room(folder)]
