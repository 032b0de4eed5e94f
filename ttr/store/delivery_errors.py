"""The newest attempts to deliver that failed, whoever's: what operators look at when messages don't arrive."""

import json
from dataclasses import dataclass
from typing import cast

from ttr.store import keys
from ttr.store.deliveries import Attempt, State
from ttr.store.redis import Store, store_trouble

_KEPT = 100


@dataclass(frozen=True, slots=True)
class DeliveryError:
    """An attempt that failed, and what has become of its delivery since."""

    user_id: int
    delivery_id: str
    attempt: Attempt
    channel_kind: str
    channel_name: str
    state: State | None
    """None: the delivery is no longer remembered."""


async def read_errors(store: Store, *, size: int, offset: int = 0) -> tuple[list[DeliveryError], int]:
    """The errors beyond the `offset` newest, and how many are kept: at most 100 of each partition."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for partition in range(keys.PARTITIONS):
                pipe.lrange(keys.delivery_errors(partition), 0, _KEPT - 1)
            entries = [entry.decode("utf-8", "replace") for some in await pipe.execute() for entry in some]
    entries.sort(key=_at, reverse=True)
    shown = [entry.split(" ", 2) for entry in entries[offset : offset + size]]
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for user, delivery, _ in shown:
                name = keys.delivery(keys.partition_of(int(user)), delivery)
                pipe.hmget(name, "channel_kind", "channel_name", "state")
            facts = await pipe.execute()
    found = []
    for (user, delivery, line), fields in zip(shown, facts, strict=True):
        kind, name, state = ((field or b"").decode("utf-8", "replace") for field in fields)
        attempt = Attempt(*json.loads(line))
        still = cast(State, state) if state else None
        found.append(DeliveryError(int(user), delivery, attempt, kind, name, still))
    return found, len(entries)


async def forget_errors(store: Store, user_id: int) -> None:
    """Remove those of an account, which is being deleted."""
    key = keys.delivery_errors(keys.partition_of(user_id))
    with store_trouble():
        for entry in await store.redis.lrange(key, 0, _KEPT - 1):
            if entry.startswith(b"%d " % user_id):
                await store.redis.lrem(key, 0, entry)


def _at(entry: str) -> int:
    # "<account> <delivery> [<at>,...": the moment is read without the rest, for most are not shown.
    return int(entry.split(" ", 2)[2][1:].partition(",")[0])
