"""How long after its deadline a check is found overdue: 10,000 checks, deadlines spread over 20 s."""

import asyncio

from tests.bench import population, stack
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.deadlines import tick_web

CHECKS = 10_000
SPREAD_SECONDS = 20


async def run() -> None:
    """Make the checks, let one clock process watch them fall silent, compare flips with deadlines."""
    with stack.redis() as url:
        async with stack.store(url) as store:
            users = [await population.account(store) for _ in range(keys.PARTITIONS)]
            checks = []
            # Long intervals first, then one cheap write moves each deadline to where the measurement wants it.
            for user in users:
                wanted = [population.settings(n, 86_400) for n in range(CHECKS // len(users))]
                checks += await population.populate(store, user, wanted)
            start = now_ms() + 4_000
            deadlines = {}
            async with store.redis.pipeline(transaction=False) as pipe:
                for number, check in enumerate(checks):
                    partition = keys.partition_of(check.user_id)
                    deadline = start + number * SPREAD_SECONDS * 1_000 // len(checks)
                    deadlines[check.id] = deadline
                    pipe.hset(
                        keys.check(partition, check.id),
                        mapping={"deadline": deadline, "due": deadline - 1_000},
                    )
                    pipe.zadd(keys.deadlines(partition), {str(check.id): deadline})
                await pipe.execute()
            async with stack.process("clock", url):
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
