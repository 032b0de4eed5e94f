"""What `ttr doctor` says of Redis."""

from ttr.domain.finding import Finding
from ttr.settings import Settings
from ttr.store.redis import examine, open_store, wait_until_ready
from ttr.up.borrowed import borrowed
from ttr.up.room import look_at_room

# Somebody waits at a terminal; a Redis that is well answers in milliseconds.
_WITHIN = 5.0


async def look_at_redis(settings: Settings) -> list[Finding]:
    """The Redis of REDIS_URL, else the embedded one, which is started for the time of looking if it does not run.

    Raises Refusal, StoreUnfit and StoreUnavailable.
    """
    if settings.redis_url:
        return [*await _look(settings.database, cluster=settings.redis_cluster), *_unused(settings)]
    mode = settings.redis_appendfsync
    async with borrowed(settings) as servers:
        found = await _look(await servers.redis(), appendfsync=mode)
    return [*found, look_at_room(settings.data_dir / "redis")]


async def _look(url: str, *, cluster: bool = False, appendfsync: str | None = None) -> list[Finding]:
    async with open_store(url, cluster=cluster) as store:
        await wait_until_ready(store, _WITHIN)
        return await examine(store, appendfsync=appendfsync)


def _unused(settings: Settings) -> list[Finding]:
    if "redis_appendfsync" not in settings.model_fields_set:
        return []
    return [
        Finding(
            "warning",
            "settings",
            "REDIS_APPENDFSYNC is for the embedded Redis and means nothing for the one of REDIS_URL. "
            "Set appendfsync there, or remove it here.",
        )
    ]
