"""One snapshot or restore in a process of its own: `archiving <redis> <postgres> first|compare|changes|restore|keep`.

Prints seconds, those of a processor, rows, MB of memory at the peak above those at the start, and the most ms of work
between two turns of the loop. `keep` takes snapshots for 15 s, as the clock does every second, and prints how far
Postgres was behind (s).
"""

import asyncio
import resource
import sys
import time

from ttr.archive.database import Database, open_database
from ttr.archive.restore import restore
from ttr.archive.snapshot import snapshot
from ttr.now import now_ms
from ttr.store.redis import Store, open_store

_KEEP_SECONDS = 15


async def main(redis_url: str, database_url: str, what: str) -> None:
    """Do it once."""
    async with open_store(redis_url) as store, open_database(database_url) as database:
        await store.redis.ping()
        before = _peak_mb()
        began, worked = time.perf_counter(), time.process_time()
        _time_turns()
        rows = await _work(store, database, what)
        print(
            f"{time.perf_counter() - began:.2f}",
            f"{time.process_time() - worked:.2f}",
            rows,
            round(_peak_mb() - before),
            f"{_longest * 1e3:.1f}",
        )


async def _work(store: Store, database: Database, what: str) -> float:
    if what == "restore":
        return await restore(store, database, now=now_ms(), progress=lambda done, of: None)
    if what == "keep":
        behind = 0.0
        until = time.monotonic() + _KEEP_SECONDS
        last = now_ms()
        while time.monotonic() < until:
            began = time.monotonic()
            saved = await snapshot(store, database)
            behind = max(behind, (now_ms() - last) / 1000)
            last = saved.at if saved else last
            await asyncio.sleep(max(0.5, 1 - (time.monotonic() - began)))
        return round(behind, 2)
    saved = await snapshot(store, database, compare=what == "compare")
    assert saved is not None
    return saved.rows


_longest = 0.0


def _time_turns() -> None:
    """Note the processor time of the longest turn of the loop, which a busy machine does not lengthen."""
    run = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        global _longest
        began = time.thread_time()
        run(handle)
        _longest = max(_longest, time.thread_time() - began)

    asyncio.Handle._run = timed  # type: ignore[method-assign]  # no hook tells a callback's time


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


asyncio.run(main(*sys.argv[1:]))
