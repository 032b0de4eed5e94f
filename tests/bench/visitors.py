"""A public page of 200 checks beside pings: what visitors cost, and how much longer pings take meanwhile."""

import asyncio
import sys
from collections.abc import Callable

import aiohttp

from tests.bench import population, stack
from ttr.domain.status_page import Entry, StatusPageSettings
from ttr.now import now_ms
from ttr.store.deadlines import tick_clock
from ttr.store.redis import Store
from ttr.store.status_pages import create_status_page
from ttr.store.users import User

CHECKS, PINGS_A_SECOND, SECONDS = 200, 50, 12
LIMITS = "public-address=off,ping-address=off,ping-check=off"
"""All visitors come from one address here; what everybody together may ask for stays as it is by default."""


async def run() -> None:
    """50 pings a second to the checks of the page, alone, beside 100 visitors a second, and beside a flood."""
    with stack.redis() as url:
        async with stack.store(url) as store, stack.process("web", url, limits=LIMITS) as (web, base):
            user = await population.account(store)
            checks = await population.populate(
                store, user, [population.settings(n, 3_600) for n in range(CHECKS)]
            )
            entries = tuple(Entry("check", str(check.id)) for check in checks)
            await create_status_page(
                store, user, StatusPageSettings("Bench", "bench", entries=entries), now=now_ms(), most=1
            )
            path = f"/s/{user.public_slug}/bench"
            await _first_and_kept(store, base, path, lambda: stack.cpu_seconds(web.pid))
            alone = await _pings(store, base, user)
            _say("alone", alone, alone, "")
            for words, connections, rate in (("100 visitors/s", 20, 100), ("a flood", 64, 0)):
                cpu, began = stack.cpu_seconds(web.pid), now_ms()
                crowd = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "tests.bench.crowd", base, path),
                    *(str(connections), str(rate), str(SECONDS)),
                    stdout=asyncio.subprocess.PIPE,
                )
                await asyncio.sleep(1)
                times = await _pings(store, base, user)
                told, _ = await crowd.communicate()
                served, unchanged, refused = map(int, told.split())
                share = (stack.cpu_seconds(web.pid) - cpu) / ((now_ms() - began) / 1_000)
                many, less = (served + unchanged) / SECONDS, refused / SECONDS
                also = f", {many:,.0f} answered and {less:,.0f} refused a second, web {share:.0%} of a core"
                _say(f"beside {words}", times, alone, also)


async def _first_and_kept(store: Store, base: str, path: str, cpu: Callable[[], float]) -> None:
    async with aiohttp.ClientSession(headers={"Accept-Encoding": "gzip"}, auto_decompress=False) as client:
        await tick_clock(store, now_ms())
        before, began = cpu(), now_ms()
        async with client.get(base + path) as response:
            size = len(await response.read())
        first, took = cpu() - before, now_ms() - began
        before, many = cpu(), 500
        for _ in range(many):
            async with client.get(base + path) as response:
                await response.read()
        kept = (cpu() - before) / many
    print(
        f"visitors: a page of {CHECKS} checks is {size / 1000:,.0f} kB as sent; made in {took:,.0f} ms "
        f"({first * 1000:,.0f} ms of a core), handed out again in {kept * 1e6:,.0f} us"
    )


async def _pings(store: Store, base: str, user: User) -> list[int]:
    """Microseconds of each ping. They are sent when their time has come, whether those before are answered or not."""
    loop, times, running = asyncio.get_running_loop(), list[int](), set[asyncio.Task[None]]()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:

        async def one(number: int, due: float) -> None:
            async with client.get(f"{base}/p/{user.user_slug}/backup-{number % CHECKS}") as response:
                assert response.status == 200, response.status
            times.append(int((loop.time() - due) * 1e6))

        began = loop.time()
        for number in range(PINGS_A_SECOND * (SECONDS - 3)):
            due = began + number / PINGS_A_SECOND
            await asyncio.sleep(max(0, due - loop.time()))
            if number % PINGS_A_SECOND == 0:
                await tick_clock(store, now_ms())
            task = asyncio.create_task(one(number, due))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)
    return times


def _say(where: str, times: list[int], alone: list[int], also: str) -> None:
    p50, p99 = (stack.percentile(times, share) / 1000 for share in (0.5, 0.99))
    base50, base99 = (stack.percentile(alone, share) / 1000 for share in (0.5, 0.99))
    print(
        f"visitors: pings {where}: p50 {p50:.1f} ms ({p50 / base50:.1f}x), p99 {p99:.1f} ms ({p99 / base99:.1f}x){also}"
    )
