"""Open streams on one web process: memory of each, CPU of a change, and the time from a ping to the event."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import aiohttp

from tests.bench import population, stack
from ttr.now import now_ms
from ttr.store.sessions import open_session
from ttr.store.users import User
from ttr.web.security import SESSION_COOKIE

STREAMS, ACCOUNTS, CHECKS, PINGS = 500, 20, 50, 400


async def run() -> None:
    """500 streams of 20 accounts, 50 rows each; pings of one account's checks, each of which 25 streams hear."""
    with stack.redis() as url:
        async with stack.store(url) as store, stack.process("web", url) as (web, base):
            users = [await population.account(store) for _ in range(ACCOUNTS)]
            for user in users:
                await population.populate(store, user, [population.settings(n, 3_600) for n in range(CHECKS)])
            cookies = [await open_session(store, user, now_ms()) for user in users]
            heard: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar()
            ) as client:
                alone = await _unheard(client, base, users, web.pid)
                before = _memory(web.pid)
                rows = [await _ids(store, user) for user in users]
                opened = []
                for n in range(STREAMS):
                    of = n % ACCOUNTS
                    stream = await _open(client, base, cookies[of], rows[of])
                    opened.append(asyncio.create_task(_listen(stream, of, heard)))
                await asyncio.sleep(1)
                each = (_memory(web.pid) - before) / STREAMS
                cpu = stack.cpu_seconds(web.pid)
                idle_from = now_ms()
                await asyncio.sleep(5)
                idle = (stack.cpu_seconds(web.pid) - cpu) / ((now_ms() - idle_from) / 1_000)
                cpu = stack.cpu_seconds(web.pid)
                times = await _ping_all(client, base, users, heard)
                busy = (stack.cpu_seconds(web.pid) - cpu) / PINGS
                for task in opened:
                    task.cancel()
                await asyncio.gather(*opened, return_exceptions=True)
            print(
                f"streams: {STREAMS} open on one process, {each:,.1f} kB each "
                f"({500 / each if each else 0:,.0f} in 500 kB), idle {idle:.1%} of a core"
            )
            print(
                f"streams: a ping that {STREAMS // ACCOUNTS} streams hear costs web {busy * 1e6:,.0f} us, "
                f"{busy / alone:.1f}x one that none hears "
                f"({(busy - alone) * 1e6 / (STREAMS // ACCOUNTS):,.0f} us a stream); from the ping to the event heard "
                f"p50 {stack.percentile(times, 0.5) / 1000:.1f} ms, p99 {stack.percentile(times, 0.99) / 1000:.1f} ms"
            )


async def _unheard(client: aiohttp.ClientSession, base: str, users: list[User], pid: int) -> float:
    """CPU seconds of web for a ping while no stream is open."""
    for number in range(PINGS):  # of the first ones web learns the checks
        await _ping(client, base, users, number)
    cpu = stack.cpu_seconds(pid)
    for number in range(PINGS):
        await _ping(client, base, users, number)
    return (stack.cpu_seconds(pid) - cpu) / PINGS


async def _ping(client: aiohttp.ClientSession, base: str, users: list[User], number: int) -> None:
    user = users[number % len(users)]
    async with client.get(f"{base}/p/{user.user_slug}/backup-{number // len(users)}") as response:
        assert response.status == 200, response.status


async def _ids(store: object, user: User) -> list[int]:
    found = await store.redis.hvals(f"ttr:{{{user.partition}}}:user:{user.id}:slugs")  # type: ignore[attr-defined]
    return [int(number) for number in found]


async def _open(
    client: aiohttp.ClientSession, base: str, cookie: str, rows: Iterable[int]
) -> aiohttp.ClientResponse:
    address = f"{base}/events?rows={','.join(map(str, rows))}&whole=1&since=999999999"
    stream = await client.get(address, headers={"Cookie": f"{SESSION_COOKIE}={cookie}"}, timeout=None)
    assert stream.status == 200, stream.status
    return stream


async def _listen(
    stream: aiohttp.ClientResponse, account: int, heard: "asyncio.Queue[tuple[int, float]]"
) -> None:
    loop = asyncio.get_running_loop()
    async with stream:
        async for line in stream.content:
            if line.startswith(b"event: check"):
                heard.put_nowait((account, loop.time()))


async def _ping_all(
    client: aiohttp.ClientSession,
    base: str,
    users: list[User],
    heard: "asyncio.Queue[tuple[int, float]]",
) -> list[int]:
    """Microseconds from each ping's sending to each event, one ping at a time, accounts in turn."""
    loop, times = asyncio.get_running_loop(), list[int]()
    await asyncio.sleep(1)
    while not heard.empty():
        heard.get_nowait()
    for number in range(PINGS):
        began = loop.time()
        await _ping(client, base, users, number)
        async with asyncio.timeout(30):
            for _ in range(STREAMS // ACCOUNTS):
                times.append(int(((await heard.get())[1] - began) * 1e6))
    return times


def _memory(pid: int) -> float:
    """Resident kB of a process."""
    text = Path(f"/proc/{pid}/status").read_text()
    return float(text.partition("VmRSS:")[2].split()[0])
