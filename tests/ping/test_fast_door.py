"""The fast door and the server behind it on one port: what each answers, in any order on a connection, and what becomes
of clients that are slow, wrong, many, or there when the process ends.

The contract of pings is tested at both doors by the other files of this folder. This one breaks when a new version of
Hypercorn or httptools does something else at the joint between them.
"""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived

from tests.conftest import MASTER_KEY, RedisServer, eventually
from tests.ping.conftest import Door, Owner, door_settings, fast_door, hypercorn_door
from tests.ping.wire import Wire, chunked, request
from ttr.connections import Connection
from ttr.now import now_ms
from ttr.ping import desk
from ttr.ping import fast_door as door_module
from ttr.ping.desk import desk_of
from ttr.ping.fast_door import AHEAD_BYTES_MOST, FastDoor
from ttr.store.redis import Store
from ttr.store.sessions import open_session
from ttr.store.users import create_user
from ttr.web.security import SESSION_COOKIE

PAGE = request("GET", "/health")


@pytest.fixture(scope="module")
async def started(redis_server: RedisServer) -> AsyncIterator[Door]:
    async with fast_door(door_settings(redis_server), idle_seconds=75) as door:
        await door.ask("GET", "/health")
        yield door


@pytest.fixture
async def door(started: Door, store: Store) -> Door:
    """The fast door alone, its store empty."""
    return started


@pytest.fixture
async def job(owner: Owner) -> str:
    """The ping URL of a check."""
    await owner.check()
    return f"/p/{owner.slug}/job"


async def lines(wire: Wire, count: int) -> list[tuple[str, int]]:
    """Who gave each of the next answers, and its status: the door says "200 OK", Hypercorn "200 "."""
    found = []
    for _ in range(count):
        head = await asyncio.wait_for(wire.reader.readuntil(b"\r\n\r\n"), 20)
        first, *rest = head.decode("latin-1").lower().split("\r\n")
        status, _, phrase = first.removeprefix("http/1.1 ").partition(" ")
        sizes = [int(line.split(":")[1]) for line in rest if line.startswith("content-length")]
        if sizes:
            await asyncio.wait_for(wire.reader.readexactly(sizes[0]), 20)
        found.append(("door" if phrase else "behind", int(status)))
    return found


async def test_a_ping_is_answered_at_the_door_and_a_page_behind_it(door: Door, job: str) -> None:
    async with door.wire() as wire:
        await wire.send(request("GET", job))
        assert await lines(wire, 1) == [("door", 200)]
        await wire.send(PAGE)
        assert (await lines(wire, 1))[0][0] == "behind"


async def test_a_connection_that_was_given_away_stays_there(door: Door, job: str) -> None:
    async with door.wire() as wire:
        for sent, who in ((PAGE, "behind"), (request("GET", job), "behind"), (PAGE, "behind")):
            await wire.send(sent)
            assert (await lines(wire, 1))[0][0] == who


async def test_pings_and_a_page_in_one_segment(door: Door, owner: Owner, job: str) -> None:
    async with door.wire() as wire:
        await wire.send(
            request("GET", job) + request("POST", job, body=b"x" * 10) + PAGE + request("GET", job)
        )
        found = await lines(wire, 4)
    assert [who for who, _ in found] == ["door", "door", "behind", "behind"]
    assert [status for _, status in found[:2]] == [200, 200]
    assert (await owner.see("job")).ping_count == 3


@pytest.mark.parametrize("body", [None, b"hello, this is a body"])
async def test_byte_by_byte(door: Door, owner: Owner, job: str, body: bytes | None) -> None:
    sent = request("POST" if body else "GET", job, "User-Agent: slow/1", body=body)
    async with door.wire() as wire:
        for at in range(len(sent)):
            await wire.send(sent[at : at + 1])
            await asyncio.sleep(0)
        assert await lines(wire, 1) == [("door", 200)]
    assert await owner.body("job") == body
    assert (await owner.last("job")).user_agent == "slow/1"


async def test_a_page_byte_by_byte_is_given_away_as_soon_as_it_is_none_of_ours(door: Door) -> None:
    async with door.wire() as wire:
        for at in range(len(PAGE)):
            await wire.send(PAGE[at : at + 1])
            await asyncio.sleep(0)
        assert (await lines(wire, 1))[0][0] == "behind"


