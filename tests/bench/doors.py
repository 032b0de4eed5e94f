"""An account of checks, the servers that take their pings, and runs against them that are counted afterwards.

`plain` is tests/bench/plain.py, `asgi` the web process with the ASGI route alone, `fast` with the door before it.
"""

import asyncio
import os
import statistics
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from tests.bench import bare, cores, load, population, requests, stack
from ttr.domain.check import Check
from ttr.store import keys
from ttr.store.redis import Store
from ttr.store.users import User

CONNECTIONS = 64
CHECKS = 1_000
SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
FIRST_ID = 10**12
"""Numbers that redis-benchmark can make: see tests/bench/bare.py."""
LIMITS = "ping-address=off,ping-check=1000000/1"
"""Each check's allowance is counted, as it is by default, and never reached. All clients have one address here."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run came to. CPU is in µs a ping, of the server and of Redis."""

    rate: float
    p50: float
    p99: float
    max: float
    server_us: float
    redis_us: float
    acknowledged: int
    counted: int
    """By how much the counts of the checks in Redis have grown."""
    others: int = 0
    """Answers that were no acknowledgement, and requests without one."""
    load_us: float = 0


@dataclass
class Stand:
    """A Redis, an account with checks, and servers by name."""

    url: str
    store: Store
    user: User
    checks: list[Check]
    redis_pid: int
    pinned: bool = True
    servers: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Process id and base URL."""

    async def counted(self) -> int:
        """All pings that Redis knows of."""
        async with self.store.redis.pipeline(transaction=False) as pipe:
            for check in self.checks:
                pipe.hget(keys.check(self.user.partition, check.id), "ping_count")
            return sum(int(count or 0) for count in await pipe.execute())

    async def ping(
        self,
        server: str,
        make: requests.Make = requests.get,
        *,
        seconds: float = SECONDS,
        rate: float = 0,
        close: bool = False,
        connections: int = CONNECTIONS,
    ) -> Run:
        """Ping the checks through one of the servers."""
        pid, base = self.servers[server]
        turns = requests.turns(self.user.user_slug, self.checks, connections, make, close=close)
        address = base.removeprefix("http://")
        asked = load.Load(address, turns, seconds, rate=rate, close=close, pinned=self.pinned)
        return await self._measure(lambda: load.run(asked), pid)

    async def command(self, server: str) -> bare.Command:
        """What a ping through this server sends to Redis, by UUID: so no slug is in it that would differ by check."""
        check = self.checks[0]
        path = f"/p/{self.user.user_slug}/{check.uuid}"
        return await bare.watch(self.store, self.servers[server][1], path, check.id)

    async def ask_redis(self, command: bare.Command, *, seconds: float = SECONDS) -> Run:
        """Send the command straight to Redis, by our generator."""
        ids = sorted(check.id for check in self.checks)
        return await self._measure(lambda: bare.ask(self.url, command, ids, CONNECTIONS, seconds), None)

    async def redis_benchmark(self, command: bare.Command, calls: int) -> Run:
        """Send it by redis-benchmark."""
        ids = sorted(check.id for check in self.checks)
        before, cpu = await self.counted(), stack.cpu_seconds(self.redis_pid)
        told = await bare.redis_benchmark(self.url, command, ids, CONNECTIONS, calls)
        cpu = stack.cpu_seconds(self.redis_pid) - cpu
        counted = await self.counted() - before
        return Run(told.rate, told.p50, told.p99, told.max, 0, cpu / calls * 1e6, calls, counted)

    async def _measure(self, what: Callable[[], Awaitable[load.Answered]], pid: int | None) -> Run:
        before = await self.counted()
        server, redis = stack.cpu_seconds(pid) if pid else 0, stack.cpu_seconds(self.redis_pid)
        answered = await what()
        server = stack.cpu_seconds(pid) - server if pid else 0
        redis = stack.cpu_seconds(self.redis_pid) - redis
        counted = await self.counted() - before
        all_of_them = max(1, answered.statuses.total())
        return Run(
            answered.rate,
            answered.p50,
            answered.p99,
            answered.max,
            server / all_of_them * 1e6,
            redis / all_of_them * 1e6,
            answered.acknowledged,
            counted,
            answered.statuses.total() - answered.acknowledged + answered.lost,
            answered.cpu_us,
        )


@asynccontextmanager
async def stand(*servers: str, checks: int = CHECKS, pinned: bool = True) -> AsyncIterator[Stand]:
    """Start everything, each process on its core if `pinned`, and have each server hear of each check once."""
    async with AsyncExitStack() as opened:
        url = opened.enter_context(stack.redis())
        store = await opened.enter_async_context(stack.store(url))
        redis_pid = int((await store.redis.info("server"))["process_id"])
        if pinned:
            cores.pin(redis_pid, "redis")
        user = await population.account(store)
        await store.redis.set(keys.sequence("check"), FIRST_ID - 1)
        wanted = [population.settings(number, 3_600) for number in range(checks)]
        standing = Stand(url, store, user, await population.populate(store, user, wanted), redis_pid, pinned)
        for name in servers:
            process, base = await opened.enter_async_context(_server(name, url, "server" if pinned else ""))
            standing.servers[name] = process.pid, base
        for name in servers:
            heard = requests.turns(user.user_slug, standing.checks, CONNECTIONS, requests.get)
            asked = load.Load(standing.servers[name][1].removeprefix("http://"), heard, 0, once=True)
            await load.run(asked)
        yield standing


@asynccontextmanager
async def _server(name: str, url: str, core: str) -> AsyncIterator[tuple["subprocess.Popen[bytes]", str]]:
    if name == "plain":
        started = stack.process(name, url, module="tests.bench.plain", core=core)
    else:
        started = stack.process("web", url, limits=LIMITS, core=core, PING_DOOR=name)
    async with started as process:
        yield process


Name = TypeVar("Name")


async def in_turns(
    runs: Mapping[Name, Callable[[], Awaitable[Run]]], rounds: int = ROUNDS
) -> dict[Name, Run]:
    """Each of them in each round, so that all meet the same machine; the medians of each."""
    results: dict[Name, list[Run]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            results[name].append(await run())
            await asyncio.sleep(0.1)
    return {name: _middle(of) for name, of in results.items()}


def _middle(runs: Sequence[Run]) -> Run:
    """Medians, and sums of what was counted."""
    medians = {
        name: statistics.median(getattr(run, name) for run in runs)
        for name in ("rate", "p50", "p99", "max", "server_us", "redis_us", "load_us")
    }
    sums = {name: sum(getattr(run, name) for run in runs) for name in ("acknowledged", "counted", "others")}
    return Run(**medians, **sums)


def ratio(run: Run, other: Run) -> str:
    """How many times as many pings a second, by the clock and by the servers' CPU."""
    return f"{run.rate / other.rate:.2f}x ({other.server_us / run.server_us:.2f}x by CPU)"


def told(run: Run) -> str:
    """How long pings took, what they cost, and whether each was counted once."""
    return (
        f"p50 {run.p50:.1f} ms, p99 {run.p99:.1f} ms; CPU a ping: server {run.server_us:,.0f} us "
        f"({1e6 / run.server_us if run.server_us else 0:,.0f}/s a core), Redis {run.redis_us:,.0f} us; {kept(run)}"
    )


def kept(run: Run) -> str:
    """The counts, and that they agree, or by how much they don't. What was refused because Redis was slow may have been
    stored nevertheless.
    """
    acknowledged, more = run.acknowledged, run.counted - run.acknowledged
    if not 0 <= more <= run.others:
        return f"{acknowledged:,} acknowledged, {run.counted:,} COUNTED IN REDIS, {run.others:,} refused or unanswered"
    if run.others:
        others = f"{run.others:,} REFUSED OR UNANSWERED, {more:,} of them counted"
        return f"{acknowledged:,} acknowledged = counted in Redis, {others}"
    return f"{acknowledged:,} acknowledged = counted in Redis"
