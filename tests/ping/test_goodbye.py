"""The end of a web process, at both doors: what clients that keep their connections, and those that have just come, get
of it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import pytest

from tests.conftest import RedisServer
from tests.ping.conftest import Door, Owner, door_settings
from tests.ping.wire import Wire, request
from ttr import web_server
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.store.sessions import open_session
from ttr.web.security import SESSION_COOKIE

Start = Callable[[Settings], AbstractAsyncContextManager[Door]]
PAGE = request("GET", "/api/v1/openapi.json")


class Ending:
    """A server that is told to stop when the test says so."""

    def __init__(self, stack: AsyncExitStack, door: Door) -> None:
        self.port = door.port
        self._stack = stack
        self.over: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Tell it to stop, and give it a moment to have heard."""
        self.over = asyncio.create_task(self._stack.aclose())
        for _ in range(20):
            await asyncio.sleep(0)


@pytest.fixture
async def ending(start_door: Start, redis_server: RedisServer, store: Store) -> AsyncIterator[Ending]:
    stack = AsyncExitStack()
    door = await stack.enter_async_context(start_door(door_settings(redis_server)))
    await door.ask("GET", "/health")
    ending = Ending(stack, door)
    try:
        yield ending
    finally:
        await (ending.over or stack.aclose())


async def test_connections_that_clients_keep_get_one_more_answer_that_says_goodbye(
    ending: Ending, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "LINGER_SECONDS", 30.0)  # it ends before: all connections do
    check = await owner.check()
    ping = request("POST", f"/p/{owner.user.user_slug}/job", body=b"done")
    kept = [await Wire.open(ending.port) for _ in range(6)]
    for wire, first in zip(kept, (ping, PAGE, ping, PAGE, ping, PAGE), strict=True):
        await wire.send(first)
        assert (await wire.answer()).header("connection") in (None, "keep-alive")
    await ending.begin()
    for wire, second in zip(kept, (ping, ping, ping, PAGE, PAGE, PAGE), strict=True):
        await wire.send(second)
        answer = await wire.answer()
        assert (answer.status, answer.header("connection")) == (200, "close")
        assert await wire.closed_by_server()
        wire.writer.close()
    assert ending.over
    await asyncio.wait_for(ending.over, 20)
    assert (await owner.see(check)).ping_count == 6


async def test_connections_that_stay_quiet_are_closed_in_the_end(
    ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "LINGER_SECONDS", 0.2)
    silent, page = [await Wire.open(ending.port) for _ in range(2)]
    await page.send(PAGE)
    await page.answer()
    await ending.begin()
    for wire in (silent, page):
        assert await wire.closed_by_server()
        wire.writer.close()


async def test_a_stream_lasts_as_long_as_the_process_answers_and_then_ends_whole(
    ending: Ending, owner: Owner, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "LINGER_SECONDS", 0.2)
    cookie = await open_session(store, owner.user, now_ms())
    async with await Wire.open(ending.port) as wire:
        await wire.send(
            request("GET", "/events?whole=1&since=999999999", f"Cookie: {SESSION_COOKIE}={cookie}")
        )
        assert b"text/event-stream" in await asyncio.wait_for(wire.reader.readuntil(b"\r\n\r\n"), 20)
        await ending.begin()
        rest = await asyncio.wait_for(wire.reader.read(), 20)
        assert rest.endswith(b"0\r\n\r\n")


async def test_what_has_connected_when_the_port_is_closed_is_taken() -> None:
    """Between the last look at the port and its end: nothing here lets the loop look."""
    taken: list[bytes] = []

    class Reading(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            taken.append(data)

    class OnlyReads:
        connection = Reading

    bound = socket.create_server(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Reading, sock=bound)
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
    for client in clients:
        client.sendall(b"ping")
    await web_server._close_port(OnlyReads(), [server], [bound])  # type: ignore[arg-type]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    async with asyncio.timeout(20):
        while len(taken) < len(clients):
            await asyncio.sleep(0.01)
    for client in clients:
        client.close()
    await asyncio.sleep(0)