async def test_a_body_in_pieces_followed_by_a_page(door: Door, owner: Owner, job: str) -> None:
    body = bytes(at % 251 for at in range(150_000))
    sent = request("POST", job, body=body) + PAGE
    async with door.wire() as wire:
        for at in range(0, len(sent), 40_000):
            await wire.send(sent[at : at + 40_000])
            await asyncio.sleep(0.01)
        found = await lines(wire, 2)
    assert found[0] == ("door", 200)
    assert found[1][0] == "behind"
    assert await owner.body("job") == body[:100_000]
    assert (await owner.last("job")).size == len(body)


RARE = {
    "chunks": lambda job: request("POST", job, "Transfer-Encoding: chunked") + chunked(b"abc"),
    "expect": lambda job: request("POST", job, "Expect: 100-continue", body=b"abc"),
    "http/1.0": lambda job: f"GET {job} HTTP/1.0\r\n\r\n".encode(),
    "no return": lambda job: f"GET {job} HTTP/1.1\nHost: x\n\n".encode(),
    "options": lambda job: request("OPTIONS", job),
    "delete": lambda job: request("DELETE", job),
    "absolute": lambda job: request("GET", f"http://ttr.test{job}"),
    "upgrade": lambda job: request(
        "GET", job, "Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"
    ),
    "badge": lambda job: request("GET", f"{job}/badge.svg"),
    "badge, escaped": lambda job: request("GET", f"{job}/%62adge%2Esvg"),
    "no return, then one": lambda job: f"GET {job} HTTP/1.1\nHost: x\n\r\n".encode(),
}


@pytest.mark.parametrize("name", RARE)
async def test_what_is_rare_is_answered_behind(door: Door, job: str, name: str) -> None:
    async with door.wire() as wire:
        await wire.send(RARE[name](job))
        found = await lines(wire, 1)
        if found == [("behind", 100)]:
            found = await lines(wire, 1)
    assert found[0][0] == "behind"
    assert found[0][1] == {"options": 204, "delete": 405, "upgrade": 101}.get(name, 200)


