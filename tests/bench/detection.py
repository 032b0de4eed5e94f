"""How long after its deadline a check is found overdue: 10,000 checks (or `CHECKS`), deadlines spread over 20 s, while
nothing else goes on; then the same among 100,000 checks (`AMONG`), beside 1,000 pings a second over HTTP (`PINGS`)."""

import asyncio
import os

from tests.bench import load, population, requests, stack
from ttr.domain.check import Check
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.deadlines import read_ticks, tick_web
from ttr.store.redis import Store

CHECKS = int(os.environ.get("CHECKS", "10000"))
AMONG = int(os.environ.get("AMONG", "100000"))
PINGS = int(os.environ.get("PINGS", "1000"))
PINGED = 1_000
CONNECTIONS = 64
SPREAD_SECONDS = 20
_A_TRIP = 500


async def run() -> None:
    """Both in turn, each on a Redis of its own."""
    with stack.redis() as url:
        async with stack.store(url) as store:
            checks = await _make(store, 86_400)
            print(f"detection: {_told(await _watch(store, url, checks))}")
    with stack.redis() as url:
        async with stack.store(url) as store:
            # They are made first: a month's interval, so that none of them falls silent by itself.
            owners = [await population.account(store) for _ in range(keys.PARTITIONS)]
            for owner in owners:
                share = range(AMONG // len(owners))
                await population.pour(store, owner, [population.varied(n) for n in share])
            checks = await _make(store, 86_400)
            user = await population.account(store)
            pinged = await population.populate(
                store, user, [population.settings(n, 86_400) for n in range(PINGED)]
            )
            async with stack.process("web", url) as (_, base):
                turns = requests.turns(user.user_slug, pinged, CONNECTIONS, requests.get)
                asked = load.Load(base.removeprefix("http://"), turns, SPREAD_SECONDS + 6, rate=PINGS)
                pinging, delays = await asyncio.gather(load.run(asked), _watch(store, url, checks))
            async with store.redis.pipeline(transaction=False) as pipe:
                for check in pinged:
                    pipe.hget(keys.check(user.partition, check.id), "ping_count")
                counted = sum(int(count or 0) for count in await pipe.execute())
            print(
                f"detection: among {AMONG:,} more, beside {pinging.rate:,.0f} pings a second: {_told(delays)}; "
                f"pings p50 {pinging.p50:.1f}, p99 {pinging.p99:.1f} ms, {pinging.acknowledged:,} acknowledged, "
                f"{counted:,} counted in Redis"
            )


async def _make(store: Store, interval: int) -> list[Check]:
    """Checks in every partition, with long intervals; one cheap write then moves each deadline where it is wanted."""
    checks: list[Check] = []
    for _ in range(keys.PARTITIONS):
        user = await population.account(store)
        wanted = [population.settings(n, interval) for n in range(CHECKS // keys.PARTITIONS)]
        checks += await population.populate(store, user, wanted)
    return checks


async def _watch(store: Store, url: str, checks: list[Check]) -> list[int]:
    """Let one clock process watch them fall silent; by how many ms each flip came after its deadline."""
    async with stack.process("clock", url):
        # It goes round before anything is due: its start is nobody's delay.
        while (await read_ticks(store))[1] == 0:
            await tick_web(store, now_ms())
            await asyncio.sleep(0.25)
        start = now_ms() + 6_000
        deadlines = await _move(store, checks, start)
        while now_ms() < start + SPREAD_SECONDS * 1_000 + 2_000:
            await tick_web(store, now_ms())
            await asyncio.sleep(0.25)
    late = []
    for check in checks:
        fields = await store.redis.hmget(
            keys.check(keys.partition_of(check.user_id), check.id), ["status", "status_since"]
        )
        if fields[0] == b"down":
            late.append(int(fields[1]) - deadlines[check.id])
    return late


def _told(late: list[int]) -> str:
    return (
        f"{len(late):,} of {CHECKS:,} checks found; after their deadline p50 {stack.percentile(late, 0.5)} ms, "
        f"p99 {stack.percentile(late, 0.99)} ms, max {max(late)} ms"
    )


async def _move(store: Store, checks: list[Check], start: int) -> dict[int, int]:
    """Spread the deadlines evenly from `start` (ms) on; each by its check's number."""
    deadlines = {}
    for first in range(0, len(checks), _A_TRIP):
        async with store.redis.pipeline(transaction=False) as pipe:
            for number, check in enumerate(checks[first : first + _A_TRIP], first):
                partition = keys.partition_of(check.user_id)
                deadline = start + number * SPREAD_SECONDS * 1_000 // len(checks)
                deadlines[check.id] = deadline
                pipe.hset(
                    keys.check(partition, check.id), mapping={"deadline": deadline, "due": deadline - 1_000}
                )
                pipe.zadd(keys.deadlines(partition), {str(check.id): deadline})
            await pipe.execute()
            await tick_web(store, now_ms())
    return deadlines
