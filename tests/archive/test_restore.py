"""A snapshot restored into an empty Redis is that Redis."""

import json

from tests.archive.keyspace import read_keyspace
from tests.archive.life import live, ping
from tests.archive.rows import kept_numbers
from tests.conftest import MASTER_KEY
from tests.lua.parts import MINUTE, NOON, make_check, make_user
from ttr.archive.database import Database
from ttr.archive.restore import restore
from ttr.archive.snapshot import snapshot
from ttr.store import keys
from ttr.store.access_keys import user_by_key
from ttr.store.form import MARKS
from ttr.store.redis import Store
from ttr.store.users import create_user


def nobody(done: int, of: int) -> None:
    """Hears of progress."""


async def test_what_comes_before_the_first_snapshot_is_in_the_history(
    store: Store, database: Database
) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    await ping(store, user, check, NOON)
    await snapshot(store, database)
    await store.redis.flushall()
    await restore(store, database, now=None, progress=nobody)
    await ping(store, user, check, NOON + MINUTE)
    await snapshot(store, database)
    assert await kept_numbers(database, "pings", check.id) == [1, 2]


async def test_every_durable_key_comes_back(store: Store, database: Database) -> None:
    await live(store)
    before = await read_keyspace(store)
    await snapshot(store, database)
    await store.redis.flushall()

    await restore(store, database, now=None, progress=nobody)

    after = await read_keyspace(store)
    before["ttr:meta"][0][b"archive"] = after["ttr:meta"][0][b"archive"]
    assert sorted(after) == sorted(before)
    for name, value in before.items():
        assert after[name] == value, name


async def test_what_is_nobodys_keeps_nothing_from_coming_back(store: Store, database: Database) -> None:
    """Remains of a lane, a delivery and a check, as no script of ours leaves them."""
    user = await make_user(store)
    check = await make_check(store, user)
    remains = {
        "lane:1-c9": keys.lane(user.partition, "1-c9"),
        "delivery:9-1-1-c9": keys.delivery(user.partition, "9-1-1-c9"),
        "check:99": keys.check(user.partition, 99),
    }
    for record, key in remains.items():
        await store.redis.hset(key, "last_at", NOON)
        await store.redis.hset(keys.dirty(user.partition), record, 1)
    await snapshot(store, database)
    await store.redis.flushall()

    await restore(store, database, now=NOON, progress=nobody)

    assert (
        await store.redis.exists(keys.check(user.partition, check.id), keys.user(user.partition, user.id))
        == 2
    )
    assert await store.redis.exists(*remains.values()) == 0


async def test_an_account_of_an_older_version_comes_back_with_its_one_key(
    store: Store, database: Database
) -> None:
    user, auth_key = await create_user(store, now=NOON, master=MASTER_KEY)
    assert user.key is not None
    await store.redis.delete(keys.access_keys(user.partition, user.id))
    await store.redis.hset(keys.user(user.partition, user.id), "access_key", user.key.digest)
    await store.redis.hdel(keys.meta(), *MARKS)
    await snapshot(store, database)
    kept = {"user_id": str(user.id), "last4": auth_key[-4:], "created_at": str(NOON)}
    async with database.connection() as connection:
        await connection.execute(
            "update users set parts = parts || jsonb_build_object('access_key', %s::jsonb)",
            (json.dumps(kept),),
        )
        await connection.commit()
    await store.redis.flushall()
    await restore(store, database, now=None, progress=nobody)
    assert await user_by_key(store, auth_key) == user
