"""A snapshot restored into an empty Redis is that Redis."""

from tests.archive.keyspace import read_keyspace
from tests.archive.life import live, ping
from tests.archive.rows import kept_numbers
from tests.lua.parts import MINUTE, NOON, make_check, make_user
from ttr.archive.database import Database
from ttr.archive.restore import restore
from ttr.archive.snapshot import snapshot
from ttr.store.redis import Store


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
