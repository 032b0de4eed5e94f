"""When the clocks look for what nobody uses, who does it, and how far that is. Without an archive of it: what is lost
here makes the next look come one interval later.
"""

from dataclasses import dataclass

from ttr.store import keys, lease
from ttr.store.redis import Store, store_trouble

LEASE_MS = 60_000
"""So long whoever does it may be silent; a step of it takes seconds."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a cleanup is that is under way, or was broken off."""

    beyond: int
    """The last account that is done."""
    checks: int = 0
    accounts: int = 0


async def next_cleanup(store: Store, now: int, interval_ms: int) -> int:
    """When the next one begins, ms. The first is an interval away, so that whoever turns it on has time to look; a
    shorter interval counts at once."""
    key, latest = keys.cleanup(), now + interval_ms
    with store_trouble():
        await store.redis.hsetnx(key, "next_at", str(latest))
        planned = int(await store.redis.hget(key, "next_at") or latest)
    if planned > latest:
        await plan_cleanup(store, latest)
    return min(planned, latest)


async def plan_cleanup(store: Store, at: int) -> None:
    """Let the next one begin then, from the first account."""
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.hset(keys.cleanup(), "next_at", at)
            pipe.hdel(keys.cleanup(), "beyond", "checks", "accounts")
            await pipe.execute()


async def forget_cleanup(store: Store) -> None:
    """Plan none: where it is turned on again, the first one is an interval away."""
    with store_trouble():
        await store.redis.hdel(keys.cleanup(), "next_at")


async def read_progress(store: Store) -> Progress | None:
    """Of the one that is under way or was broken off; None when there is none."""
    with store_trouble():
        beyond, checks, accounts = await store.redis.hmget(keys.cleanup(), ["beyond", "checks", "accounts"])
    return None if beyond is None else Progress(int(beyond), int(checks or 0), int(accounts or 0))


async def note_progress(store: Store, progress: Progress) -> None:
    """Let another process go on there if this one dies."""
    fields = {"beyond": progress.beyond, "checks": progress.checks, "accounts": progress.accounts}
    with store_trouble():
        await store.redis.hset(keys.cleanup(), mapping=dict(fields))


async def end_progress(store: Store) -> None:
    """One is over."""
    with store_trouble():
        await store.redis.hdel(keys.cleanup(), "beyond", "checks", "accounts")


async def hold_lease(store: Store, token: str) -> bool:
    """Whether this process may do it, for another LEASE_MS. Should two do it all the same, nothing goes wrong: each
    removal is decided by itself."""
    return await lease.hold(store, keys.cleanup_lease(), token, LEASE_MS)


async def release_lease(store: Store, token: str) -> None:
    """Let another process do it at once."""
    await lease.release(store, keys.cleanup_lease(), token)
