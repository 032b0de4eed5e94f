"""The client of a cluster: who is asked, in which order, and what happens when slots move or nodes go."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.crc import key_slot
from redis.exceptions import NoScriptError, ResponseError, WatchError

from tests.cluster import Cluster, Node, running_cluster
from tests.conftest import eventually
from ttr.store import keys
from ttr.store.deadlines import tick_web
from ttr.store.errors import StoreUnavailable, StoreUnfit
from ttr.store.redis import UNAVAILABLE, Store, open_store, store_trouble, wait_until_ready

PARTITIONS = range(keys.PARTITIONS)


@pytest.fixture
async def on_cluster(redis_cluster: Cluster) -> AsyncIterator[Store]:
    """An empty store on the session's cluster."""
    async with open_store(redis_cluster.url, cluster=True) as store:
        await wait_until_ready(store)
        await store.redis.flushall()
        yield store


def key(partition: int, name: str = "x") -> str:
    return keys.prefix(partition) + name


def serving(cluster: Cluster, store: Store, partition: int) -> Node:
    name = store.nodes.of(key(partition))
    return next(node for node in cluster.nodes if node.name == name)


async def test_partitions_lie_on_all_three_nodes_and_are_found(
    redis_cluster: Cluster, on_cluster: Store
) -> None:
    for partition in PARTITIONS:
        await on_cluster.redis.set(key(partition), partition)
    assert {on_cluster.nodes.of(key(partition)) for partition in PARTITIONS} == {
        node.name for node in redis_cluster.nodes
    }
    for partition in PARTITIONS:
        held = serving(redis_cluster, on_cluster, partition).ask("GET", key(partition))
        assert held == str(partition).encode()


async def test_a_client_that_knows_one_node_finds_the_others(redis_cluster: Cluster) -> None:
    for node in redis_cluster.nodes:
        async with open_store(node.url, cluster=True) as store:
            assert {store.nodes.of(key(partition)) for partition in PARTITIONS} == {node.name}
            for partition in PARTITIONS:
                await store.redis.set(key(partition), 1)
            assert len({store.nodes.of(key(partition)) for partition in PARTITIONS}) == 3


async def test_a_pipeline_over_all_nodes_answers_in_its_order(on_cluster: Store) -> None:
    async with on_cluster.redis.pipeline(transaction=False) as pipe:
        for partition in PARTITIONS:
            pipe.zadd(key(partition), {"member": partition})
        for partition in reversed(PARTITIONS):
            pipe.zrange(key(partition), 0, -1, withscores=True)
        answers = await pipe.execute()
    assert answers == [1] * 16 + [[(b"member", float(partition))] for partition in reversed(PARTITIONS)]


async def test_an_error_in_a_pipeline_is_the_answer_of_its_command_alone(on_cluster: Store) -> None:
    async with on_cluster.redis.pipeline(transaction=False) as pipe:
        for partition in PARTITIONS:
            pipe.set(key(partition), "text")
        pipe.incr(key(5))
        pipe.evalsha("0" * 40, 1, keys.prefix(3))
        pipe.get(key(1))
        *_, wrong, unknown, text = await pipe.execute(raise_on_error=False)
        assert isinstance(wrong, ResponseError)
        assert "not an integer" in str(wrong)
        assert isinstance(unknown, NoScriptError)
        assert text == b"text"
        pipe.get(key(1))
        pipe.incr(key(5))
        with pytest.raises(ResponseError, match="not an integer"):
            await pipe.execute()


async def test_a_transaction_is_one_slots(on_cluster: Store) -> None:
    async with on_cluster.redis.pipeline(transaction=True) as pipe:
        pipe.hset(key(7), "field", 1)
        pipe.hgetall(key(7))
        assert await pipe.execute() == [1, {b"field": b"1"}]
        pipe.set(key(7, "a"), 1)
        pipe.set(key(8, "a"), 1)
        with pytest.raises(ValueError, match="2 slots"):
            await pipe.execute()
    assert await on_cluster.redis.exists(key(7, "a")) == 0


async def test_a_watched_key_that_changes_breaks_the_transaction(on_cluster: Store) -> None:
    for partition in (3, 1):
        async with on_cluster.redis.pipeline(transaction=True) as pipe:
            await pipe.watch(key(partition))
            assert await pipe.get(key(partition)) is None
            pipe.multi()
            pipe.set(key(partition), "ours")
            await on_cluster.redis.set(key(partition), "theirs")
            with pytest.raises(WatchError):
                await pipe.execute()
            await pipe.watch(key(partition))
            pipe.multi()
            pipe.set(key(partition), "ours")
            assert await pipe.execute() == [True]
        assert await on_cluster.redis.get(key(partition)) == b"ours"


