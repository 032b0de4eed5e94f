"""How channels of all accounts do, by kind, for whoever runs the installation."""

from collections import Counter
from dataclasses import dataclass, field

from ttr.store import keys
from ttr.store.numbers import newest_account
from ttr.store.redis import Store, store_trouble

LOOKED_MOST = 20_000
"""Channels that one look reads: some 0.5 s."""
_ACCOUNTS_AT_ONCE = 100
_CHANNELS_AT_ONCE = 500


@dataclass(slots=True)
class ChannelCounts:
    """By kind: how many there are, are off, were turned off by their receiver or service, and failed last."""

    looked: int = 0
    complete: bool = True
    every: Counter[str] = field(default_factory=Counter)
    off: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    """Of those that are off, the ones that their owner did not turn off."""
    failing: Counter[str] = field(default_factory=Counter)
    """Of those that are on."""


async def count_channels(store: Store, *, most: int = LOOKED_MOST) -> ChannelCounts:
    """The channels of the accounts from the oldest on, up to about `most`."""
    counts = ChannelCounts()
    last = await newest_account(store)
    for first in range(1, last + 1, _ACCOUNTS_AT_ONCE):
        if counts.looked >= most:
            counts.complete = False
            break
        block = range(first, min(first + _ACCOUNTS_AT_ONCE, last + 1))
        with store_trouble():
            async with store.redis.pipeline(transaction=False) as pipe:
                for user in block:
                    pipe.smembers(keys.user_channels(keys.partition_of(user), user))
                members = await pipe.execute()
            found = [
                keys.channel(keys.partition_of(user), int(channel))
                for user, channels in zip(block, members, strict=True)
                for channel in channels
            ]
            for start in range(0, len(found), _CHANNELS_AT_ONCE):
                async with store.redis.pipeline(transaction=False) as pipe:
                    for key in found[start : start + _CHANNELS_AT_ONCE]:
                        pipe.hmget(key, "kind", "enabled", "off_reason", "last_status")
                    for fields in await pipe.execute():
                        _count(counts, *((value or b"").decode() for value in fields))
    return counts


def _count(counts: ChannelCounts, kind: str, enabled: str, off_reason: str, last_status: str) -> None:
    if not kind:
        return  # it went since
    counts.looked += 1
    counts.every[kind] += 1
    if enabled != "1":
        counts.off[kind] += 1
        counts.refused[kind] += bool(off_reason)
    elif last_status == "error":
        counts.failing[kind] += 1
