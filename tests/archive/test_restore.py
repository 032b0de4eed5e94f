"""A snapshot restored into an empty Redis is that Redis."""

from tests.archive.keyspace import read_keyspace
from tests.archive.life import live
from ttr.archive.database import Database
from ttr.archive.restore import restore
from ttr.archive.snapshot import snapshot
from ttr.store.redis import Store


def nobody(done: int, of: int) -> None:
    """Hears of progress."""


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
