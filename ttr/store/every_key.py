"""A walk over all keys of the database, in steps that keep nobody waiting."""

from collections.abc import AsyncIterator

from ttr.store.redis import Store


async def every_key(store: Store, match: str, count: int) -> AsyncIterator[list[bytes]]:
    """Pages of some `count` keys that match, of one node after the other. A key that is there all the time comes at
    least once; one that moves to another node meanwhile may be missed.
    """
    for primary in await store.redis.primaries():
        cursor = 0
        while True:
            cursor, found = await primary.scan(cursor, match=match, count=count)
            yield found
            if cursor == 0:
                break
