"""Connections of clients that leave or do not read, on a real server: nothing of them stays in memory."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived
from hypercorn.config import Config
from quart import Response

from tests.conftest import RedisServer, eventually
from tests.ping.conftest import Door, door_settings, hypercorn_door
from tests.ping.wire import Wire, request
from ttr import connections
from ttr.connections import Connection
from ttr.store.redis import Store

SIZE = 8_000_000
BIG = request("GET", "/big")


@pytest.fixture(scope="module")
async def started(redis_server: RedisServer) -> AsyncIterator[Door]:
    """The server with one page more, of 8 MB."""

    async def big() -> Response:
        return Response(b"x" * SIZE)

    # Longer than any test waits: what is gone earlier was not idle for too long.
    async with hypercorn_door(door_settings(redis_server), idle_seconds=75) as door:
        door.app.add_url_rule("/big", view_func=big)
        await door.ask("GET", "/health")
        _CONFIG[:] = [door.config]
        yield door


@pytest.fixture
async def door(started: Door, store: Store) -> Door:
    """The server, its store empty; connections that are objects already are no matter of the test."""
    _OTHERS.clear()
    with suppress(AssertionError):
        await eventually(_none_left, 3)
    _OTHERS[:] = left()
    return started


async def unread(door: Door, data: bytes = BIG) -> socket.socket:
    """A client that asks and does not read, with as little room as the kernel allows."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", door.port))
    await loop.sock_sendall(client, data)
    return client


def waiting() -> int:
    """Connections with an answer that is not read."""
    return len(Connection._unread)


def tasks() -> int:
    return len(asyncio.all_tasks())


_CONFIG: list[Config] = []
"""The server's, by which its connections are told from those of servers that other files have in this process."""


_OTHERS: list[Connection] = []
"""Those that something has kept from before: tests of other files may leave what holds parts of a request."""


def left() -> list[Connection]:
    """Every connection of this server that is still an object."""
    gc.collect()
    found = [found for found in gc.get_objects() if type(found) is Connection and found.config in _CONFIG]
    return [one for one in found if not any(one is other for other in _OTHERS)]


async def _none_left() -> bool:
    return not left()


async def read_whole(client: socket.socket, seconds: float = 20) -> int:
    """How many bytes come before the end."""
    size, loop = 0, asyncio.get_running_loop()
    async with asyncio.timeout(seconds):
        try:
            while got := await loop.sock_recv(client, 1 << 20):
                size += len(got)
        except ConnectionResetError:
            pass
    client.close()
    return size


@pytest.mark.parametrize("data", [BIG, BIG + BIG, BIG + b"G"], ids=["one", "two-at-once", "one-and-a-bit"])
async def test_answers_that_clients_leave_behind_are_gone(
    door: Door, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "UNREAD_BYTES_MAX", 1 << 40)
    before = tasks()
    clients = [await unread(door, data) for _ in range(20)]

    async def all_wait() -> bool:
        return waiting() == 20

    await eventually(all_wait)
    assert len(left()) == 20
    assert tasks() > before
    for client in clients:
        client.close()

    async def gone() -> bool:
        return tasks() <= before and not left()

    await eventually(gone)
    assert waiting() == 0


async def test_a_client_that_does_not_read_loses_its_connection(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 0.2)
    monkeypatch.setattr(connections, "SLOWEST_BYTES", SIZE * 100)
    client = await unread(door)
    # Seen from the server alone: the client does nothing.

    async def waits() -> bool:
        return waiting() == 1

    await eventually(waits)
    await eventually(_none_left)
    assert await read_whole(client) < SIZE


async def test_a_client_that_reads_late_but_in_time_gets_all_of_it(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 0.0)
    monkeypatch.setattr(connections, "SLOWEST_BYTES", SIZE // 20)
    client = await unread(door, request("GET", "/big", "Connection: close"))
    await asyncio.sleep(0.5)
    assert await read_whole(client) > SIZE


async def test_above_the_most_that_may_lie_unread_the_oldest_loses(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "UNREAD_BYTES_MAX", SIZE)  # one's, for the kernel takes a part itself
    clients, before = [], list[Connection]()
    for _ in range(3):
        clients.append(await unread(door, request("GET", "/big", "Connection: close")))

        async def the_newest_waits(before: Sequence[Connection] = tuple(before)) -> bool:
            return waiting() == 1 and [*Connection._unread] != [*before]

        await eventually(the_newest_waits)
        before = [*Connection._unread]
    sizes = [await read_whole(client) for client in clients]
    assert [size > SIZE for size in sizes] == [False, False, True]


async def test_a_client_that_has_sent_its_last_still_gets_its_answer(door: Door) -> None:
    async with door.wire() as wire:
        wire.writer.write(request("GET", "/p/nobody/x"))
        wire.writer.write_eof()
        assert (await wire.answer()).status == 404
        assert await wire.closed_by_server()


async def test_a_connection_that_its_client_closes_is_not_kept_for_the_idle_time(door: Door) -> None:
    async with await Wire.open(door.port) as wire:
        await wire.send(request("GET", "/p/nobody/x"))
        assert (await wire.answer()).status == 404
        assert len(left()) == 1
        # Those of the tests before may not be over yet.
        assert Connection.open >= 1
    await eventually(_none_left)

    async def none_is_open() -> bool:
        return Connection.open == 0

    await eventually(none_is_open)


async def test_http_2_whose_windows_stay_shut_keeps_no_answers(door: Door) -> None:
    asking = H2Connection(H2Configuration(client_side=True))
    asking.initiate_connection()
    names = [(":method", "GET"), (":path", "/big"), (":scheme", "http"), (":authority", "ttr.test")]
    asking.send_headers(asking.get_next_available_stream_id(), names, end_stream=True)
    answered = list[object]()
    async with asyncio.timeout(20), await Wire.open(door.port) as wire:
        await wire.send(asking.data_to_send())
        while not answered:
            for event in asking.receive_data(await wire.reader.read(65_536)):
                if isinstance(event, ResponseReceived):
                    answered += [value for name, value in event.headers if name == b":status"]
    assert answered == [b"505"]
