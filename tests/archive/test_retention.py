"""History ends where the settings say, but never inside what a restore needs."""

from tests.archive.life import KEPT, ping
from tests.archive.test_tables import ask
from tests.lua.parts import MINUTE, NOON, make_check, make_user
from ttr.archive.database import Database
from ttr.archive.retention import trim
from ttr.archive.snapshot import snapshot
from ttr.store import keys
from ttr.store.redis import Store

DAY = 86_400_000
FAR = 4_000_000_000_000
"""A moment that no test of today sees go by."""


async def numbers(database: Database) -> list[int]:
    """The pings that are kept."""
    return [number for (number,) in await ask(database, "select number from pings order by number")]


async def test_what_is_too_old_goes_but_for_what_redis_keeps(store: Store, database: Database) -> None:
    user = await make_user(store)
    check = await make_check(store, user, slug="one")
    await snapshot(store, database)  # from here on history is kept
    for number in range(30):
        await ping(store, user, check, NOON + number * MINUTE)
    await snapshot(store, database)
    edge = NOON + 5 * MINUTE  # the sixth ping's own time
    assert await trim(database, days=1, pings=1_000, now=edge + DAY) == 5
    assert await numbers(database) == list(range(6, 31))
    await trim(database, days=1, pings=1_000, now=NOON + 400 * DAY)
    assert await numbers(database) == list(range(31 - KEPT.entries, 31))


async def test_a_busy_check_keeps_its_newest(store: Store, database: Database) -> None:
    user = await make_user(store)
    check = await make_check(store, user, slug="one")
    await snapshot(store, database)  # from here on history is kept
    for number in range(30):
        await ping(store, user, check, NOON + number * MINUTE)
    await snapshot(store, database)
    assert await trim(database, days=1, pings=30, now=NOON) == 0
    assert await trim(database, days=1, pings=29, now=NOON) == 1
    await trim(database, days=1, pings=1, now=NOON)
    assert await numbers(database) == list(range(31 - KEPT.entries, 31))


async def test_what_redis_lets_expire_goes_at_its_time(store: Store, database: Database) -> None:
    user = await make_user(store)
    for kind, name, key in (
        ("lane", "1-c1", keys.lane(user.partition, "1-c1")),
        ("delivery", "1-1-1-c1", keys.delivery(user.partition, "1-1-1-c1")),
    ):
        for expiring in (True, False):
            of = "" if expiring else "stays"
            await store.redis.hset(key + of, "user_id", user.id)
            if expiring:
                await store.redis.pexpireat(key, FAR)
            await store.redis.hset(keys.dirty(user.partition), f"{kind}:{name}{of}", 1)
    await snapshot(store, database)
    assert await trim(database, days=1, pings=1, now=FAR) == 0
    assert await trim(database, days=1, pings=1, now=FAR + 1) == 2
    left = await ask(database, "select id from lanes union select id from deliveries order by id")
    assert left == [("1-1-1-c1stays",), ("1-c1stays",)]
