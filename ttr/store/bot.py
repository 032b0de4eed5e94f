"""The bot's own keys: which process asks Telegram for messages, and up to which message it has read."""

from ttr.store import keys, lease
from ttr.store.redis import Store, store_trouble

LEASE_MS = 30_000
_OFFSET_SECONDS = 86_400
"""Telegram keeps messages for a day; after a week of silence it numbers them anew."""


async def hold_lease(store: Store, token: str) -> bool:
    """Whether this process may ask, for another LEASE_MS: one at a time.

    Between its two looks the lease may lapse and become another's; then two ask, and Telegram refuses one of them.
    """
    return await lease.hold(store, keys.bot_lease(), token, LEASE_MS)


async def release_lease(store: Store, token: str) -> None:
    """Let another process ask at once."""
    await lease.release(store, keys.bot_lease(), token)


async def read_offset(store: Store, bot_id: str) -> int:
    """The number of the next message; 0 when nobody knows, and Telegram gives what it has."""
    with store_trouble():
        return int(await store.redis.get(keys.bot_offset(bot_id)) or 0)


async def keep_offset(store: Store, bot_id: str, offset: int) -> None:
    """Remember what has been answered."""
    with store_trouble():
        await store.redis.set(keys.bot_offset(bot_id), offset, ex=_OFFSET_SECONDS)
