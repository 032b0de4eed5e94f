"""Every account lists its keys, and says when it was used; every check that was edited says when.

Accounts had one key at first, whose digest stood in `access_key`, or nowhere but in the key itself. When an account was
used and a check edited is asked by the cleanup; where nobody knows, that is now.
"""

import json
from collections.abc import Sequence

from ttr.store import keys
from ttr.store.redis import Store
from ttr.store.walk import Walk

OPEN_TO = 1
WHAT = "accounts list their keys, accounts and checks say when they were used"

_CHECKS_A_CALL = 200


async def move(store: Store, walk: Walk) -> None:
    """Done by scripts, so that whoever changes the same account meanwhile loses nothing."""
    await store.scripts.load("adopt_key")
    await store.scripts.load("begin_times")
    async for page in walk.accounts():
        await _adopt_named(store, page)
        for account in page:
            await _begin_times(store, account, walk.now)
    async for found in walk.keys(keys.access_key("*")):
        await _adopt(store, [name.decode().rpartition(":")[2] for name in found])


async def _adopt_named(store: Store, accounts: Sequence[int]) -> None:
    """The keys that accounts name, also those whose record is lost."""
    async with store.redis.pipeline(transaction=False) as pipe:
        for account in accounts:
            pipe.hget(keys.user(keys.partition_of(account), account), "access_key")
        named = await pipe.execute()
    owners = {digest.decode(): account for account, digest in zip(accounts, named, strict=True) if digest}
    if owners:
        async with store.redis.pipeline(transaction=False) as pipe:
            for digest, account in owners.items():
                pipe.hsetnx(keys.access_key(digest), "user_id", account)
            await pipe.execute()
        await _adopt(store, list(owners))


async def _adopt(store: Store, digests: Sequence[str]) -> None:
    """Make each the key of the account that it leads to, if that has none."""
    async with store.redis.pipeline(transaction=False) as pipe:
        for digest in digests:
            pipe.hmget(keys.access_key(digest), "user_id", "last4", "created_at")
        records = await pipe.execute()
    async with store.redis.pipeline(transaction=False) as pipe:
        for digest, (account, last4, created_at) in zip(digests, records, strict=True):
            if account:
                first = _first_key((last4 or b"").decode(), int(created_at or 0))
                partition = keys.partition_of(int(account))
                store.scripts.queue(pipe, "adopt_key", partition, [account, digest, first])
        await pipe.execute()


def _first_key(last4: str, created_at: int) -> str:
    """What form 2 keeps of a key that may do everything from anywhere; a later form's migration finds this."""
    return json.dumps(
        {
            "name": "First key",
            "last4": last4,
            "created_at": created_at,
            "scope": "full",
            "addresses": [],
            "origins": [],
        }
    )


async def _begin_times(store: Store, account: int, now: int) -> None:
    partition, beyond = keys.partition_of(account), "-inf"
    while True:
        checks = await store.redis.zrange(
            keys.user_checks(partition, account),
            beyond,
            "+inf",
            byscore=True,
            offset=0,
            num=_CHECKS_A_CALL,
        )
        await store.scripts.run("begin_times", partition, [account, now, *checks])
        if len(checks) < _CHECKS_A_CALL:
            return
        beyond = f"({int(checks[-1])}"
