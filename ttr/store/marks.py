"""Dirty marks: which records of a partition a snapshot has to read.

A record is a key with what belongs to it, named by what follows the partition's prefix. Scripts mark what they change
(`scripts/lua/includes/mark.lua`); what Python changes outside a script it marks in the same transaction.
"""

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from ttr.store import keys
from ttr.store.every_key import every_key
from ttr.store.redis import Store, store_trouble

KINDS = ("check", "bodies", "user", "channel", "status-page", "lane", "delivery", "outbox")
"""Kinds of records. `bodies:<check>` are those of its pings, `outbox:<entry>` is an entry of the stream."""

# Of these the whole key is one record; names of lanes and deliveries hold no colon.
_WHOLE = re.compile(rb"(?:check|user|channel|status-page):\d+|(?:lane|delivery):[^:]+")
_BODIES = re.compile(rb"check:(\d+):bodies")
_KEYS_A_CALL = 1_000
_ENTRIES_A_CALL = 1_000
# More than any check keeps.
_EVERY_BODY = 1_000_000


def queue_mark(pipe: Any, partition: int, *records: str) -> None:
    """Mark records in a pipeline, which must be the transaction that changes them."""
    for record in records:
        pipe.hincrby(keys.dirty(partition), record, 1)


async def mark_all(store: Store, partitions: Iterable[int], *, bodies: bool) -> AsyncIterator[int]:
    """Mark every record of some partitions, with their pings' bodies if wanted; yields the keys looked at so far, some
    thousand a step. What is made or changed meanwhile marks itself.
    """
    wanted, seen = set(partitions), 0
    with store_trouble():
        async for found in every_key(store, keys.OF_PARTITIONS, _KEYS_A_CALL):
            marks: dict[int, dict[bytes, int]] = {}
            for key in found:
                _mark_key(marks, key, wanted, bodies)
            async with store.redis.pipeline(transaction=False) as pipe:
                for partition, mapping in marks.items():
                    pipe.hset(keys.dirty(partition), mapping=mapping)
                await pipe.execute()
            seen += len(found)
            yield seen
        for partition in sorted(wanted):
            await _mark_outbox(store, partition)


async def mark_records(store: Store, partition: int, records: Sequence[str]) -> None:
    """Mark records of any kind but `bodies` by name, whether they exist or not: a snapshot finds out."""
    with store_trouble():
        for first in range(0, len(records), _KEYS_A_CALL):
            # How often a record has changed matters to bodies alone.
            mapping = dict.fromkeys(records[first : first + _KEYS_A_CALL], 1)
            await store.redis.hset(keys.dirty(partition), mapping=mapping)


def _mark_key(marks: dict[int, dict[bytes, int]], key: bytes, wanted: set[int], bodies: bool) -> None:
    partition, name = keys.in_partition(key) or (-1, b"")
    if partition not in wanted:
        return
    if _WHOLE.fullmatch(name):
        marks.setdefault(partition, {})[name] = 1
    elif bodies and (of_check := _BODIES.fullmatch(name)):
        marks.setdefault(partition, {})[b"bodies:" + of_check[1]] = _EVERY_BODY


async def _mark_outbox(store: Store, partition: int) -> None:
    beyond = "-"
    while True:
        page = await store.redis.xrange(keys.outbox(partition), min=beyond, count=_ENTRIES_A_CALL)
        await mark_records(store, partition, [f"outbox:{entry.decode()}" for entry, _ in page])
        if len(page) < _ENTRIES_A_CALL:
            return
        beyond = f"({page[-1][0].decode()}"
