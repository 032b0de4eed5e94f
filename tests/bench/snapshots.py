"""Snapshots and restores of 100,000 checks (or `CHECKS=1000000`): time, memory, and what pings feel of them."""

import asyncio
import os
import sys
import time
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.bench import population, stack
from tests.postgres import new_server, remove
from ttr.archive.migrate import migrate
from ttr.domain.flapping import FlapRules
from ttr.now import now_ms
from ttr.store import keys, restoring
from ttr.store.ping_log import PingEntry
from ttr.store.pings import Kept, Target, plan_from, record_ping
from ttr.store.redis import Store
from ttr.store.users import User

CHECKS = int(os.environ.get("CHECKS", "100000"))
EACH = 1_000
CHANGED = 10_000
RATE = 1_000


@dataclass
class _Took:
    seconds: float
    worked: float
    rows: float
    megabytes: int
    turn_ms: float


async def run() -> None:
    """Everything one after the other, on one Redis and one Postgres, each snapshot in a process of its own."""
    server = await asyncio.to_thread(new_server, options=("shared_buffers=128MB",))
    try:
        url = server.url(server.create())
        await asyncio.to_thread(migrate, url)
        with stack.redis() as redis_url, stack.redis() as empty_url:
            async with stack.store(redis_url) as store:
                await _measure(store, redis_url, empty_url, url)
    finally:
        await asyncio.to_thread(remove, server)


async def _measure(store: Store, redis_url: str, empty_url: str, url: str) -> None:
    users = await _fill(store)
    used = (await store.redis.info("memory"))["used_memory"] / 1e6
    print(f"snapshots: {CHECKS:,} checks take {used:,.0f} MB of Redis")
    alone = await _latency(store, users, None)

    await store.redis.config_resetstat()
    first = await _archive(redis_url, url, "first")
    _say("the first one", first)
    await _say_scripts(store)
    print(f"snapshots: Postgres takes {_size(url) / 1e6:,.0f} MB")
    nothing = await _archive(redis_url, url, "changes")
    _say("one without changes", nothing)
    compare = await _archive(redis_url, url, "compare")
    _say("a comparison without changes", compare)
    await _ping_many(store, users, CHANGED)
    _say(f"one with {CHANGED:,} changed checks", await _archive(redis_url, url, "changes"))

    beside = await _latency(store, users, _archive(redis_url, url, "compare"))
    print(
        f"snapshots: a ping takes p50 {alone[0]:.2f} ms, p99 {alone[1]:.2f} ms; beside a comparison "
        f"{beside[0] / alone[0]:.2f} and {beside[1] / alone[1]:.2f} times that"
    )
    keep = asyncio.create_task(_archive(redis_url, url, "keep"))
    while not keep.done():
        await _ping_many(store, users, RATE, seconds=1)
    kept = await keep
    print(
        f"snapshots: at {RATE:,} pings a second, with a snapshot every second, Postgres is "
        f"{kept.rows:.1f} s behind at most"
    )
    await _archive(redis_url, url, "changes")
    back = await _archive(empty_url, url, "restore")
    _say("the restore", back)
    print(
        f"snapshots: of the first one's time a comparison takes {compare.seconds / first.seconds:.2f}, "
        f"the restore {back.seconds / first.seconds:.2f}"
    )


def _say(what: str, took: _Took) -> None:
    print(
        f"snapshots: {what}: {took.seconds:,.1f} s ({took.worked:,.1f} s of a processor), "
        f"{took.rows:,.0f} rows, {took.rows / took.seconds:,.0f} a second, "
        f"{took.megabytes} MB more at the peak, the loop was held for {took.turn_ms:.1f} ms at most"
    )


async def _say_scripts(store: Store) -> None:
    """How long scripts have held Redis since this was asked last; the very longest tells of the machine."""
    told = (await store.redis.info("latencystats"))["latency_percentiles_usec_fcall"]
    print(
        f"snapshots: its scripts held Redis for p50 {told['p50'] / 1000:.1f} ms, p99 {told['p99'] / 1000:.1f} ms"
    )
    await store.redis.config_resetstat()


