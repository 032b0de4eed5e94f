"""What one look at Redis tells of the moment: how far behind we are, how Redis itself does, and what was counted."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from ttr.domain.liveness import Process
from ttr.domain.metrics import Sums
from ttr.store import keys
from ttr.store.archive_state import ArchiveState, unpack_archive
from ttr.store.metrics import unpack_sums
from ttr.store.processes import unpack_processes
from ttr.store.redis import Store, store_trouble

_EACH = 5
"""Answers of a partition."""


@dataclass(frozen=True, slots=True)
class Server:
    """How Redis does, or the primaries of a cluster together, as INFO says. `commands`, `rejected` and `evicted` are
    since it was started."""

    memory: int
    memory_max: int
    """0 for no limit."""
    clients: int
    aof: bool
    written: bool
    """Whether the last write of the append-only file went well."""
    saved: bool
    """Whether its last rewrite and the last background save did."""
    commands: int
    rejected: int
    evicted: int


@dataclass(frozen=True, slots=True)
class Vitals:
    """As of one look. Moments are ms; None where nothing waits."""

    clock_tick: int
    """The last tick of a clock, 0 for never."""
    deadline: int | None
    """The deadline that passes, or passed, first."""
    outbox: int
    outbox_oldest: int | None
    addresses: int
    """Addresses with unfinished deliveries."""
    due: int | None
    """When the first of them is due, or its worker's lease lapses."""
    archive: ArchiveState | None
    sums: Sums
    processes: tuple[Process, ...]
    server: Server | None
    """None where this user may not ask."""
    trip_seconds: float


async def read_vitals(store: Store) -> Vitals:
    """One round trip to each node, and INFO beside it, whatever the number of checks and accounts.

    Raises StoreUnavailable.
    """
    with store_trouble():
        nodes = await store.redis.primaries()
        (answers, took), *servers = await asyncio.gather(_read(store), *map(_info, nodes))
    tick, archive, counted, processes, *partitions = answers
    deadlines, lengths, oldest, lanes, due = (partitions[place::_EACH] for place in range(_EACH))
    return Vitals(
        clock_tick=int(tick or 0),
        deadline=_first(deadlines),
        outbox=sum(lengths),
        outbox_oldest=min((int(entries[0][0].split(b"-")[0]) for entries in oldest if entries), default=None),
        addresses=sum(lanes),
        due=_first(due),
        archive=unpack_archive(archive),
        sums=unpack_sums(counted),
        processes=tuple(unpack_processes(processes)),
        server=together([one for one in servers if one]) if all(servers) else None,
        trip_seconds=took,
    )


async def _read(store: Store) -> tuple[list[Any], float]:
    """All but INFO, and the seconds that it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with store.redis.pipeline(transaction=False) as pipe:
        pipe.get(keys.clock_tick())
        pipe.hgetall(keys.archive_state())
        pipe.hgetall(keys.metrics())
        pipe.hgetall(keys.processes())
        for partition in range(keys.PARTITIONS):
            pipe.zrange(keys.deadlines(partition), 0, 0, withscores=True)
            pipe.xlen(keys.outbox(partition))
            pipe.xrange(keys.outbox(partition), count=1)
            pipe.zcard(keys.lanes(partition))
            pipe.zrange(keys.lanes(partition), 0, 0, withscores=True)
        answers = await pipe.execute()
    return answers, loop.time() - began


def _first(answers: list[list[tuple[bytes, float]]]) -> int | None:
    return min((int(found[0][1]) for found in answers if found), default=None)


def together(servers: Sequence[Server]) -> Server:
    """The primaries of a cluster as one. Its memory is full when one node's is: the limit is what all of them hold by
    then, if they grow alike.
    """
    fullest = max(one.memory / one.memory_max if one.memory_max else 0 for one in servers)
    memory = sum(one.memory for one in servers)
    return Server(
        memory=memory,
        memory_max=round(memory / fullest) if fullest else 0,
        clients=sum(one.clients for one in servers),
        aof=all(one.aof for one in servers),
        written=all(one.written for one in servers),
        saved=all(one.saved for one in servers),
        commands=sum(one.commands for one in servers),
        rejected=sum(one.rejected for one in servers),
        evicted=sum(one.evicted for one in servers),
    )


async def _info(node: Any) -> Server | None:
    try:
        return _server(await node.info())
    except ResponseError:  # an ACL may forbid it
        return None


def _server(info: Mapping[str, Any]) -> Server:
    return Server(
        memory=int(info["used_memory"]),
        memory_max=int(info.get("maxmemory", 0)),
        clients=int(info["connected_clients"]),
        aof=bool(info.get("aof_enabled", 0)),
        written=info.get("aof_last_write_status", "ok") == "ok",
        saved=info.get("aof_last_bgrewrite_status", "ok") == info.get("rdb_last_bgsave_status", "ok") == "ok",
        commands=int(info["total_commands_processed"]),
        rejected=int(info.get("rejected_connections", 0)),
        evicted=int(info.get("evicted_keys", 0)),
    )
