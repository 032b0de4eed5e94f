"""Reading a partition for a snapshot: what has changed since the last one, as it is at one moment.

`begin`, `take` until it says that it was all, write it down elsewhere, then `end`. Whatever dies in between, the next
`begin` gives everything back that was taken and not ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ttr.store import keys
from ttr.store.redis import Store, store_trouble

# What one call reads keeps Redis busy for 2 to 3 ms; lines of history are cheap, bodies are copied.
_RECORDS = 50
_LINES = 500
_BODY_BYTES = 1_000_000
_GIVEN_BACK = 1_000


@dataclass(slots=True)
class Begun:
    """A snapshot under way, and how much `take` has read for it."""

    partition: int
    token: str
    given_up: int
    """Lines of history that found no room since the last snapshot."""
    calls: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was read; all parts are empty when it is gone."""

    kind: str
    """One of `ttr.store.marks.KINDS`, or `partition`."""
    id: str
    """"" for the partition itself."""
    parts: Sequence[Any]
    """As `scripts/lua/take_dirty.lua` reads each kind."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one call read. With `complete`, all calls together tell the partition as it was at this moment."""

    complete: bool
    history: Sequence[bytes]
    records: Sequence[Record]


class Overtaken(Exception):
    """This snapshot can't go on: another one has begun, or what it has read is not all. The next one reads it again."""


async def last_tokens(store: Store) -> list[set[str]]:
    """For each partition the tokens that the last snapshot in Postgres may have: of the last one that is known to be
    there, and of one that was read to its end and broken off, perhaps behind its commit.
    """
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for partition in range(keys.PARTITIONS):
                pipe.hmget(keys.snapshot(partition), "saved", "read")
            found = await pipe.execute()
    return [{token.decode() for token in tokens if token} for tokens in found]


async def begin(store: Store, partition: int, token: str, *, saved: str = "") -> Begun:
    """Begin a snapshot under a token that nobody has used before. `saved` is the token of the one that Postgres has, ""
    when that is not of this Redis's past: then it stays so until this one ends.
    """
    more = True
    given_up = 0
    with store_trouble():
        while more:
            more, given_up = await store.scripts.run("begin_snapshot", partition, [token, _GIVEN_BACK, saved])
    return Begun(partition, token, given_up)


async def take(store: Store, begun: Begun, *, whole_logs: bool) -> Taken:
    """Read on. Raises Overtaken.

    `whole_logs`: checks come with all pings and changes that they keep, for an archive that has missed some.
    """
    with store_trouble():
        answer = await store.scripts.run(
            "take_dirty",
            begun.partition,
            [
                begun.token,
                _RECORDS,
                begun.lines,
                _LINES,
                _BODY_BYTES,
                "1" if whole_logs else "",
                begun.calls,
                begun.given_up,
            ],
        )
    if answer[0] == b"lost":
        raise Overtaken("the snapshot was overtaken, and the next one begins anew")
    begun.calls += 1
    begun.lines += len(answer[1])
    return Taken(answer[0] == b"all", answer[1], [_record(parts) for parts in answer[2:]])


async def end(store: Store, begun: Begun) -> None:
    """Forget what was taken, for it is safe elsewhere. Raises Overtaken."""
    with store_trouble():
        if not await store.scripts.run("end_snapshot", begun.partition, [begun.token, begun.given_up]):
            raise Overtaken("the snapshot was overtaken, and the next one begins anew")


async def waiting(store: Store) -> int:
    """How many records and lines of history wait for the next snapshot."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for partition in range(keys.PARTITIONS):
                pipe.hlen(keys.dirty(partition)).hlen(keys.dirty_taken(partition))
                pipe.llen(keys.history_taken(partition)).llen(keys.history(partition))
            found: list[int] = await pipe.execute()
    return sum(found) - sum(1 for count in found[3::4] if count)  # a history begins with a count


def _record(parts: list[Any]) -> Record:
    kind, _, name = parts[0].decode().partition(":")
    return Record(kind, name, parts[1:])
