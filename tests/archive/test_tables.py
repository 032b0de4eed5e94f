"""The archive as somebody with a SQL prompt finds it."""

from typing import Any

from tests.archive.life import live
from tests.lua.parts import NOON, make_check, make_user
from ttr.archive.database import Database
from ttr.archive.snapshot import snapshot
from ttr.store import checks
from ttr.store.redis import Store


async def ask(database: Database, sql: str) -> list[tuple[Any, ...]]:
    """What a question is answered."""
    async with database.connection() as connection:
        return await (await connection.execute(sql)).fetchall()  # type: ignore[arg-type]  # psycopg wants a literal


async def test_people_can_ask_about_accounts_checks_tags_channels_and_pages(
    store: Store, database: Database
) -> None:
    await live(store)
    await snapshot(store, database)
    assert await ask(database, "select user_slug from users order by id") == [("acme0",), ("acme1",)]
    down = await ask(
        database,
        "select c.name, c.status, c.last_ping, u.public_slug from checks c join users u on u.id = c.user_id "
        "where c.slug = 'one' order by c.id",
    )
    assert [row[1] for row in down] == ["down", "down"]
    assert down[0][2].timestamp() * 1000 == NOON + 60_000
    assert down[0][3] == "acme0"
    assert await ask(database, "select distinct name from tags order by name") == [("db",), ("nächtlich",)]
    assert await ask(database, "select distinct kind, enabled from channels") == [("webhook", "1")]
    assert await ask(database, "select distinct slug, visibility from status_pages") == [("live", "public")]
    assert await ask(database, "select count(*) from deliveries where state = 'delivered'") == [(2,)]
    kinds = await ask(database, "select kind, count(*) from pings group by kind order by kind")
    assert dict(kinds) == {"fail": 6, "start": 2, "success": 34}


async def test_a_number_that_is_none_is_no_reason_to_refuse_a_snapshot(
    store: Store, database: Database
) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    await store.redis.hset(f"ttr:{{{user.partition}}}:check:{check.id}", "ping_count", "many")
    await snapshot(store, database)
    assert await ask(database, "select ping_count from checks") == [(None,)]


async def test_deletions_travel(store: Store, database: Database) -> None:
    users = await live(store)
    await snapshot(store, database)
    await checks.pause_check(store, users[0], "three", now=NOON)
    await checks.delete_check(store, users[0], "three")
    saved = await snapshot(store, database)
    assert saved is not None
    assert await ask(database, "select count(*) from checks where slug = 'three'") == [(1,)]
    gone = await ask(database, "select count(*) from pings where check_id not in (select id from checks)")
    assert gone == [(0,)]
    assert await ask(
        database, "select count(*) from flips where check_id not in (select id from checks)"
    ) == [(0,)]


async def test_what_has_not_changed_is_not_written_again(store: Store, database: Database) -> None:
    await live(store)
    await snapshot(store, database)
    before = await ask(database, "select id, xmin::text from checks order by id")
    saved = await snapshot(store, database)
    assert saved is not None
    assert saved.rows == 0
    compared = await snapshot(store, database, compare=True)
    assert compared is not None
    assert compared.rows > 10
    assert await ask(database, "select id, xmin::text from checks order by id") == before
