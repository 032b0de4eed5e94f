"""20,000 checks (or `CHECKS=1000000`) that fall silent at once: how fast they are flipped and handed out, and what
pings feel of it."""

import asyncio
import os
import time
from dataclasses import dataclass

from tests.bench import population, stack
from tests.lua.parts import make_channel
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.check_list import STATUS_RANGES
from ttr.store.redis import Store
from ttr.store.users import User

CHECKS = int(os.environ.get("CHECKS", "20000"))
ACCOUNTS = 64
PINGED = 500
RATE = 100
"""Pings a second beside it, over HTTP; a count that leaves the web process room enough."""
CONNECTIONS = 8
CALM_SECONDS = 5
GIVE_UP_SECONDS = 1_800


@dataclass
class _Pings:
    """How long pings took, ms."""

    took: list[float]

    def percentile(self, share: float) -> float:
        """The time within which `share` of them were answered."""
        return sorted(self.took)[min(len(self.took) - 1, int(len(self.took) * share))]


async def run() -> None:
    """Make them, ping others for a while, let them fall silent, and go on pinging till all are flipped."""
    with stack.redis() as url:
        async with stack.store(url) as store:
            users = await _fill(store)
            await measure(store, url, users, CHECKS)


async def _fill(store: Store) -> list[User]:
    """Accounts with a channel each, and as many checks as each other."""
    users = []
    for number in range(ACCOUNTS):
        user = await population.account(store)
        channel = await make_channel(store, user, settings={"url": "http://127.0.0.1:9/"}, enabled=True)
        share = range(CHECKS * number // ACCOUNTS, CHECKS * (number + 1) // ACCOUNTS)
        await population.pour(store, user, [population.varied(n) for n in share], channel=channel.id)
        users.append(user)
    return users


async def measure(store: Store, url: str, users: list[User], checks: int) -> None:
    """The storm over a store that holds so many checks, which no clock has seen yet."""
    used = int((await store.redis.info("memory"))["used_memory"])
    # A second or so for each 100,000 goes into moving the deadlines; none may come before all are moved.
    silent_at = now_ms() + 3_000 + checks // 20
    await population.fall_silent(store, silent_at)
    pinged = await population.account(store)
    await population.pour(store, pinged, [population.settings(n, 86_400) for n in range(PINGED)])
    async with stack.process("web", url) as (web, base):
        alone = await _ping(base, pinged, asyncio.create_task(asyncio.sleep(CALM_SECONDS)))
        await asyncio.sleep(max(0, silent_at - now_ms()) / 1_000)
        await store.redis.config_set("slowlog-log-slower-than", 1_000)
        await store.redis.config_set("slowlog-max-len", 200_000)
        await store.redis.slowlog_reset()
        await store.redis.config_resetstat()
        began, cpu_before = time.perf_counter(), await _redis_cpu(store)
        async with stack.process("clock", url) as (clock, _):
            flipped = asyncio.create_task(_flipped(store, checks))
            beside = await _ping(base, pinged, flipped)
            seconds = await flipped
            cpu, clock_cpu = await _redis_cpu(store) - cpu_before, stack.cpu_seconds(clock.pid)
            slow = [entry["duration"] for entry in await store.redis.slowlog_get(200_000)]
            waiting = await _waiting(store)
            handed_out = await _handed_out(store, time.perf_counter() - began)
        grown = int((await store.redis.info("memory"))["used_memory"]) - used
        assert web.poll() is None
    print(
        f"storm: {checks:,} checks overdue at once are flipped in {seconds:.1f} s, {checks / seconds:,.0f} a second; "
        f"CPU of all that goes on meanwhile: Redis {cpu / checks * 1e6:,.0f}, clock {clock_cpu / checks * 1e6:,.0f} us "
        "a flip"
    )
    if slow:
        print(
            f"storm: {len(slow):,} scripts held Redis for more than 1 ms, p50 {stack.percentile(slow, 0.5) / 1e3:.1f}, "
            f"p99 {stack.percentile(slow, 0.99) / 1e3:.1f}, at most {max(slow) / 1e3:.1f} ms"
        )
    print(
        f"storm: {RATE} pings a second take p50 {alone.percentile(0.5):.1f}, p99 {alone.percentile(0.99):.1f} ms; "
        f"beside the flips p50 {beside.percentile(0.5):.1f}, p99 {beside.percentile(0.99):.1f} ms "
        f"({len(beside.took):,} of them), {beside.percentile(0.5) / alone.percentile(0.5):.1f} and "
        f"{beside.percentile(0.99) / alone.percentile(0.99):.1f} times that"
    )
    print(
        f"storm: {waiting:,} alerts waited then to be handed out; the last was {handed_out:.1f} s after the first "
        f"flip; Redis holds {grown / checks:,.0f} bytes a check more than before"
    )


async def _flipped(store: Store, checks: int) -> float:
    """Seconds from the first one until all are down; the clock's start is left out."""
    began = time.perf_counter()
    first = None
    while (down := await _down(store)) < checks:
        if first is None and down:
            first = time.perf_counter()
        if time.perf_counter() - began > GIVE_UP_SECONDS:
            raise SystemExit(f"{down:,} of {checks:,} are flipped after {GIVE_UP_SECONDS} s")
        await asyncio.sleep(0.05)
    return time.perf_counter() - (first or began)


async def _down(store: Store) -> int:
    last = int(await store.redis.get(keys.sequence("user")))
    async with store.redis.pipeline(transaction=False) as pipe:
        for user in range(1, last + 1):
            pipe.zcount(keys.by_status(keys.partition_of(user), user), *STATUS_RANGES["down"])
        return sum(await pipe.execute())


async def _waiting(store: Store) -> int:
    async with store.redis.pipeline(transaction=False) as pipe:
        for partition in range(keys.PARTITIONS):
            pipe.xlen(keys.outbox(partition))
        return sum(await pipe.execute())


async def _handed_out(store: Store, already: float) -> float:
    """Seconds since the beginning, of which `already` have passed, until no alert waits in an outbox."""
    began = time.perf_counter()
    while await _waiting(store):
        if time.perf_counter() - began > GIVE_UP_SECONDS:
            raise SystemExit("alerts are not handed out")
        await asyncio.sleep(0.1)
    return already + time.perf_counter() - began


async def _redis_cpu(store: Store) -> float:
    told = await store.redis.info("cpu")
    return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])


async def _ping(base: str, user: User, until: "asyncio.Task[None] | asyncio.Task[float]") -> _Pings:
    """Pings at an even rate, each on the connection whose turn it is, until the task is done."""
    pings, began = _Pings([]), time.perf_counter()

    async def connection(first: int) -> None:
        host, _, port = base.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        number = first
        while not until.done():
            at = began + number / RATE
            await asyncio.sleep(max(0, at - time.perf_counter()))
            # Counted from when it was to be sent, so that a slow answer before it is not left out.
            writer.write(
                f"GET /p/{user.user_slug}/backup-{number % PINGED} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readexactly(2)
            pings.took.append((time.perf_counter() - at) * 1e3)
            number += CONNECTIONS
        writer.close()

    await asyncio.gather(*(connection(first) for first in range(CONNECTIONS)))
    return pings
