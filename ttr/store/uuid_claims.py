"""Claims of UUIDs: which check of which account has one, for the whole installation.

A claim is a key outside the partitions, so it is made before its check and dropped after it. Once dropped, any account
may have it by an import that brings the UUID: whoever drops a claim, or takes it over, looks at whose it is in the same
step.
"""

from collections.abc import Mapping
from uuid import uuid4

from redis.exceptions import RedisError

from ttr.store import keys
from ttr.store.redis import Store, store_trouble
from ttr.store.scripts import is_missing
from ttr.store.users import User

_COMMAND = "swap_claim"


async def claim_uuid(store: Store, user: User, check_id: int, wanted: str | None) -> str:
    """A UUID claimed for a check that is about to be made: the wanted one, or a new one if a check has it."""
    mine = _owner(user.id, check_id)
    with store_trouble():
        if wanted is not None:
            key = keys.check_uuid(wanted)
            if await store.redis.set(key, mine, nx=True):
                return wanted
            found = (await store.redis.get(key) or b"").decode()
            owner, _, other = found.partition(":")
            # A claim of ours for a check that was never made is what a crash left behind.
            if (
                owner == str(user.id)
                and not await store.redis.exists(keys.check(user.partition, int(other)))
                and await store.scripts.run_on(_COMMAND, key, [found, mine])
            ):
                return wanted
        uuid = str(uuid4())
        await store.redis.set(keys.check_uuid(uuid), mine, nx=True)
    return uuid


async def release_uuid(store: Store, user: User, check_id: int, uuid: str) -> None:
    """Give back the UUID of a check of this account that is not there (any more), unless it is another check's."""
    await release_uuids(store, user.id, {uuid: check_id})


async def release_uuids(store: Store, user_id: int, uuids: Mapping[str, int]) -> None:
    """Give back the UUIDs of checks of one account, in one round trip; those that are other checks' are left alone."""
    if not uuids:
        return
    owners = {keys.check_uuid(uuid): _owner(user_id, check_id) for uuid, check_id in uuids.items()}
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for key, owner in owners.items():
                store.scripts.queue_on(pipe, _COMMAND, key, [owner, ""])
            answers = await pipe.execute(raise_on_error=False)
        for (key, owner), answer in zip(owners.items(), answers, strict=True):
            if is_missing(answer):
                await store.scripts.run_on(_COMMAND, key, [owner, ""])
            elif isinstance(answer, RedisError):
                raise answer


def _owner(user_id: int, check_id: int) -> str:
    return f"{user_id}:{check_id}"
