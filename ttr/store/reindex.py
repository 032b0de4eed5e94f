"""Builds the indexes of checks anew when this code keeps them in another form than the database has them in."""

import asyncio
import json
import logging
import secrets

from ttr.store import keys
from ttr.store.codec import folded
from ttr.store.redis import Store, verify_data

log = logging.getLogger(__name__)

# Grows with every change of what `scripts/lua/includes/index.lua` writes, and of how text is folded.
INDEX_VERSION = 2
_CHECKS_A_CALL = 50  # about 1 ms
_ACCOUNTS_AT_ONCE = 16
_LEASE_MS = 30_000
_LOOK_SECONDS = 0.2


async def ensure_indexes(store: Store) -> None:
    """Rebuild the indexes of every account if they are older than this code; one process does, the others wait.

    Everything else may go on meanwhile: it writes the same entries. One that was broken off begins again. Of two that
    rebuild one account, the one that began later does it: a process that stalled for longer than its lease may be one.

    Raises StoreUnfit where a newer version closes the data to this one meanwhile: it takes minutes, in which a process
    that starts says nothing of itself, so that no migration waits for it.
    """
    while not await _are_current(store):
        token = secrets.token_hex(8)
        if await store.redis.set(keys.reindexing(), token, nx=True, px=_LEASE_MS):
            if not await _are_current(store):
                await _rebuild(store, token)
            if await store.redis.get(keys.reindexing()) == token.encode():
                await store.redis.delete(keys.reindexing())
        else:
            await asyncio.sleep(_LOOK_SECONDS)
        await verify_data(store)


async def reindex(store: Store, user_id: int) -> None:
    """Rebuild one account's indexes; nothing happens for an account that is not there."""
    partition, token, beyond = keys.partition_of(user_id), secrets.token_hex(8), "0"
    while beyond:
        texts = json.dumps(await _texts(store, partition, user_id, beyond))
        answer = await store.scripts.run(
            "reindex", partition, [user_id, beyond, _CHECKS_A_CALL, token, texts]
        )
        beyond = answer.decode()


async def _texts(store: Store, partition: int, user_id: int, beyond: str) -> dict[str, list[str]]:
    """The names and tags of the next checks as they are stored, each followed by its folded form."""
    ids = await store.redis.zrange(
        keys.user_checks(partition, user_id),
        f"({beyond}",
        "+inf",
        byscore=True,
        offset=0,
        num=_CHECKS_A_CALL,
    )
    async with store.redis.pipeline(transaction=False) as pipe:
        for check_id in ids:
            pipe.hmget(keys.check(partition, int(check_id)), "name", "tags")
        found = await pipe.execute()
    texts: dict[str, list[str]] = {}
    for check_id, (name, tags) in zip(ids, found, strict=True):
        if name is not None:
            stored = (tags or b"[]").decode()
            names = ",".join(tag for _, tag in json.loads(stored))
            texts[check_id.decode()] = [name.decode(), folded(name.decode()), stored, folded(names)]
    return texts


async def read_index_version(store: Store) -> int:
    """The version in which the indexes are kept; 0 where none were built yet."""
    return int(await store.redis.hget(keys.meta(), "index_version") or 0)


async def _are_current(store: Store) -> bool:
    return await read_index_version(store) >= INDEX_VERSION


async def _rebuild(store: Store, token: str) -> None:
    accounts = int(await store.redis.get(keys.sequence("user")) or 0)
    if accounts:
        log.info("The indexes of checks are built anew, for %d accounts.", accounts)
    for first in range(1, accounts + 1, _ACCOUNTS_AT_ONCE):
        await verify_data(store)
        last = min(accounts, first + _ACCOUNTS_AT_ONCE - 1)
        await store.redis.set(keys.reindexing(), token, px=_LEASE_MS)
        await asyncio.gather(*(reindex(store, user_id) for user_id in range(first, last + 1)))
    await store.redis.hset(keys.meta(), "index_version", INDEX_VERSION)
