"""A Redis behind TLS: whose certificates are trusted, for every kind of connection, and what is said of the others."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from tests.cluster import Cluster, Node
from tests.conftest import RedisServer, eventually
from tests.ports import free_port
from tests.tls import TlsFront, make_certificate
from ttr.job_queue import count_jobs
from ttr.queue_redis import connect
from ttr.settings import Settings, load_settings
from ttr.store.errors import StoreUnfit
from ttr.store.redis import open_store, verify, wait_until_ready
from ttr.worker import _wait_until_ready

pytestmark = pytest.mark.single_redis


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A short one."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def certificate(folder: Path) -> Path:
    """Signed by itself, as a platform's is, for the address that it is reached by."""
    return make_certificate(folder)


@pytest.fixture
def front(certificate: Path, redis_server: RedisServer) -> Iterator[TlsFront]:
    """The session's Redis, behind TLS."""
    with TlsFront(certificate, Path(redis_server.url.removeprefix("unix://"))) as front:
        yield front


def settings(port: int, **more: str) -> Settings:
    """Settings of a process whose Redis is behind TLS."""
    return load_settings({"REDIS_URL": f"rediss://127.0.0.1:{port}/0", **more})


async def look(given: Settings) -> None:
    """Every kind of connection of a process: commands, the pings' pipeline, subscriptions, the queue."""
    async with open_store(given.database, cluster=given.redis_cluster) as store:
        await wait_until_ready(store, 5)
        await store.redis.set("here", 1)
        assert store.pipelined
        assert await store.pipelined.get("here") == b"1"
        answer = await store.pipelined.run("pause_check", 3, [1, "", 0], may_repeat=lambda: True)
        assert answer is not None
        subscription = store.redis.pubsub() if not given.redis_cluster else None
        if subscription:
            await subscription.subscribe("news")
            await subscription.aclose()
    if not given.queue_redis_url:
        assert (await count_jobs(given.queue)).waiting == 0


@pytest.mark.parametrize("how", ["none", "file", "ca"])
async def test_whom_the_settings_trust_is_talked_to(front: TlsFront, certificate: Path, how: str) -> None:
    given = {
        "none": {"REDIS_TLS_VERIFY": "none"},
        "file": {"REDIS_CA_FILE": str(certificate)},
        "ca": {"REDIS_CA_FILE": str(certificate), "REDIS_TLS_VERIFY": "ca"},
    }[how]
    await look(settings(front.port, **given))
    assert front.taken >= 3


def test_it_holds_in_the_loop_that_processes_run_in(front: TlsFront) -> None:
    uvloop.run(look(settings(front.port, REDIS_TLS_VERIFY="none")))


async def test_pings_go_on_over_another_connection_when_one_breaks(front: TlsFront) -> None:
    async with open_store(settings(front.port, REDIS_TLS_VERIFY="none").database) as store:
        assert store.pipelined
        for _ in range(3):
            await asyncio.gather(*(store.pipelined.get("nothing") for _ in range(200)))
            front.break_connections()
            assert await store.redis.ping()


async def test_a_body_that_is_larger_than_a_record_of_tls_goes_through(front: TlsFront) -> None:
    async with open_store(settings(front.port, REDIS_TLS_VERIFY="none").database) as store:
        long = bytes(range(256)) * 4_000
        await store.redis.set("long", long)
        assert store.pipelined
        assert await store.pipelined.get("long") == long


async def refused(given: Settings) -> str:
    """What a process says of a Redis that it does not start with."""
    async with open_store(given.database, cluster=given.redis_cluster) as store:
        with pytest.raises(StoreUnfit) as told:
            await asyncio.wait_for(wait_until_ready(store, 60), 20)
    return str(told.value)


async def test_a_stranger_is_refused_at_once_with_what_to_set(front: TlsFront) -> None:
    told = await refused(settings(front.port))
    assert "is not trusted (self-signed certificate)" in told
    assert "REDIS_CA_FILE" in told
    assert "REDIS_TLS_VERIFY=none" in told
    assert front.taken == 0


async def test_another_name_is_refused_unless_names_do_not_count(
    folder: Path, redis_server: RedisServer
) -> None:
    elsewhere = make_certificate(folder, address="192.0.2.1")
    with TlsFront(elsewhere, Path(redis_server.url.removeprefix("unix://"))) as front:
        told = await refused(settings(front.port, REDIS_CA_FILE=str(elsewhere)))
        assert "REDIS_TLS_VERIFY=ca" in told
        await look(settings(front.port, REDIS_CA_FILE=str(elsewhere), REDIS_TLS_VERIFY="ca"))


async def test_one_that_is_over_is_named_as_such(folder: Path, redis_server: RedisServer) -> None:
    over = make_certificate(folder, days=-1)
    with TlsFront(over, Path(redis_server.url.removeprefix("unix://"))) as front:
        told = await refused(settings(front.port, REDIS_CA_FILE=str(over)))
        assert "expired" in told
        assert "clocks" in told


async def test_tls_where_there_is_none_is_named() -> None:
    async def answer_plainly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"-ERR Protocol error: invalid bulk length\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer_plainly, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert "Without TLS it is redis://" in await refused(settings(port, REDIS_TLS_VERIFY="none"))


def test_a_worker_refuses_the_queue_of_a_stranger_at_once(front: TlsFront) -> None:
    with connect(settings(front.port).queue) as connection, pytest.raises(StoreUnfit, match="not trusted"):
        _wait_until_ready(connection)
    with connect(settings(front.port, REDIS_TLS_VERIFY="none").queue) as connection:
        _wait_until_ready(connection)


async def test_the_nodes_of_a_cluster_are_asked_over_tls(folder: Path, certificate: Path) -> None:
    """A cluster of one node, which tells that it is reached where the front is."""
    port, bus, place = free_port(), free_port(), folder / "node"
    place.mkdir()
    with TlsFront(certificate, port) as front:
        node = Node(port, bus, place, ("--cluster-announce-port", str(front.port)), process=None)  # type: ignore[arg-type]
        node.start()
        try:
            node.ask("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
            await eventually(lambda: asyncio.to_thread(Cluster([node]).is_whole))
            given = {"REDIS_CLUSTER": "true", "QUEUE_REDIS_URL": "redis://elsewhere"}
            trusting = settings(front.port, REDIS_TLS_VERIFY="none", **given)
            async with open_store(trusting.database, cluster=True) as store:
                await verify(store)
                assert await store.redis.nodes.primaries() == [f"127.0.0.1:{front.port}"]
            await look(trusting)
            assert "is not trusted" in await refused(settings(front.port, **given))
        finally:
            node.kill()
