"""A lease: a key that names the process which does something, for as long as it goes on asking."""

from ttr.store.redis import Store, store_trouble


async def hold(store: Store, key: str, token: str, ms: int) -> bool:
    """Whether the process of `token` has it, for another `ms`.

    Between the two looks the lease may lapse and become another's; then two have it for once.
    """
    with store_trouble():
        if await store.redis.set(key, token, nx=True, px=ms):
            return True
        if await store.redis.get(key) != token.encode():
            return False
        return bool(await store.redis.pexpire(key, ms))


async def release(store: Store, key: str, token: str) -> None:
    """Let another process have it at once."""
    with store_trouble():
        if await store.redis.get(key) == token.encode():
            await store.redis.delete(key)
