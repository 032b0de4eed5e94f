"""How long after its deadline a check is found overdue: 10,000 checks (or `CHECKS`), deadlines spread over 20 s."""

import asyncio
import os

from tests.bench import population, stack
from ttr.domain.check import Check
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.deadlines import read_ticks, tick_web
from ttr.store.redis import Store

CHECKS = int(os.environ.get("CHECKS", "10000"))
SPREAD_SECONDS = 20
_A_TRIP = 500


async def run() -> None:
    """Make the checks, let one clock process watch them fall silent, compare flips with deadlines."""
    with stack.redis() as url:
        async with stack.store(url) as store:
            users = [await population.account(store) for _ in range(keys.PARTITIONS)]
            checks: list[Check] = []
            # Long intervals first, then one cheap write moves each deadline to where the measurement wants it.
            for user in users:
                wanted = [population.settings(n, 86_400) for n in range(CHECKS // len(users))]
                checks += await population.populate(store, user, wanted)
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
            print(
                f"detection: {len(late):,} of {CHECKS:,} checks found; after their deadline p50 "
                f"{stack.percentile(late, 0.5)} ms, p99 {stack.percentile(late, 0.99)} ms, max {max(late)} ms"
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