WRONG = {
    "no host": (b"GET {job} HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET {job} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "smuggled": (
        b"POST {job} HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
        None,
    ),
    "two lengths": (
        b"POST {job} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        400,
    ),
    "space in header": (b"GET {job} HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    "folded": (b"GET {job} HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n", None),
    "two blanks": (b"GET  {job} HTTP/1.1\r\nHost: x\r\n\r\n", None),
    "nul": (b"GET {job} HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n", 400),
    "garbage": (bytes(range(128, 256)) + b"\r\n\r\n", 400),
    "long path": (b"GET {job}" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "endless head": (b"GET {job} HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000, 431),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_is_refused_behind_as_without_the_door(
    door: Door, redis_server: RedisServer, owner: Owner, job: str, name: str
) -> None:
    raw, status = WRONG[name]
    sent = raw.replace(b"{job}", job.encode())
    found = []
    async with hypercorn_door(door_settings(redis_server)) as plain:
        for asked in (door, plain):
            async with asked.wire() as wire:
                await wire.send(sent)
                found += await lines(wire, 1)
    assert found[0] == found[1]
    assert found[0][0] == "behind"
    if status:
        assert found[0][1] == status
        assert (await owner.see("job")).ping_count == 0


@pytest.mark.parametrize(("size", "who"), [(16_383, "door"), (16_384, "door"), (16_385, "behind")])
async def test_a_long_head_is_left_to_the_server_behind(door: Door, job: str, size: int, who: str) -> None:
    empty = len(request("GET", job, "X: "))
    async with door.wire() as wire:
        await wire.send(request("GET", job, "X: " + "a" * (size - empty)))
        # Hypercorn's own limit is for a head of which the end has not come.
        assert await lines(wire, 1) == [(who, 200)]


async def test_http_2_by_prior_knowledge_is_for_the_server_behind(door: Door, job: str) -> None:
    asking = H2Connection(H2Configuration(client_side=True))
    asking.initiate_connection()
    names = [(":method", "GET"), (":path", job), (":scheme", "http"), (":authority", "ttr.test")]
    asking.send_headers(asking.get_next_available_stream_id(), names, end_stream=True)
    answered = list[object]()
    async with asyncio.timeout(20), door.wire() as wire:
        await wire.send(asking.data_to_send())
        while not answered:
            for event in asking.receive_data(await wire.reader.read(65_536)):
                if isinstance(event, ResponseReceived):
                    answered += [value for name, value in event.headers if name == b":status"]
    assert answered == [b"505"]


async def test_a_refused_body_is_thrown_away_and_the_next_ping_is_answered(
    door: Door, owner: Owner, job: str
) -> None:
    async with door.wire() as wire:
        await wire.send(request("POST", job, "Content-Length: 10000001"))
        assert await lines(wire, 1) == [("door", 413)]
        for _ in range(100):
            await wire.send(b"x" * 100_000)
        await wire.send(b"x" + request("GET", job))
        assert await lines(wire, 1) == [("door", 200)]
    assert (await owner.see("job")).ping_count == 1


async def test_a_client_that_keeps_a_refused_body_to_itself_loses_its_connection(
    door: Door, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "DISCARD_SECONDS", 0.1)
    async with door.wire() as wire:
        await wire.send(request("POST", job, "Content-Length: 10000001"))
        assert await lines(wire, 1) == [("door", 413)]
        assert await wire.closed_by_server()


@pytest.mark.parametrize(
    "begun", [b"", b"G", b"GET /p/", b"GET /p/acme/job HTTP/1.1\r\nHost: ttr.test\r\nX: "]
)
async def test_a_client_that_does_not_go_on_loses_its_connection(
    door: Door, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(door_module, "HEAD_SECONDS", 0.2)
    async with door.wire() as wire:
        await wire.send(begun)
        assert await wire.closed_by_server()


async def test_a_head_that_dribbles_has_its_time_from_its_first_byte(
    door: Door, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "HEAD_SECONDS", 0.5)
    async with door.wire() as wire:
        await wire.send(f"GET {job} HTTP/1.1\r\nHost: x\r\n".encode())
        ended = asyncio.create_task(wire.closed_by_server())

        async def over() -> bool:
            await wire.send(b"X: y\r\n")
            return ended.done()

        await eventually(over)
        assert await ended


async def test_a_client_that_never_reads_is_not_answered_for_ever(
    door: Door, owner: Owner, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "UNREAD_SECONDS", 0.3)
    await owner.check("flood")
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", door.port))
    sent = request("GET", f"/p/{owner.slug}/flood/log") * 1_000

    async with asyncio.timeout(60):
        broken = None
        while broken is None:
            try:
                await loop.sock_sendall(client, sent)
            except OSError as error:
                broken = error
    client.close()


async def test_what_is_sent_on_ahead_is_bounded(
    door: Door, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = desk_of(door.app).handler
    assert handler
    go_on = asyncio.Event()
    handle = handler.handle

    async def slow(*given: object) -> object:
        await go_on.wait()
        return await handle(*given)

    monkeypatch.setattr(handler, "handle", slow)
    most = 0
    seen = FastDoor.forget
    doors = list[FastDoor]()

    def look(self: FastDoor, connection: object) -> None:
        doors.append(self)
        seen(self, connection)

    monkeypatch.setattr(FastDoor, "forget", look)
    async with door.wire() as wire:
        wire.writer.write(request("GET", job) * 20_000)
        async with door.wire() as other:
            await other.send(PAGE)
            await lines(other, 1)
        (connection,) = [one for one in doors[0].connections if one._state == "storing"]

        async def paused() -> bool:
            return connection._paused

        await eventually(paused)
        most = len(connection._buffer)
        go_on.set()
        assert await lines(wire, 3) == [("door", 200)] * 3
    assert most <= AHEAD_BYTES_MOST + 262_144  # what one read may bring


async def test_a_ping_whose_client_has_left_is_stored(
    door: Door, owner: Owner, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = desk_of(door.app).handler
    assert handler
    came, go_on = asyncio.Event(), asyncio.Event()
    handle = handler.handle

    async def slow(*given: object) -> object:
        came.set()
        await go_on.wait()
        return await handle(*given)

    monkeypatch.setattr(handler, "handle", slow)
    async with door.wire() as wire:
        await wire.send(request("GET", job))
        await came.wait()
        wire.writer.transport.abort()
    go_on.set()

    async def stored() -> bool:
        return (await owner.see("job")).ping_count == 1

    await eventually(stored)


async def test_a_fault_of_ours_is_a_500_with_a_number_and_the_next_ping_is_answered(
    door: Door, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(desk, "ping_request", None)
        async with door.wire() as wire:
            await wire.send(request("GET", job))
            answer = await wire.answer()
            assert answer.status == 500
            assert answer.header("x-request-id")
    assert (await door.ask("GET", job)).status == 200


async def test_many_connections_at_once(door: Door, owner: Owner, job: str) -> None:
    room = asyncio.Semaphore(100)

    async def one() -> Wire:
        async with room:
            return await Wire.open(door.port)

    wires = await asyncio.gather(*(one() for _ in range(400)))
    try:
        for wire in wires:
            wire.writer.write(request("GET", job))
        found = await asyncio.gather(*(lines(wire, 1) for wire in wires))
        assert found == [[("door", 200)]] * 400
    finally:
        for wire in wires:
            wire.writer.close()
    assert (await owner.see("job")).ping_count == 400


@pytest.mark.parametrize("ahead", [1, 1_500])
async def test_a_connection_that_was_given_away_with_much_in_it_is_read_no_further_than_it_is_used(
    door: Door, job: str, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    """The kernel fills, and the client has to wait, while the server behind is at the first request."""
    go_on = asyncio.Event()

    async def slow() -> str:
        await go_on.wait()
        return "done"

    if "slow" not in door.app.view_functions:
        door.app.add_url_rule("/slow", "slow", slow)
    monkeypatch.setitem(door.app.view_functions, "slow", slow)
    given = list[asyncio.StreamReader]()
    serve = Connection.run

    async def run(self: Connection) -> None:
        given.append(self.reader)
        await serve(self)

    monkeypatch.setattr(Connection, "run", run)
    async with door.wire() as wire:
        wire.writer.write(request("GET", job) * ahead + request("GET", "/slow") * 20_000)

        async def paused() -> bool:
            return bool(given) and given[0]._paused

        found = asyncio.create_task(lines(wire, ahead))
        await eventually(paused)
        transport = given[0]._transport
        assert not transport.is_reading()
        assert len(given[0]._buffer) < 1_000_000
        assert await found == [("door", 200)] * ahead
        go_on.set()
        wire.writer.transport.abort()


@pytest.mark.parametrize("after_a_ping", [False, True])
async def test_a_stream_directly_and_after_a_ping(
    door: Door, store: Store, owner: Owner, job: str, *, after_a_ping: bool
) -> None:
    cookie = await open_session(store, owner.user, now_ms())
    asked = request("GET", "/events?whole=1&since=999999999", f"Cookie: {SESSION_COOKIE}={cookie}")
    async with door.wire() as wire:
        if after_a_ping:
            await wire.send(request("GET", job))
            assert await lines(wire, 1) == [("door", 200)]
        await wire.send(asked)
        head = await asyncio.wait_for(wire.reader.readuntil(b"\r\n\r\n"), 20)
        assert b"text/event-stream" in head
        assert (await door.ask("GET", job)).status == 200
        assert await asyncio.wait_for(wire.reader.readuntil(b"\n\n"), 20)


async def test_at_the_end_idle_connections_close_and_pings_under_way_are_answered(
    redis_server: RedisServer, store: Store
) -> None:
    user, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    owner = Owner(store, user)
    check = await owner.check()
    go_on, came = asyncio.Event(), asyncio.Event()
    async with fast_door(door_settings(redis_server), idle_seconds=75) as door:
        await door.ask("GET", "/health")
        handler = desk_of(door.app).handler
        assert handler
        handle = handler.handle

        async def slow(*given: object) -> object:
            came.set()
            await go_on.wait()
            return await handle(*given)

        handler.handle = slow
        idle, page, busy = [await Wire.open(door.port) for _ in range(3)]
        await page.send(PAGE)
        await page.answer()
        await busy.send(request("GET", f"/p/{user.user_slug}/job"))
        await came.wait()
        asyncio.get_running_loop().call_later(0.2, go_on.set)
    answer = await busy.answer()
    assert (answer.status, answer.header("connection")) == (200, "close")
    for wire in (idle, page, busy):
        assert await wire.closed_by_server()
        wire.writer.close()
    assert (await owner.see(check)).ping_count == 1
    assert Connection.open == 0
