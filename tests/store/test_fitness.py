"""What is said of a Redis that is fit, of one that is not, and of one that does not tell."""

import asyncio
import logging
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RedisServer, eventually, start_redis
from tests.ports import free_port
from ttr.domain.finding import Finding
from ttr.store import fitness, keys
from ttr.store.errors import StoreUnavailable, StoreUnfit
from ttr.store.fitness import Answers, read_answers
from ttr.store.redis import Store, examine, open_store, verify, wait_until_ready

pytestmark = pytest.mark.single_redis  # of a cluster's: test_cluster_fitness.py


@pytest.fixture
def folders() -> Iterator[list[Path]]:
    """Two short paths, for sockets."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as one, tempfile.TemporaryDirectory(prefix="ttr-") as two:
        yield [Path(one), Path(two)]


def end(*servers: RedisServer) -> None:
    for server in servers:
        server.process.kill()
        server.process.wait(10)


def of(found: list[Finding], subject: str) -> tuple[str, str]:
    """Level and text of the one finding on `subject`."""
    (finding,) = (finding for finding in found if finding.subject == subject)
    return finding.level, finding.text


async def test_of_a_good_redis_everything_is_ok(store: Store) -> None:
    found = await examine(store)
    assert [finding.subject for finding in found if finding.level != "ok"] == []
    assert [finding.subject for finding in found] == [
        "version",
        "role",
        "eviction",
        "memory",
        "append-only file",
        "writing",
        "replicas",
        "functions",
        "layout",
        "clock",
    ]


async def test_it_is_asked_in_one_round_trip(store: Store) -> None:
    await examine(store)  # the connection is open now
    before = int((await store.redis.info("stats"))["total_reads_processed"])
    await examine(store)
    after = int((await store.redis.info("stats"))["total_reads_processed"])
    assert after - before == 2  # and the question itself


@pytest.mark.parametrize(
    ("mode", "level", "words"),
    [
        ("always", "ok", "what is answered is on the disk already"),
        ("everysec", "ok", "takes the last second's pings along, two seconds' while its disk is slow"),
        ("no", "warning", "Set appendfsync everysec or always"),
    ],
)
async def test_the_mode_of_the_append_only_file_is_told(
    store: Store, mode: str, level: str, words: str
) -> None:
    await store.redis.config_set("appendfsync", mode)
    try:
        told, text = of(await examine(store), "append-only file")
        assert (told, words in text) == (level, True)
        other = "everysec" if mode == "always" else "always"
        told, text = of(await examine(store, appendfsync=other), "append-only file")
        assert (told, text) == (
            "warning",
            f"It is on, but appendfsync {mode}, and REDIS_APPENDFSYNC says {other}. Restart `ttr up`.",
        )
    finally:
        await store.redis.config_set("appendfsync", "everysec")


async def test_a_memory_that_is_nearly_full_is_said_before_it_is(store: Store) -> None:
    used = int((await store.redis.info("memory"))["used_memory"])
    levels = []
    for most in (used * 2, int(used * 1.05), used // 2):
        await store.redis.config_set("maxmemory", most)
        try:
            levels.append(of(await examine(store), "memory")[0])
            await verify(store)  # it is full for the moment, which is no reason not to start
        finally:
            await store.redis.config_set("maxmemory", 0)
    assert levels == ["ok", "warning", "bad"]


@pytest.mark.parametrize(("used", "level"), [(899, "ok"), (900, "warning"), (999, "warning"), (1000, "bad")])
def test_the_limits_of_memory(used: int, level: str) -> None:
    assert fitness.memory({"used_memory": used, "maxmemory": 1000}).level == level


async def test_a_replica_is_refused_and_its_primary_says_how_far_it_is_behind(folders: list[Path]) -> None:
    primary = start_redis(folders[0])
    replica = start_redis(folders[1])
    try:
        async with open_store(primary.url) as above, open_store(replica.url) as below:
            await wait_until_ready(above)
            await wait_until_ready(below)
            await verify(above)
            assert of(await examine(above), "replicas") == ("ok", "It has none.")
            await above.redis.config_set("min-replicas-to-write", 1)
            told = of(await examine(above), "replicas")
            assert told[0] == "bad"
            assert told[1].startswith("It has none. min-replicas-to-write is 1, so writes are refused")

            # They can't meet by unix sockets, so the primary opens a port of loopback.
            await above.redis.config_set("bind", "127.0.0.1")
            port = await _listen(above)
            await below.redis.replicaof("127.0.0.1", port)

            async def in_step() -> bool:
                return of(await examine(above), "replicas")[0] == "ok"

            await eventually(in_step)
            text = of(await examine(above), "replicas")[1]
            assert text.startswith("1: 127.0.0.1:0 is ")
            assert "behind" in text
            with pytest.raises(StoreUnfit, match=rf"is a replica of 127\.0\.0\.1:{port}.*Set REDIS_URL"):
                await verify(below)
            await above.redis.config_set("min-replicas-to-write", 0)
            assert "without waiting for them" in of(await examine(above), "replicas")[1]
    finally:
        end(primary, replica)


async def _listen(store: Store) -> int:
    """Have a server listen on a free port; the port."""
    port = free_port()
    await store.redis.config_set("port", port)
    return port


@pytest.mark.parametrize(
    ("replica", "level"),
    [
        ({"state": "online", "lag": 10, "offset": 0}, "ok"),
        ({"state": "online", "lag": 11, "offset": 0}, "warning"),
        ({"state": "online", "lag": 0, "offset": -10_000_000 + 100}, "ok"),
        ({"state": "online", "lag": 0, "offset": -10_000_001 + 100}, "warning"),
        ({"state": "wait_bgsave", "lag": 0, "offset": 0}, "warning"),
    ],
)
def test_the_limits_of_a_replicas_lag(replica: Mapping[str, Any], level: str) -> None:
    info = {"connected_slaves": 1, "slave0": {"ip": "10.0.0.1", "port": 6379, **replica}}
    assert fitness.replicas({**info, "master_repl_offset": 100}, {}).level == level


async def test_where_config_is_forbidden_that_is_said_and_nothing_fails(folders: list[Path]) -> None:
    server = start_redis(folders[0], "--rename-command", "CONFIG", "")
    try:
        async with open_store(server.url) as store:
            await wait_until_ready(store)
            await verify(store)
            found = await examine(store)
            assert {finding.level for finding in found} == {"ok"}
            assert "appendfsync can't be read here" in of(found, "append-only file")[1]
    finally:
        end(server)


async def test_a_user_who_may_ask_nothing_gets_a_warning(store: Store) -> None:
    await store.redis.execute_command(
        *("ACL", "SETUSER", "quiet", "on", ">secret", "~*", "+@all", "-info", "-config", "-time")
    )
    try:
        url = f"{_url(store)}?username=quiet&password=secret"
        async with open_store(url) as quiet:
            found = await examine(quiet)
            await verify(quiet)
    finally:
        await store.redis.execute_command("ACL", "DELUSER", "quiet")
    assert [(finding.subject, finding.level) for finding in found] == [
        ("server", "warning"),
        ("functions", "ok"),
        ("layout", "ok"),
        ("clock", "ok"),
    ]
    assert "does not answer TIME" in of(found, "clock")[1]


@pytest.mark.parametrize("forbidden", ["-function", "-@scripting"])
async def test_a_user_who_may_load_no_functions_is_refused(store: Store, forbidden: str) -> None:
    await store.redis.execute_command(
        *("ACL", "SETUSER", "simple", "on", ">secret", "~*", "&*", "+@all", forbidden)
    )
    try:
        async with open_store(f"{_url(store)}?username=simple&password=secret") as simple:
            with pytest.raises(StoreUnfit, match=r"no functions.*\+function\|load"):
                await verify(simple)
    finally:
        await store.redis.execute_command("ACL", "DELUSER", "simple")


def _url(store: Store) -> str:
    return f"unix://{store.redis.connection_pool.connection_kwargs['path']}"


async def test_a_redis_without_a_file_is_warned_of_once(
    folders: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    server = start_redis(folders[0], "--appendonly", "no")
    try:
        async with open_store(server.url) as store:
            await wait_until_ready(store)
            with caplog.at_level(logging.WARNING):
                await verify(store)
    finally:
        end(server)
    assert [record.getMessage() for record in caplog.records] == [
        "Redis keeps no append-only file: a crash loses pings. Set appendonly yes."
    ]


def test_what_the_last_writes_came_to() -> None:
    assert [f.level for f in fitness.disk_writes({"aof_last_write_status": "ok"})] == ["ok"]
    failed = fitness.disk_writes(
        {
            "aof_last_write_status": "err",
            "aof_last_bgrewrite_status": "err",
            "rdb_last_bgsave_status": "err",
        }
    )
    assert [(f.subject, f.level) for f in failed] == [
        ("writing", "bad"),
        ("rewriting", "warning"),
        ("saving", "warning"),
    ]


@pytest.mark.parametrize(
    ("told", "level"), [("6.2.14", "refusal"), ("7.0.0", "ok"), ("7.2.4", "ok"), ("10.0.1", "ok")]
)
def test_the_oldest_version(told: str, level: str) -> None:
    assert fitness.version({"redis_version": told}).level == level


@pytest.mark.parametrize(
    ("ahead", "unsure", "level"),
    [
        (1_000, 0, "ok"),
        (1_001, 0, "warning"),
        (-1_001, 0, "warning"),
        (1_500, 500, "ok"),
        (1_501, 500, "warning"),
        (5_000, 0, "warning"),
        (5_001, 0, "bad"),
        (-5_501, 500, "bad"),
    ],
)
def test_a_skew_counts_when_the_round_trip_does_not_explain_it(
    ahead: float, unsure: float, level: str
) -> None:
    assert fitness.clock(ahead, unsure).level == level


async def test_a_clock_that_differs_is_measured(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = fitness.now_ms
    monkeypatch.setattr(fitness, "now_ms", lambda: real() - 3_000)
    level, text = of(await examine(store), "clock")
    assert level == "warning"
    assert "ahead of ours" in text
    answers: Answers = await read_answers(store.redis)
    assert answers.ahead_ms is not None
    assert abs(answers.ahead_ms - 3_000) <= answers.unsure_ms + 50


async def test_another_layout_is_said_without_writing(store: Store) -> None:
    await store.redis.hset(keys.meta(), "partitions", "32")
    assert of(await examine(store), "layout")[0] == "refusal"
    await store.redis.flushall()
    assert of(await examine(store), "layout") == ("ok", "There is no data of ttr yet.")
    assert await store.redis.dbsize() == 0


async def test_a_redis_that_dies_meanwhile_is_unavailable(folders: list[Path]) -> None:
    server = start_redis(folders[0])
    async with open_store(server.url) as store:
        await wait_until_ready(store)
        end(server)
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(examine(store), 10)


@pytest.mark.parametrize("url", ["redis://:se/cret@host:1", "http://:se@cret", "cret"])
async def test_a_url_that_is_none_is_unfit_and_not_quoted(url: str) -> None:
    with pytest.raises(StoreUnfit, match="REDIS_URL is not a URL of a Redis") as refused:
        async with open_store(url):
            pass
    assert "cret" not in str(refused.value)