async def test_what_would_be_one_nodes_answer_is_refused(on_cluster: Store) -> None:
    for ask in (on_cluster.redis.info, on_cluster.redis.dbsize, on_cluster.redis.scan, on_cluster.redis.time):
        with pytest.raises(ValueError, match="ask each of the primaries"):
            await ask()
    for partition in PARTITIONS:
        await on_cluster.redis.set(key(partition), 1)
    sizes = [await primary.dbsize() for primary in await on_cluster.redis.primaries()]
    assert sum(sizes) == 16
    assert all(sizes)
    await on_cluster.redis.flushall()
    assert [await primary.dbsize() for primary in await on_cluster.redis.primaries()] == [0, 0, 0]


async def test_a_slot_that_moves_is_followed(redis_cluster: Cluster, on_cluster: Store) -> None:
    """Valkey moves it in one step, so every answer is the old node's or MOVED."""
    await on_cluster.redis.set(key(4, "count"), 0)
    slot = key_slot(keys.prefix(4).encode())
    home = serving(redis_cluster, on_cluster, 4)
    away = next(node for node in redis_cluster.nodes if node is not home)
    try:
        stop, done = asyncio.Event(), 0

        async def count() -> None:
            nonlocal done
            while not stop.is_set():
                async with on_cluster.redis.pipeline(transaction=False) as pipe:
                    pipe.incr(key(4, "count"))
                    pipe.get(key(3))
                    await pipe.execute()
                await on_cluster.redis.incr(key(4, "count"))
                done += 2

        counting = asyncio.create_task(count())
        await move(slot, home, away)

        async def is_there() -> bool:
            return on_cluster.nodes.of(key(4)) == away.name

        await eventually(is_there)
        stop.set()
        await counting
        assert int(await on_cluster.redis.get(key(4, "count"))) == done
        # One that has heard nothing of it, a transaction and a script.
        async with open_store(home.url, cluster=True) as other:
            async with other.redis.pipeline(transaction=True) as pipe:
                pipe.incr(key(4, "count"))
                assert await pipe.execute() == [done + 1]
            assert await other.redis.eval("return 7", 1, keys.prefix(4)) == 7
    finally:
        await move(slot, away, home)


async def test_a_slot_that_moves_key_by_key_is_left_alone(redis_cluster: Cluster, on_cluster: Store) -> None:
    """A script would find a part of its partition at either node."""
    await on_cluster.redis.set(key(4), "here")
    slot = key_slot(keys.prefix(4).encode())
    home = serving(redis_cluster, on_cluster, 4)
    away = next(node for node in redis_cluster.nodes if node is not home)
    try:
        away.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", home.ask("CLUSTER", "MYID").decode())
        home.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", away.ask("CLUSTER", "MYID").decode())
        with pytest.raises(StoreUnavailable), store_trouble():
            await on_cluster.redis.eval("return 7", 1, keys.prefix(4))
        assert await on_cluster.redis.get(key(4)) == b"here"
    finally:
        for node in (home, away):
            node.ask("CLUSTER", "SETSLOT", slot, "STABLE")
    assert await on_cluster.redis.eval("return 7", 1, keys.prefix(4)) == 7


async def test_a_lost_connection_costs_nothing(redis_cluster: Cluster, on_cluster: Store) -> None:
    await on_cluster.redis.set(key(4), 1)
    for ask in (
        lambda: on_cluster.redis.get(key(4)),
        lambda: on_cluster.redis.eval("return redis.call('GET', KEYS[1] .. 'x')", 1, keys.prefix(4)),
    ):
        for node in redis_cluster.nodes:
            node.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert await ask() == b"1"
    for node in redis_cluster.nodes:
        node.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    async with on_cluster.redis.pipeline(transaction=False) as pipe:
        for partition in PARTITIONS:
            pipe.get(key(partition))
        assert [answer for answer in await pipe.execute() if answer] == [b"1"]


async def test_when_a_node_is_gone_the_others_go_on_until_its_replica_takes_over() -> None:
    options = ("--cluster-require-full-coverage", "no")
    with (
        tempfile.TemporaryDirectory(prefix="ttr-") as folder,
        running_cluster(Path(folder), *options, replicas=1, node_timeout_ms=2_000) as cluster,
    ):
        async with open_store(cluster.url, cluster=True) as store:
            await wait_until_ready(store)
            for partition in PARTITIONS:
                await store.redis.set(key(partition), partition)
            # What a replica has not heard of is lost with its primary.
            for primary in await store.redis.primaries():
                assert await primary.wait(1, 10_000) == 1
            gone = serving(cluster, store, 1)
            lost = {partition for partition in PARTITIONS if store.nodes.of(key(partition)) == gone.name}
            assert 0 < len(lost) < 16
            gone.kill()
            with pytest.raises(StoreUnavailable), store_trouble():
                await store.redis.get(key(1))
            # Pings of some accounts are refused: nothing may be judged, wherever the tick itself lies.
            assert store.redis.nodes.of_slot(key_slot(keys.web_tick().encode())) != gone.name
            with pytest.raises(StoreUnavailable):
                await tick_web(store, 7)
            assert await store.redis.get(keys.web_tick()) is None
            for partition in set(PARTITIONS) - lost:
                assert await store.redis.get(key(partition)) == str(partition).encode()

            async def is_back() -> bool:
                try:
                    with store_trouble():
                        return bool(await store.redis.get(key(1)) == b"1")
                except StoreUnavailable:
                    return False

            await eventually(is_back, 30)
            async with store.redis.pipeline(transaction=False) as pipe:
                for partition in PARTITIONS:
                    pipe.get(key(partition))
                assert await pipe.execute() == [str(partition).encode() for partition in PARTITIONS]
            await tick_web(store, 7)
            assert await store.redis.get(keys.web_tick()) == b"7"


