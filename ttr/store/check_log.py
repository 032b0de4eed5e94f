"""All that is kept of what happened to a check, of one moment: its pings and its changes of status."""

from dataclasses import dataclass

from ttr.domain.check import Check
from ttr.domain.flip import Flip
from ttr.store import keys
from ttr.store.errors import NotFound
from ttr.store.flips import unpack_flips
from ttr.store.ping_log import PingEntry, unpack
from ttr.store.redis import Store, store_trouble


@dataclass(frozen=True, slots=True)
class CheckLog:
    """Both newest first; `ping_count` and `flip_count` say how many there have been, kept or not."""

    pings: list[PingEntry]
    flips: list[Flip]
    ping_count: int
    flip_count: int


async def read_log(store: Store, check: Check) -> CheckLog:
    """Everything kept, in one transaction: at most 1,000 entries of 50 bytes and 200 changes. Raises NotFound."""
    partition = keys.partition_of(check.user_id)
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.hmget(keys.check(partition, check.id), "id", "ping_count", "flip_number")
            pipe.lrange(keys.ping_log(partition, check.id), 0, -1)
            pipe.lrange(keys.flips(partition, check.id), 0, -1)
            (found, count, number), pings, flips = await pipe.execute()
    if found is None:
        raise NotFound("no such check")
    changes = unpack_flips(flips, number)
    return CheckLog(
        [unpack(entry) for entry in pings], changes, int(count or 0), changes[0].number if changes else 0
    )
