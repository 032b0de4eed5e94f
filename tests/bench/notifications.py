"""What a notification costs: how many one worker sends a second, its CPU, and what one that waits takes in Redis."""

import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from aiohttp import web

from tests.bench import population, stack
from ttr.channels.means import open_means
from ttr.domain.alert import Event
from ttr.integrations import add_channel
from ttr.now import now_ms
from ttr.settings import load_settings
from ttr.store.outbox import dispatch_entry, put_test, read_outbox
from ttr.store.redis import Store
from ttr.store.users import User

ACCOUNTS, EACH = 60, 50
DELAYS = (0.0, 0.2)
_AT_ONCE = 32
_EVENT = Event(
    id="1-1-1",
    kind="down",
    at=1_795_000_000_000,
    check_id=1,
    check_name="Nightly backup",
    check_slug="backup",
    tags=("backup", "production"),
    reason="exit_status",
    reason_detail="3",
    failure_count=1,
    output="tar: /srv/data: Cannot open: Permission denied\n" * 8,
)
# What a worker's job does, in a process whose CPU can be read when it has ended.
_SERVE = """
import asyncio
from ttr.notify import serve
from ttr.settings import load_settings
async def main():
    await serve(load_settings(), asyncio.Event())
asyncio.run(main())
"""


# The same number of requests as bare as aiohttp makes them, 50 at a time.
_BARE = """
import asyncio, sys
import aiohttp
async def main():
    room = asyncio.Semaphore(50)
    async def one(number):
        async with room, client.post(f"{sys.argv[1]}/{number}", data=b"x" * 1_000) as answer:
            await answer.read()
    async with aiohttp.ClientSession() as client:
        await asyncio.gather(*(one(number) for number in range(int(sys.argv[2]))))
asyncio.run(main())
"""


async def run() -> None:
    """Each of 3,000 webhooks of 60 accounts is told once, by receivers that answer at once and after 200 ms; beside as
    many bare requests to the same receiver.
    """
    for delay in DELAYS:
        with stack.redis() as url:
            async with stack.store(url) as store, _receiver(delay) as (base, arrivals):
                waiting = await _queue(store, url, base)
                if delay == 0:
                    print(
                        f"notifications: {waiting:,.0f} bytes of Redis for one that waits (its lane included)"
                    )
                bare_cpu = await _child(url, _BARE, base, str(ACCOUNTS * EACH))
                bare = _rate(arrivals)
                arrivals.clear()
                cpu = await _child(url, _SERVE)
                rate = _rate(arrivals)
                print(
                    f"notifications: {rate:,.0f} a second by one worker = {rate / bare:.2f} of bare requests; "
                    f"{cpu / len(arrivals) * 1e6:,.0f} us of CPU each, {cpu / bare_cpu:.1f}x a bare one, start of the "
                    f"process included; receivers answer after {delay * 1000:.0f} ms; "
                    f"{len(arrivals):,} of {ACCOUNTS * EACH:,} told, the rest is tried again later"
                )


def _rate(arrivals: list[float]) -> float:
    return len(arrivals) / (arrivals[-1] - arrivals[0])


@asynccontextmanager
async def _receiver(delay: float) -> AsyncIterator[tuple[str, list[float]]]:
    arrivals: list[float] = []

    async def take(request: web.Request) -> web.Response:
        await request.read()
        if delay:
            await asyncio.sleep(delay)
        arrivals.append(time.perf_counter())
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/{tail:.*}", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=2_048)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", arrivals
    finally:
        await runner.cleanup()


async def _queue(store: Store, url: str, base: str) -> float:
    """Make the channels, then a delivery for each; bytes of Redis a delivery took."""
    settings = load_settings(_environment(url))
    room = asyncio.Semaphore(_AT_ONCE)
    accounts = [await population.account(store) for _ in range(ACCOUNTS)]

    async def channel(user: User, number: int) -> tuple[User, int]:
        async with room:
            given = {"kind": "webhook", "webhook_url": f"{base}/{user.id}/{number}"}
            return user, (await add_channel(store, settings, means, user, given)).channel.id

    async with open_means(settings) as means:
        made = await asyncio.gather(*(channel(user, number) for user in accounts for number in range(EACH)))
    before = await _used(store)
    for user, number in made:
        await put_test(store, user, number, replace(_EVENT, id=f"{number}-1-1"))
    for user in accounts:
        for entry in await read_outbox(store, user.partition, ACCOUNTS * EACH):
            event = replace(entry.event, output=_EVENT.output)
            await dispatch_entry(
                store, user.partition, replace(entry, event=event), now_ms(), {"webhook": 50}
            )
    return (await _used(store) - before) / len(made)


async def _child(url: str, program: str, *words: str) -> float:
    """Let it send everything; CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, *words),
        env={**os.environ, **_environment(url)},
        stderr=subprocess.DEVNULL,
    )
    await asyncio.wait_for(child.wait(), 180)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _environment(url: str) -> dict[str, str]:
    return {
        "REDIS_URL": url,
        "SECRET_KEY": "bench",
        "ENCRYPTION_KEY": stack.MASTER_KEY,
        "EGRESS_ALLOW": "127.0.0.0/8",
    }


async def _used(store: Store) -> int:
    return int((await store.redis.info("memory"))["used_memory"])
