"""Which Redis is refused, and what happens when it goes away and comes back."""

import asyncio
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from quart import Quart

from tests.conftest import MASTER_KEY, RedisServer, eventually, start_redis
from tests.everywhere import configure, everywhere
from tests.lua.parts import FLAPS, NOON, fields, make_check, make_user, ping
from ttr.store import checks, keys
from ttr.store.access_keys import user_by_key
from ttr.store.check_list import list_checks
from ttr.store.deadlines import read_ticks, sweep
from ttr.store.errors import StoreUnavailable, StoreUnfit
from ttr.store.form import FORM, OPEN_TO
from ttr.store.pings import read_body
from ttr.store.redis import Store, open_store, verify, verify_master_key, wait_until_ready
from ttr.store.sessions import open_session
from ttr.store.users import create_user


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path, for a socket."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as path:
        yield Path(path)


def stop(server: RedisServer) -> None:
    """Kill a server at once, as a power cut would."""
    server.process.kill()
    server.process.wait(10)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random"])
async def test_a_redis_that_may_evict_is_refused(store: Store, policy: str) -> None:
    await configure(store, "maxmemory-policy", policy)
    try:
        with pytest.raises(StoreUnfit, match=f"{policy}.*Set maxmemory-policy noeviction"):
            await verify(store)
    finally:
        await configure(store, "maxmemory-policy", "noeviction")
    await verify(store)


async def test_a_redis_laid_out_otherwise_is_refused_and_left_alone(store: Store) -> None:
    assert await store.redis.hget(keys.meta(), "partitions") == str(keys.PARTITIONS).encode()
    await store.redis.hset(keys.meta(), "partitions", "32")
    with pytest.raises(StoreUnfit, match=r"32 partitions.*16"):
        await verify(store)
    assert await store.redis.hget(keys.meta(), "partitions") == b"32"


async def test_processes_that_start_at_once_agree_on_the_layout(store: Store) -> None:
    await store.redis.flushall()
    await asyncio.gather(*(verify(store) for _ in range(8)))
    assert await store.redis.hgetall(keys.meta()) == {
        b"form": str(FORM).encode(),
        b"open_to": str(OPEN_TO).encode(),
        b"partitions": b"16",
    }


async def test_a_missing_append_only_file_is_a_warning(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = start_redis(folder, "--appendonly", "no")
    try:
        async with open_store(server.url) as store:
            with caplog.at_level(logging.WARNING):
                await verify(store)
    finally:
        stop(server)
    assert "Set appendonly yes" in caplog.text


async def test_nothing_is_said_about_a_redis_that_is_as_it_should_be(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        await verify(store)
    assert caplog.text == ""


async def test_a_redis_that_never_answers_is_given_up(folder: Path) -> None:
    async with open_store(f"unix://{folder}/nobody.sock") as store:
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await wait_until_ready(store, seconds=0.3)


async def test_without_redis_everything_is_unavailable_and_afterwards_all_is_there(folder: Path) -> None:
    server = start_redis(folder, "--appendfsync", "always")
    try:
        async with open_store(server.url) as store:
            await wait_until_ready(store)
            user, key = await create_user(store, now=NOON, master=MASTER_KEY)
            check = await make_check(store, user, slug="one")
            await ping(store, user, check.id, body=b"body")
            stop(server)
            (folder / "redis.sock").unlink(missing_ok=True)

            for work in (
                user_by_key(store, key),
                open_session(store, user, NOON),
                checks.get_check(store, user, "one"),
                list_checks(store, user, size=10, now=NOON),
                make_check(store, user),
                checks.pause_check(store, user, "1", now=NOON),
                sweep(store, user.partition, now=NOON, pings_accepted=NOON, flap=FLAPS),
                read_body(store, check),
            ):
                with pytest.raises(StoreUnavailable):
                    await work

            server = start_redis(folder)
            await wait_until_ready(store, seconds=20)
            # It has the functions from its append-only file, or gets them again when they are needed.
            assert await ping(store, user, check.id, request="after") == [b"ok", b"1", 2, 0, b""]
            assert await user_by_key(store, key) is not None
            assert await read_body(store, check) == (1, b"body")
            page = await list_checks(store, user, size=10, now=NOON)
            assert [(found.slug, found.name) for found in (page.checks[0].settings,)] == [("one", "backup")]
    finally:
        stop(server)


async def test_scripts_that_redis_has_forgotten_are_loaded_again(store: Store) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    for number in range(3):
        await store.redis.function_flush()
        assert await ping(store, user, check.id, request=str(number)) == [b"ok", b"1", number + 1, 0, b""]
    await store.redis.function_flush()
    await asyncio.gather(*(ping(store, user, check.id, request=f"at once {n}") for n in range(20)))
    assert (await fields(store, check))["ping_count"] == "23"


async def test_connections_that_redis_cuts_are_opened_again(store: Store) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    await asyncio.gather(*(ping(store, user, check.id, request=f"a{n}") for n in range(10)))
    await everywhere(store, lambda primary: primary.client_kill_filter(_type="normal", skipme=True))

    async def is_well() -> bool:
        return bool((await ping(store, user, check.id, request="b"))[0] == b"ok")

    await eventually(is_well)
    assert (await fields(store, check))["ping_count"] == "11"


async def test_another_master_key_is_refused(store: Store) -> None:
    await verify_master_key(store, MASTER_KEY)
    await verify_master_key(store, MASTER_KEY)
    with pytest.raises(StoreUnfit, match="ENCRYPTION_KEY is not the one"):
        await verify_master_key(store, Fernet.generate_key().decode())


async def test_the_web_ticks_again_after_redis_refused_writes(
    store: Store, app: Quart, caplog: pytest.LogCaptureFixture
) -> None:
    async def refused() -> bool:
        return "Redis takes no tick" in caplog.text

    await configure(store, "maxmemory", "1")
    try:
        with pytest.raises(StoreUnavailable):
            await create_user(store, now=NOON, master=MASTER_KEY)
        await eventually(refused)
    finally:
        await configure(store, "maxmemory", "0")
    before, _ = await read_ticks(store)

    async def ticked() -> bool:
        return (await read_ticks(store))[0] > before

    await eventually(ticked)
