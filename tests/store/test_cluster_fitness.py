"""What is said of a cluster, whose worst node counts."""

import pytest

from tests.cluster import Cluster
from tests.conftest import RedisServer
from ttr.domain.finding import Finding
from ttr.store import keys
from ttr.store.errors import StoreUnfit
from ttr.store.fitness import Answers, judge_cluster
from ttr.store.redis import Store, examine, open_store, verify
from ttr.store.vitals import Server, read_vitals, together


def of(found: list[Finding], subject: str) -> list[tuple[str, str]]:
    return [(finding.level, finding.text) for finding in found if finding.subject == subject]


@pytest.fixture
def redis_server(redis_cluster: Cluster) -> RedisServer:
    """Always the cluster."""
    return RedisServer(redis_cluster.url, redis_cluster.nodes[0].process, cluster=True)


async def test_what_is_alike_everywhere_is_said_once(store: Store) -> None:
    found = await examine(store)
    assert [finding for finding in found if finding.level != "ok"] == []
    assert of(found, "role") == [("ok", "It is a primary.")]
    assert of(found, "cluster") == [("ok", "3 primaries serve all slots.")]
    assert of(found, "layout") == [("ok", "16 partitions, as this version has them.")]


async def test_one_node_that_may_evict_is_refused_by_name(redis_cluster: Cluster, store: Store) -> None:
    for node in redis_cluster.nodes:
        node.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        try:
            with pytest.raises(
                StoreUnfit, match=f"^{node.name}: .*allkeys-lru.*Set maxmemory-policy noeviction"
            ):
                await verify(store)
        finally:
            node.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    await verify(store)


async def test_a_cluster_that_is_not_named_as_one_is_refused(redis_cluster: Cluster) -> None:
    async with open_store(redis_cluster.url) as store:
        with pytest.raises(StoreUnfit, match=r"is a node of a cluster\. Set REDIS_CLUSTER=true"):
            await verify(store)


async def test_a_redis_that_is_no_cluster_is_refused() -> None:
    nodes = {"10.0.0.7:6379": Answers({"redis_version": "7.2.0", "cluster_enabled": 0}, {})}
    assert of(judge_cluster(nodes), "cluster")[0][0] == "refusal"


@pytest.mark.parametrize(
    ("state", "slots", "level"), [("ok", 16_384, "ok"), ("fail", 16_384, "bad"), ("ok", 10_922, "bad")]
)
def test_slots_that_nobody_serves(state: str, slots: int, level: str) -> None:
    info = {"redis_version": "7.2.0", "cluster_enabled": 1}
    told = {"cluster_state": state, "cluster_slots_ok": str(slots)}
    well = {"cluster_state": "ok", "cluster_slots_ok": "16384"}
    nodes = {"one": Answers(info, {}, cluster=well), "other": Answers(info, {}, cluster=told)}
    assert of(judge_cluster(nodes), "cluster")[0][0] == level


async def test_vitals_are_those_of_all_nodes(store: Store) -> None:
    for partition in range(keys.PARTITIONS):
        await store.redis.zadd(keys.deadlines(partition), {"1": 9_000 - partition})
    found = await read_vitals(store)
    assert found.deadline == 9_000 - 15
    assert found.server is not None
    used = [int((await primary.info("memory"))["used_memory"]) for primary in await store.redis.primaries()]
    assert min(used) * 2 < found.server.memory < max(used) * 4


def test_the_fullest_node_says_how_full_the_cluster_is() -> None:
    half = Server(50, 100, 1, True, True, True, 5, 0, 0)
    full = Server(90, 100, 2, True, True, False, 5, 1, 0)
    both = together([half, full])
    assert both.memory == 140
    assert both.memory / both.memory_max == pytest.approx(0.9, rel=0.01)
    assert (both.clients, both.commands, both.rejected, both.saved) == (3, 10, 1, False)
    assert together([Server(50, 0, 1, True, True, True, 5, 0, 0)] * 2).memory_max == 0
