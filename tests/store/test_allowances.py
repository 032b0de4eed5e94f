"""Allowances in Redis: one round trip with the access key, and a Redis that can't count refuses nobody."""

from pathlib import Path

import pytest

from tests.conftest import MASTER_KEY, start_redis
from tests.everywhere import count, key_names
from tests.lua.parts import NOON
from ttr.domain.allowance import Limit
from ttr.store import keys
from ttr.store.allowances import look_up_key, spend, take
from ttr.store.errors import StoreUnavailable, TooMany
from ttr.store.redis import Store, open_store, wait_until_ready
from ttr.store.users import create_user, digest

PER_KEY = Limit("api-key", 2, 3_600)
PER_ADDRESS = Limit("api-address", 1, 3_600)
STRANGER = "A" * 32


async def trips(store: Store) -> int:
    """Commands that Redis has taken, INFO itself left out."""
    return await count(store, "total_reads_processed")


async def test_what_is_used_up_is_refused_with_the_allowance(store: Store) -> None:
    await spend(store, PER_ADDRESS, "203.0.113.9", now=NOON)
    with pytest.raises(TooMany) as caught:
        await spend(store, PER_ADDRESS, "203.0.113.9", now=NOON)
    assert caught.value.allowance.retry_seconds == 3_600
    await spend(store, None, "203.0.113.9", now=NOON)


@pytest.mark.single_redis
async def test_a_key_and_its_allowance_come_in_one_round_trip(store: Store) -> None:
    user, key = await create_user(store, now=NOON, master=MASTER_KEY)
    # The first time the script is loaded.
    await look_up_key(store, key, "203.0.113.9", per_key=PER_KEY, per_address=PER_ADDRESS, now=NOON)
    before = await trips(store)
    look = await look_up_key(store, key, "203.0.113.10", per_key=PER_KEY, per_address=PER_ADDRESS, now=NOON)
    assert await trips(store) - before == 2  # this one, and the INFO that ends the count
    assert look is not None
    assert look.fields[0] == str(user.id).encode()
    assert look.allowance is not None
    assert (look.allowance.allowed, look.allowance.remaining, look.refused) == (True, 0, None)
    look = await look_up_key(store, key, "203.0.113.9", per_key=PER_KEY, per_address=PER_ADDRESS, now=NOON)
    assert look is not None
    assert look.allowance is not None
    assert not look.allowance.allowed


async def test_an_address_that_is_used_up_is_known_in_the_same_round_trip(store: Store) -> None:
    both = {"per_key": PER_KEY, "per_address": PER_ADDRESS}
    await spend(store, PER_ADDRESS, "203.0.113.9", now=NOON)
    look = await look_up_key(store, STRANGER, "203.0.113.9", **both, now=NOON)
    assert look is not None
    assert look.fields[0] is None
    assert look.refused is not None
    assert look.refused.retry_ms == 3_600_000
    other = await look_up_key(store, STRANGER, "203.0.113.10", **both, now=NOON)
    assert other is not None
    assert other.refused is None


async def test_without_limits_a_key_is_only_read(store: Store) -> None:
    _, key = await create_user(store, now=NOON, master=MASTER_KEY)
    look = await look_up_key(store, key, "203.0.113.9", per_key=None, per_address=None, now=NOON)
    assert look is not None
    assert (look.allowance, look.refused) == (None, None)
    assert await key_names(store, "ttr:allowance:*") == []
    assert await look_up_key(store, "short", "x", per_key=None, per_address=None, now=NOON) is None


async def test_a_redis_that_was_restarted_learns_the_script_anew(store: Store) -> None:
    _, key = await create_user(store, now=NOON, master=MASTER_KEY)
    for _ in range(2):
        await store.redis.function_flush()
        look = await look_up_key(store, key, "x", per_key=PER_KEY, per_address=None, now=NOON)
        assert look is not None
        assert look.allowance is not None
        assert look.allowance.allowed


async def test_an_allowance_shows_no_key(store: Store) -> None:
    _, key = await create_user(store, now=NOON, master=MASTER_KEY)
    await look_up_key(store, key, "x", per_key=PER_KEY, per_address=None, now=NOON)
    assert await key_names(store, "ttr:allowance:*") == [keys.allowance("api-key", digest(key)).encode()]


async def test_a_redis_that_takes_no_writes_limits_nobody_and_still_reads_keys(tmp_path: Path) -> None:
    server = start_redis(tmp_path)
    try:
        async with open_store(server.url) as store:
            await wait_until_ready(store)
            user, key = await create_user(store, now=NOON, master=MASTER_KEY)
            await store.redis.config_set("maxmemory", "1")
            for _ in range(3):
                assert await take(store, PER_ADDRESS, "x", now=NOON) is None
                look = await look_up_key(store, key, "x", per_key=PER_KEY, per_address=PER_ADDRESS, now=NOON)
                assert look is not None
                assert look.fields[0] == str(user.id).encode()
                assert (look.allowance, look.refused) == (None, None)
    finally:
        server.process.terminate()
        server.process.wait(10)


async def test_a_redis_that_is_away_limits_nobody(tmp_path: Path) -> None:
    async with open_store(f"unix://{tmp_path}/nobody.sock") as store:
        assert await take(store, PER_ADDRESS, "x", now=NOON) is None
        await spend(store, PER_ADDRESS, "x", now=NOON)
        with pytest.raises(StoreUnavailable):
            await look_up_key(store, STRANGER, "x", per_key=PER_KEY, per_address=PER_ADDRESS, now=NOON)
