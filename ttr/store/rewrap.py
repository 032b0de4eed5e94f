"""A new master key takes over: every account's data key, and the word that tells a wrong key, wrapped anew."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from redis.exceptions import WatchError

from ttr.store import keys
from ttr.store.redis import Store, store_trouble, verify_master_key
from ttr.store.sealed import Unreadable, rewrapped

# As many as a store has connections, so none waits for one.
_AT_A_TIME = 32
# Between the read and the write only another rotation can change a data key: twice is rare, ten times a fault.
_TRIES = 10
_UNREADABLE_NAMED = 20

_Fate = Literal["rewrapped", "already", "unreadable", "missing"]


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many accounts were re-wrapped, were under the newest key already, or can't be read by any key."""

    rewrapped: int
    already: int
    unreadable: int
    unreadable_users: tuple[int, ...]
    """The first 20 of them."""


async def rewrap_all(store: Store, master: str, *, progress: Callable[[int, int], None]) -> Rotated:
    """Wrap everything under the newest key of `master` (ENCRYPTION_KEY); `progress(done, all)` is told of accounts.

    Processes that know both keys may go on: each data key changes in one step, only if it is still the one that
    was read, and what it seals stays the same. A run that was cut off is simply made again. The word comes last:
    until then, a process that knows the newest key alone is refused. Raises StoreUnfit if no key fits this
    database, StoreUnavailable.
    """
    with store_trouble():
        await verify_master_key(store, master)
        fates: Counter[_Fate] = Counter()
        unreadable: list[int] = []
        done = 0
        # Asked again at the end: accounts are made meanwhile.
        while done < (last := int(await store.redis.get(keys.sequence("user")) or 0)):
            for first in range(done + 1, last + 1, _AT_A_TIME):
                users = range(first, min(first + _AT_A_TIME, last + 1))
                for user, fate in zip(users, await _rewrap_some(store, master, users), strict=True):
                    fates[fate] += 1
                    if fate == "unreadable" and len(unreadable) < _UNREADABLE_NAMED:
                        unreadable.append(user)
                done = users[-1]
                progress(done, last)
        await _rewrap_word(store, master)
    return Rotated(fates["rewrapped"], fates["already"], fates["unreadable"], tuple(unreadable))


async def _rewrap_some(store: Store, master: str, users: range) -> list[_Fate]:
    async with store.redis.pipeline(transaction=False) as pipe:
        for user in users:
            pipe.hget(keys.user(keys.partition_of(user), user), "data_key")
        read = await pipe.execute()
    return await asyncio.gather(
        *(_rewrap_one(store, master, user, wrapped) for user, wrapped in zip(users, read, strict=True))
    )


async def _rewrap_one(store: Store, master: str, user: int, read: bytes | None) -> _Fate:
    partition = keys.partition_of(user)
    for _ in range(_TRIES):
        if read is None:
            return "missing"  # a number that was given to an account whose making was broken off
        wrapped = read.decode(errors="replace")
        try:
            anew = rewrapped(master, wrapped)
        except Unreadable:
            return "unreadable"
        if anew == wrapped:
            return "already"
        if await store.scripts.run("rewrap", partition, [user, read, anew]):
            return "rewrapped"
        read = await store.redis.hget(keys.user(partition, user), "data_key")
    raise RuntimeError(f"the data key of account {user} changed {_TRIES} times while it was re-wrapped")


async def _rewrap_word(store: Store, master: str) -> None:
    async with store.redis.pipeline(transaction=True) as pipe:
        for _ in range(_TRIES):
            await pipe.watch(keys.meta())
            word = (await pipe.hget(keys.meta(), "sealed")).decode()
            try:
                anew = rewrapped(master, word)
            except Unreadable:  # a later key took over meanwhile
                return
            if anew == word:
                return
            pipe.multi()
            pipe.hset(keys.meta(), "sealed", anew)
            try:
                await pipe.execute()
                return
            except WatchError:
                continue
