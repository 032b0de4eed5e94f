"""All checks of an account, read in slices that keep nobody else waiting: 10,000 at once would for a second."""

from collections.abc import AsyncIterator, Sequence

from ttr.domain.check import Check
from ttr.store import keys
from ttr.store.codec import check_from_hash, to_hash
from ttr.store.redis import Store, store_trouble
from ttr.store.users import User

_SLICE = 100
_CLAIMS = 500


async def every_check(store: Store, user: User) -> AsyncIterator[list[Check]]:
    """The account's checks by number, some at a time. What is made or deleted meanwhile may be missing or not."""
    with store_trouble():
        members = await store.redis.zrange(keys.user_checks(user.partition, user.id), 0, -1)
    numbers = [int(member) for member in members]
    for first in range(0, len(numbers), _SLICE):
        with store_trouble():
            async with store.redis.pipeline(transaction=False) as pipe:
                for number in numbers[first : first + _SLICE]:
                    pipe.hgetall(keys.check(user.partition, number))
                found = await pipe.execute()
        yield [check_from_hash(to_hash(raw)) for raw in found if raw]


async def uuid_owners(store: Store, uuids: Sequence[str]) -> dict[str, int]:
    """UUID -> the account that has it; those that nobody has are left out."""
    owners: dict[str, int] = {}
    for first in range(0, len(uuids), _CLAIMS):
        some = uuids[first : first + _CLAIMS]
        with store_trouble():
            async with store.redis.pipeline(transaction=False) as pipe:
                for uuid in some:
                    pipe.get(keys.check_uuid(uuid))
                claims = await pipe.execute()
        owners |= {
            uuid: int(claim.partition(b":")[0]) for uuid, claim in zip(some, claims, strict=True) if claim
        }
    return owners
