"""What one look at Redis tells of the moment: how far behind we are, how Redis itself does, and what was counted."""

import asyncio
from collections.abc import Mapping
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
    """How Redis does, as its INFO says. `commands`, `rejected` and `evicted` are since it was started."""

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
    """One round trip, whatever the number of checks and accounts. Raises StoreUnavailable."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.info()
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
            info, *answers = await pipe.execute(raise_on_error=False)
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
    took = loop.time() - began
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
        # An ACL may forbid INFO.
        server=None if isinstance(info, ResponseError) else _server(info),
        trip_seconds=took,
    )


def _first(answers: list[list[tuple[bytes, float]]]) -> int | None:
    return min((int(found[0][1]) for found in answers if found), default=None)


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
