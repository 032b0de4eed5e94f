"""Which clock pings SELF_PING_URL, and when that is due again."""

from ttr.store import keys
from ttr.store.redis import Store, store_trouble


async def claim_self_ping(store: Store, token: str, lease_ms: int) -> bool:
    """Whether a ping is due and this clock may send it; nobody else within the lease."""
    with store_trouble():
        return bool(await store.redis.set(keys.self_ping(), token, nx=True, px=lease_ms))


async def note_self_ping(store: Store, token: str, again_ms: int) -> None:
    """It was sent: the next one is due after `again_ms`."""
    with store_trouble():
        await store.redis.set(keys.self_ping(), token, px=again_ms)
