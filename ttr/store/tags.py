"""The tags that a form offers: a bounded number of the account's, the most used first."""

from ttr.domain.folding import fold
from ttr.store import keys
from ttr.store.redis import Store, store_trouble
from ttr.store.users import User

_LOOKED_AT = 200
"""Tags read at most; of an account with more, any so many."""


async def common_tags(store: Store, user: User, most: int) -> list[str]:
    """Up to `most` names of tags that checks of the account carry, the most used first, in two round trips."""
    with store_trouble():
        found = await store.redis.hrandfield(
            keys.user_tags(user.partition, user.id), _LOOKED_AT, withvalues=True
        )
        if not found:
            return []
        names, numbers = found[::2], [int(number) for number in found[1::2]]
        async with store.redis.pipeline(transaction=False) as pipe:
            for number in numbers:
                pipe.scard(keys.tag_checks(user.partition, user.id, number))
            counts = await pipe.execute()
    carried = [
        (count, name.decode("utf-8", "replace")) for count, name in zip(counts, names, strict=True) if count
    ]
    carried.sort(key=lambda one: (-one[0], fold(one[1]), one[1]))
    return [name for _, name in carried[:most]]
