"""Numbers of new checks, channels and status pages: each is given once, whether anything is made under it or not."""

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