async def _archive(redis_url: str, url: str, what: str) -> _Took:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.archiving", redis_url, url, what, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await child.communicate()
    seconds, worked, rows, megabytes, turn = out.decode().split()
    return _Took(float(seconds), float(worked), float(rows), int(megabytes), float(turn))


def _size(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("select pg_database_size(current_database())").fetchone()
    assert row
    return int(row[0])


async def _fill(store: Store) -> list[User]:
    """Accounts with a thousand checks each, all like the first of each, which was made as people make them."""
    users = []
    for first in range(0, CHECKS, EACH):
        user = await population.account(store)
        users.append(user)
        (made,) = await population.populate(store, user, [population.settings(0, 3_600, 600)])
        await _ping(store, user, made.id, made.created_at)
        partition = user.partition
        like = await store.redis.hgetall(keys.check(partition, made.id))
        pings = await store.redis.lrange(keys.ping_log(partition, made.id), 0, -1)
        flips = await store.redis.lrange(keys.flips(partition, made.id), 0, -1)
        last = await store.redis.incrby(keys.sequence("check"), EACH - 1)
        for start in range(last - EACH + 2, last + 1, 250):
            await restoring.put_checks(
                store,
                [
                    restoring.KeptCheck(
                        id=number,
                        user_id=user.id,
                        fields={
                            **like,
                            b"id": b"%d" % number,
                            b"uuid": str(uuid.uuid4()).encode(),
                            b"name": b"Nightly backup %d" % number,
                            b"slug": b"backup-%d" % number,
                        },
                        days={},
                        reminder="",
                        flapping="",
                        deliveries=[],
                        pings=pings,
                        flips=flips,
                        bodies=[],
                    )
                    for number in range(start, min(start + 250, last + 1))
                ],
            )
        if first % 100_000 == 0 and first:
            print(f"snapshots: {first:,} checks are made")
    return users


async def _ping(store: Store, user: User, check_id: int, at: int) -> None:
    plan = plan_from(check_id, [b"1", b"", b"interval", b"", b"UTC", b"3600", b"", b"", b"", b"0"])
    entry = PingEntry(at=at, kind="success", method="GET", address="203.0.113.7", user_agent="curl/7.88.1")
    await record_ping(
        store,
        Target(user.id, user.user_slug, check_id, "", plan),
        entry,
        request_id=uuid.uuid4().hex[:16],
        due=at + 3_600_000,
        body=b"",
        kept=Kept(100, 300_000, 20_000_000),
        flap=FlapRules(120_000, 6, 180_000),
    )


async def _ping_many(store: Store, users: list[User], count: int, *, seconds: float = 0) -> list[float]:
    """One ping each to checks of all accounts, evenly in so many seconds; how long each took, s."""
    ids = [
        await store.redis.zrandmember(keys.user_checks(user.partition, user.id), 200) for user in users[:100]
    ]
    room = asyncio.Semaphore(32)
    took = []
    began = time.perf_counter()

    async def one(number: int) -> None:
        await asyncio.sleep(max(0, began + seconds * number / count - time.perf_counter()))
        async with room:
            of = number % len(ids)
            start = time.perf_counter()
            await _ping(store, users[of], int(ids[of][number // len(ids) % len(ids[of])]), now_ms())
            took.append(time.perf_counter() - start)

    await asyncio.gather(*(one(number) for number in range(count)))
    return took


async def _latency(
    store: Store, users: list[User], beside: Coroutine[Any, Any, _Took] | None
) -> tuple[float, float]:
    """p50 and p99 in ms of 200 pings a second, for five seconds or beside something."""
    task = asyncio.ensure_future(beside) if beside else None
    took: list[float] = []
    for _ in range(120 if task else 5):
        took += await _ping_many(store, users, 200, seconds=1)
        if task and task.done():
            break
    if task:
        await task
    took.sort()
    return took[len(took) // 2] * 1e3, took[int(len(took) * 0.99)] * 1e3
