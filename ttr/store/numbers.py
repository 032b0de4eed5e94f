"""Numbers of what is made: each is given once, whether anything is made under it or not."""

from typing import Literal

from ttr.store import keys
from ttr.store.redis import Store, store_trouble


async def draw_numbers(
    store: Store, kind: Literal["check", "channel", "status-page"], count: int = 1
) -> range:
    """`count` numbers in a row, for whoever must know them before anything is made under them."""
    with store_trouble():
        last = int(await store.redis.incrby(keys.sequence(kind), count))
    return range(last - count + 1, last + 1)


async def newest_account(store: Store) -> int:
    """The last number that was given to an account; 0 before the first."""
    with store_trouble():
        return int(await store.redis.get(keys.sequence("user")) or 0)