@pytest.mark.parametrize("url", ["unix:///tmp/redis.sock", "redis://localhost:6379/3", "http://localhost"])
async def test_a_url_that_is_no_nodes_is_refused(url: str) -> None:
    with pytest.raises(StoreUnfit, match="one node of the cluster"):
        async with open_store(url, cluster=True):
            pass


async def move(slot: int, home: Node, away: Node) -> None:
    """Move a slot in one step, as Valkey 9 can."""
    name = away.ask("CLUSTER", "MYID").decode()
    home.ask("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", name)

    async def is_moved() -> bool:
        # Every node's word counts: a test that follows must not meet the move.
        return all(f"{slot}" not in served(node, home) for node in (home, away))

    def served(node: Node, of: Node) -> str:
        mine = of.ask("CLUSTER", "MYID").decode()
        lines = node.ask("CLUSTER", "NODES").decode().splitlines()
        ranges = next(line for line in lines if line.startswith(mine)).split()[8:]
        return str(slot) if any(_holds(one, slot) for one in ranges) else ""

    await eventually(is_moved)


def _holds(words: str, slot: int) -> bool:
    if words.startswith("["):
        return False
    first, _, last = words.partition("-")
    return int(first) <= slot <= int(last or first)


async def test_a_pipeline_tells_what_the_nodes_said_that_answer() -> None:
    # Nodes that are left go on, as they do for as long as a failover takes.
    options = ("--cluster-require-full-coverage", "no")
    with (
        tempfile.TemporaryDirectory(prefix="ttr-") as folder,
        running_cluster(Path(folder), *options) as cluster,
    ):
        async with open_store(cluster.url, cluster=True) as store:
            for partition in PARTITIONS:
                await store.redis.set(key(partition), partition)
            gone = serving(cluster, store, 0)
            there = {partition: serving(cluster, store, partition) is not gone for partition in PARTITIONS}
            gone.kill()
            answers = await everything(store, raise_on_error=False)
            for partition, answer in enumerate(answers):
                expected = (
                    answer == str(partition).encode() if there[partition] else isinstance(answer, UNAVAILABLE)
                )
                assert expected, (partition, answer)
            with pytest.raises(StoreUnavailable), store_trouble():
                await everything(store, raise_on_error=True)


async def everything(store: Store, *, raise_on_error: bool) -> list[object]:
    """A key of each partition, in one pipeline."""
    async with store.redis.pipeline(transaction=False) as pipe:
        for partition in PARTITIONS:
            pipe.get(key(partition))
        answers: list[object] = await pipe.execute(raise_on_error=raise_on_error)
        return answers


async def test_a_process_that_starts_while_the_first_node_is_away_asks_the_next_one() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="ttr-") as folder,
        running_cluster(Path(folder), "--cluster-require-full-coverage", "no") as cluster,
    ):
        gone, *others = cluster.primaries
        gone.kill()
        url = f"redis://{','.join(node.name for node in cluster.primaries)}"
        async with open_store(url, cluster=True) as store:
            last = next(p for p in PARTITIONS if key_slot(key(p).encode()) > 16_384 * 2 // 3)
            await store.redis.set(key(last), 1)
            assert store.nodes.of(key(last)) == others[-1].name


async def test_libraries_of_other_versions_are_taken_out_of_every_node(
    redis_cluster: Cluster, on_cluster: Store
) -> None:
    old = "#!lua name=ttr_ping_0000000000000000\nredis.register_function('ttr_ping_0000000000000000', function() end)"
    await on_cluster.redis.function_load(old)
    await on_cluster.scripts.load("ping")
    assert await on_cluster.scripts.remove_others() >= 1  # other tests leave some
    for node in redis_cluster.primaries:
        listed = node.ask("FUNCTION", "LIST", "LIBRARYNAME", "ttr_*")
        assert b"ttr_ping_0000000000000000" not in listed
        assert on_cluster.scripts.name_of("ping").encode() in listed
