"""Pings a second over HTTP against the bare script in Redis, with CPU time per ping of each process."""

import asyncio
import subprocess
import sys

from tests.bench import population, stack
from ttr.now import now_ms
from ttr.store.ping_log import PingEntry, pack_tail
from ttr.store.redis import Store
from ttr.store.users import User

CHECKS = 1_000
CONNECTIONS = 64
SECONDS = 5


async def run() -> None:
    """One web process under load from a process of its own; then the same script straight from redis-benchmark-like
    pipelined calls."""
    with stack.redis() as url:
        async with stack.store(url) as store, stack.process("web", url) as (web, base):
            user = await population.account(store)
            await population.populate(store, user, [population.settings(n, 3_600) for n in range(CHECKS)])
            redis_pid = int((await store.redis.info("server"))["process_id"])
            before = stack.cpu_seconds(web.pid), stack.cpu_seconds(redis_pid)
            done, p50, p99 = await _load(base, user)
            web_cpu = stack.cpu_seconds(web.pid) - before[0]
            redis_cpu = stack.cpu_seconds(redis_pid) - before[1]
            rate = done / SECONDS
            print(
                f"pings: {rate:,.0f}/s over HTTP from {CONNECTIONS} connections, p50 {p50} ms, p99 {p99} ms; "
                f"CPU per ping: web {web_cpu / done * 1e6:,.0f} us, Redis {redis_cpu / done * 1e6:,.0f} us"
            )
            bare = await _bare(store, user, redis_pid)
            print(
                f"pings: the script alone {1 / bare:,.0f}/s of Redis CPU ({bare * 1e6:,.0f} us a call); "
                f"HTTP reaches {rate * bare:.0%} of it"
            )


async def _load(base: str, user: User) -> tuple[int, float, float]:
    command = [
        sys.executable,
        "-m",
        "tests.bench.load",
        base,
        user.user_slug,
        str(CHECKS),
        str(CONNECTIONS),
        str(SECONDS),
    ]
    child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    out, _ = await child.communicate()
    done, p50, p99 = out.decode().split()
    return int(done), float(p50), float(p99)


async def _bare(store: Store, user: User, redis_pid: int, calls: int = 20_000) -> float:
    """Seconds of Redis CPU per call of ping.lua, steady state."""
    found = await store.redis.hgetall(f"ttr:{{{user.partition}}}:user:{user.id}:slugs")
    ids = [int(check_id) for check_id in found.values()]
    entry = pack_tail(
        PingEntry(at=now_ms(), kind="success", method="GET", address="203.0.113.7", user_agent="curl/7.88.1")
    )

    async def one(number: int) -> None:
        now = now_ms()
        arguments = [
            user.id,
            user.user_slug,
            ids[number % len(ids)],
            "",
            now,
            f"bare-{number}",
            "1",
            now + 3_600_000,
        ]
        arguments += ["success", "", "", "", entry, b"", 100, 300_000, 20_000_000]
        arguments += [120_000, 6, 180_000, 50, 20_000]
        await store.scripts.run("ping", user.partition, arguments)

    await one(0)
    before = stack.cpu_seconds(redis_pid)
    for first in range(0, calls, 200):
        await asyncio.gather(*(one(number) for number in range(first, first + 200)))
    return (stack.cpu_seconds(redis_pid) - before) / calls
