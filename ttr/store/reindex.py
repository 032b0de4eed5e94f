"""Builds the indexes of checks anew when this code keeps them in another form than the database has them in."""

import asyncio
import logging
import secrets

from ttr.store import keys
from ttr.store.redis import Store

log = logging.getLogger(__name__)

# Grows with every change of what `scripts/lua/includes/index.lua` writes.
INDEX_VERSION = 1
_CHECKS_A_CALL = 50  # about 1 ms
_ACCOUNTS_AT_ONCE = 16
_LEASE_MS = 30_000
_LOOK_SECONDS = 0.2


async def ensure_indexes(store: Store) -> None:
    """Rebuild the indexes of every account if they are older than this code; one process does, the others wait.

    Pings may go on meanwhile: they write the same entries. A run that is recorded while its account is being done may
    be off in the mean of durations until the next rebuild. One that was broken off begins again.
    """
    while not await _are_current(store):
        token = secrets.token_hex(8)
        if await store.redis.set(keys.reindexing(), token, nx=True, px=_LEASE_MS):
            if not await _are_current(store):
                await _rebuild(store)
            await store.redis.delete(keys.reindexing())
        else:
            await asyncio.sleep(_LOOK_SECONDS)


async def reindex(store: Store, user_id: int) -> None:
    """Rebuild one account's indexes; nothing happens for an account that is not there."""
    beyond = "0"
    while beyond:
        answer = await store.scripts.run(
            "reindex", keys.partition_of(user_id), [user_id, beyond, _CHECKS_A_CALL]
        )
        beyond = answer.decode()


async def _are_current(store: Store) -> bool:
    return int(await store.redis.hget(keys.meta(), "index_version") or 0) >= INDEX_VERSION


async def _rebuild(store: Store) -> None:
    accounts = int(await store.redis.get(keys.sequence("user")) or 0)
    if accounts:
        log.info("The indexes of checks are built anew, for %d accounts.", accounts)
    for first in range(1, accounts + 1, _ACCOUNTS_AT_ONCE):
        last = min(accounts, first + _ACCOUNTS_AT_ONCE - 1)
        await store.redis.pexpire(keys.reindexing(), _LEASE_MS)
        await asyncio.gather(*(reindex(store, user_id) for user_id in range(first, last + 1)))
    await store.redis.hset(keys.meta(), "index_version", INDEX_VERSION)
