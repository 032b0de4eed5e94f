"""SELF_PING_URL: pinged while all that alerts need is well, once however many clocks there are, and told to nobody."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.conftest import RedisServer, eventually
from tests.lua.parts import make_channel, make_check, make_user, ping
from tests.processes import process
from ttr import self_ping
from ttr.ending import end
from ttr.now import now_ms
from ttr.self_ping import ping_another_monitor, worries
from ttr.store import keys, outbox
from ttr.store.deadlines import tick_clock, tick_web
from ttr.store.deliveries import hand_out
from ttr.store.processes import say
from ttr.store.redis import Store, open_store
from ttr.store.self_ping import claim_self_ping

_SECRET = "/p/s3cr3t?key=w0rd"


class Monitor:
    """Another monitor, which notes what it is asked and says what a test wants."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
        self.port = 0

    @property
    def url(self) -> str:
        """The secret address."""
        return f"http://127.0.0.1:{self.port}{_SECRET}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(head.decode())
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def monitor() -> AsyncIterator[Monitor]:
    """It listens."""
    monitor = Monitor()
    server = await asyncio.start_server(monitor.serve, "127.0.0.1", 0)
    monitor.port = server.sockets[0].getsockname()[1]
    yield monitor
    server.close()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks often, and again soon after a failure."""
    monkeypatch.setattr(self_ping, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(self_ping, "_LEASE_MS", 200)


async def all_is_well(store: Store) -> None:
    """Everything that alerts need has just said so."""
    now = now_ms()
    await tick_web(store, now)
    await tick_clock(store, now)
    await say(store, process("clock", beat_at=now, loops={"dispatch": now}))
    await say(store, process("worker", beat_at=now))


@asynccontextmanager
async def pinging(store: Store, url: str, seconds: float = 3_600, clocks: int = 1) -> AsyncIterator[None]:
    """So many clocks do it."""
    tasks = [asyncio.create_task(ping_another_monitor(store, url, seconds)) for _ in range(clocks)]
    try:
        yield
    finally:
        await end(*tasks)


async def test_it_is_asked_once_an_interval_however_many_clocks_there_are(
    store: Store, monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await all_is_well(store)
    looks: list[bool] = []

    async def claim(*given: Any) -> bool:
        looks.append(await claim_self_ping(*given))
        return looks[-1]

    async def looked_again() -> bool:
        return len(looks) > 30

    monkeypatch.setattr(self_ping, "claim_self_ping", claim)
    async with pinging(store, monitor.url, clocks=3):
        await eventually(lambda: _has(monitor, 1))
        await eventually(lambda: _is_paused(store))
        looks.clear()
        await eventually(looked_again)
    (head,) = monitor.requests
    assert head.startswith(f"GET {_SECRET} HTTP/1.1\r\n")
    assert "user-agent: ttr/" in head.lower()
    # The interval is over: the next one.
    await store.redis.delete(keys.self_ping())
    async with pinging(store, monitor.url, 0.05):
        await eventually(lambda: _has(monitor, 3))


async def test_what_is_not_answered_well_is_tried_again_and_told_without_its_address(
    store: Store, monitor: Monitor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await all_is_well(store)
    monitor.answer = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    async with pinging(store, monitor.url):
        await eventually(lambda: _has(monitor, 2))
        monitor.answer = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"
        await eventually(lambda: _said(caplog, "answered 500"))
        monitor.answer = b"nonsense\r\n\r\n"
        await eventually(lambda: _said(caplog, "not answered"))
        monitor.answer = b"HTTP/1.1 204 No Content\r\n\r\n"
        await eventually(lambda: _said(caplog, "is pinged again"))
    assert all(head.startswith(f"GET {_SECRET} ") for head in monitor.requests)
    assert [line for line in caplog.messages if "302" in line] == [
        "The ping of SELF_PING_URL was answered 302."
    ]
    assert "s3cr3t" not in caplog.text
    assert str(monitor.port) not in caplog.text


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/s3cr3t", "http://s3cr3t.invalid/", "http://[s3cr3t/"])
async def test_an_address_where_nobody_is_is_told_without_it(
    store: Store, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await all_is_well(store)
    async with pinging(store, url):
        await eventually(lambda: _said(caplog, "was not answered"))
    assert "s3cr3t" not in caplog.text


async def test_an_answer_without_end_is_not_read(store: Store, monitor: Monitor) -> None:
    await all_is_well(store)
    monitor.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n" + b"x" * 1_000
    async with pinging(store, monitor.url):
        await eventually(lambda: _has(monitor, 1))
        await eventually(lambda: _is_paused(store))


async def test_it_is_withheld_while_a_worker_is_missing_and_goes_on_afterwards(
    store: Store, monitor: Monitor, caplog: pytest.LogCaptureFixture
) -> None:
    await all_is_well(store)
    await say(store, process("worker", beat_at=now_ms() - 20_000))
    async with pinging(store, monitor.url):
        await eventually(lambda: _said(caplog, "was withheld: no worker is online."))
        assert monitor.requests == []
        await all_is_well(store)
        await eventually(lambda: _has(monitor, 1))
        await eventually(lambda: _said(caplog, "is pinged again"))


async def test_it_is_withheld_while_redis_is_away(
    store: Store, monitor: Monitor, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_store("redis://127.0.0.1:1/0") as nowhere, pinging(nowhere, monitor.url):
        await eventually(lambda: _said(caplog, "was withheld: Redis is away"))
    assert monitor.requests == []


async def test_each_part_that_stops_is_a_worry(store: Store) -> None:
    await all_is_well(store)
    assert await worries(store) == []
    await tick_web(store, now_ms() - 11_000)
    assert await worries(store) == ["no web process takes pings"]
    await all_is_well(store)
    await tick_clock(store, now_ms() - 11_000)
    assert await worries(store) == ["no clock looks for overdue checks"]
    await all_is_well(store)
    now = now_ms()
    await say(store, process("clock", beat_at=now, loops={"dispatch": now - 9_000}))
    assert await worries(store) == ["no clock hands alerts out"]


async def test_an_alert_that_nobody_attends_to_is_a_worry(store: Store) -> None:
    user = await make_user(store)
    channel = await make_channel(store, user, destination="webhook-1", address="a1")
    check = await make_check(store, user, channels=(channel.id,))
    old = now_ms() - 61_000
    await ping(store, user, check.id, "fail", now=old, request="r", reason="fail")
    await all_is_well(store)
    # In the outbox its age is that of its entry, by Redis's clock: it has come just now.
    assert await worries(store) == []
    (entry,) = await outbox.read_outbox(store, user.partition, 10)
    await outbox.dispatch_entry(store, user.partition, entry, old, {"webhook": 5})
    assert await worries(store) == ["an alert has been due for more than a minute"]
    await hand_out(store, user.partition, now=now_ms(), most=5)
    assert await worries(store) == []


async def test_an_alert_that_nobody_dispatches_is_a_worry(store: Store) -> None:
    await all_is_well(store)
    await store.redis.xadd(keys.outbox(3), {"id": "1"}, id=f"{now_ms() - 61_000}-0")
    assert await worries(store) == ["an alert has been due for more than a minute"]


async def _has(monitor: Monitor, requests: int) -> bool:
    return len(monitor.requests) >= requests


async def _is_paused(store: Store) -> bool:
    return bool(await store.redis.pttl(keys.self_ping()) > 1_000)


async def _said(caplog: pytest.LogCaptureFixture, words: str) -> bool:
    return words in caplog.text
