"""Redis and Postgres that don't go together any more: whoever went back in time, Postgres follows Redis."""

import logging
from dataclasses import replace

import pytest

from tests.archive.keyspace import compare, equal_after_restore, read_keyspace
from tests.archive.life import live, ping
from tests.archive.rows import kept_numbers, rows
from tests.everywhere import key_names
from tests.lua.parts import MINUTE, NOON, make_check, make_user
from tests.postgres import PostgresServer
from ttr.archive.database import Database, open_database
from ttr.archive.errors import ArchiveUnfit
from ttr.archive.restore import restore
from ttr.archive.snapshot import snapshot
from ttr.store import checks, keys, snapshots
from ttr.store.redis import Store

Copy = dict[bytes, tuple[bytes, int]]


async def copy(store: Store) -> Copy:
    """All of Redis, as an older append-only file would hold it."""
    found = {}
    for key in await key_names(store, "*"):
        expires = max(0, await store.redis.pexpiretime(key))
        found[key] = (await store.redis.dump(key), expires)
    return found


async def go_back(store: Store, to: Copy) -> None:
    """Redis is what it was."""
    await store.redis.flushall()
    for key, (value, expires) in to.items():
        await store.redis.restore(key, expires, value, absttl=bool(expires))


async def compared(store: Store, database: Database) -> bool:
    """Take a snapshot; whether it read everything."""
    saved = await snapshot(store, database)
    assert saved is not None
    return saved.compared


async def test_a_redis_that_went_back_in_time_is_followed(
    store: Store, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await live(store)
    user = await make_user(store)
    check = await make_check(store, user, slug="old")
    await ping(store, user, check, NOON, body=b"kept")
    assert await compared(store, database)  # the first one
    older = await copy(store)
    await ping(store, user, check, NOON + 1, "fail", body=b"lost")
    gone = await make_check(store, user, slug="lost")
    await ping(store, user, gone, NOON + 2, body=b"lost with its check")
    assert not await compared(store, database)
    assert await kept_numbers(database, "pings", check.id) == [1, 2]

    await go_back(store, older)
    caplog.set_level(logging.WARNING)
    assert await compared(store, database)

    assert "Redis or Postgres went back in time" in caplog.text
    for table in ("pings", "flips", "bodies"):
        assert await kept_numbers(database, table, check.id) == [1], table
        assert await kept_numbers(database, table, gone.id) == [], table
    assert await rows(database, "select id from checks where id = %s", (gone.id,)) == []
    assert not await compared(store, database)
    await equal_after_restore(store, database)


async def test_numbers_that_are_given_again_mean_what_redis_says(store: Store, database: Database) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    await snapshot(store, database)
    older = await copy(store)
    await ping(store, user, check, NOON + 1, "fail", body=b"before")
    await snapshot(store, database)
    await go_back(store, older)
    await ping(store, user, check, NOON + 2, body=b"after")

    await snapshot(store, database)

    assert await rows(database, "select number, kind from pings") == [(1, "success")]
    assert await rows(database, "select body from bodies") == [(b"after",)]
    assert await rows(database, 'select "to" from flips') == [("up",)]


async def test_a_number_that_is_given_again_to_another_account_is_its_own(
    store: Store, database: Database
) -> None:
    """Partitions are written in order: first the new owner's, then the one that has lost the check."""
    now_its, once_its = await make_user(store), await make_user(store)
    assert now_its.partition < once_its.partition
    await snapshot(store, database)
    older = await copy(store)
    lost = await make_check(store, once_its)
    for turn in range(3):
        await ping(store, once_its, lost, NOON + turn, body=b"of the first owner")
    await snapshot(store, database)

    await go_back(store, older)
    again = await make_check(store, now_its)
    await ping(store, now_its, again, NOON + 9)
    await snapshot(store, database)

    assert again.id == lost.id
    assert await rows(database, "select user_id, uuid from checks") == [(now_its.id, again.uuid)]
    assert await kept_numbers(database, "pings", again.id) == [1]
    assert await kept_numbers(database, "bodies", again.id) == []
    await equal_after_restore(store, database)


async def test_a_line_that_arrives_behind_the_end_of_its_check_is_not_kept(
    store: Store, database: Database
) -> None:
    """As when Postgres was away for so long that the lines which wait are more than a snapshot takes."""
    user = await make_user(store)
    check = await make_check(store, user)
    await snapshot(store, database)
    await ping(store, user, check, NOON, body=b"kept by nobody")
    late = keys.history(user.partition)
    line = await store.redis.rpop(late)
    await checks.delete_check(store, user, check.uuid)
    await snapshot(store, database)

    await store.redis.rpush(late, line)
    await snapshot(store, database)

    for table in ("pings", "flips", "bodies"):
        assert await kept_numbers(database, table, check.id) == [], table


async def test_a_postgres_that_went_back_in_time_catches_up(
    store: Store, postgres_server: PostgresServer, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    await live(store)
    user = await make_user(store)
    check = await make_check(store, user, slug="old")
    removed = await make_check(store, user, slug="removed")
    await ping(store, user, check, NOON, body=b"kept")
    async with open_database(database_url) as database:
        await snapshot(store, database)
    older = postgres_server.create(database_url.partition("@/")[2].partition("?")[0])
    await ping(store, user, check, NOON + 1, "fail", body=b"newer")
    await checks.delete_check(store, user, str(removed.id))
    async with open_database(database_url) as database:
        await snapshot(store, database)
    try:
        async with open_database(postgres_server.url(older)) as database:
            caplog.set_level(logging.WARNING)
            assert await compared(store, database)
            assert "Redis or Postgres went back in time" in caplog.text
            for table in ("pings", "flips", "bodies"):
                assert await kept_numbers(database, table, check.id) == [1, 2], table
            assert await rows(database, "select id from checks where id = %s", (removed.id,)) == []
            await equal_after_restore(store, database)
    finally:
        postgres_server.drop(older)


async def test_another_installations_postgres_is_refused_and_left_as_it_is(
    store: Store, database: Database
) -> None:
    await live(store)
    await snapshot(store, database)
    before = await rows(database, "select * from checks order by id")
    await store.redis.flushall()
    await live(store)

    with pytest.raises(ArchiveUnfit, match="holds the archive of another Redis, with 2 accounts"):
        await snapshot(store, database)

    assert await rows(database, "select * from checks order by id") == before
    for partition in range(keys.PARTITIONS):
        assert not await store.redis.exists(keys.snapshot(partition))


async def test_while_postgres_is_away_redis_keeps_so_much_and_the_rest_is_filled_from_its_window(
    store: Store, database: Database
) -> None:
    user = await make_user(store)
    quiet, busy = await make_check(store, user), await make_check(store, user)
    await snapshot(store, database)
    await ping(store, user, quiet, NOON)
    # 65,536 entries find room, with the counter in front: the next line makes 1,024 of the oldest go.
    history = keys.history(user.partition)
    filler = b"p%d:" % busy.id
    for lines in [1_000] * 65 + [65_534 - 65_000 - await store.redis.llen(history)]:
        await store.redis.rpush(history, *[filler] * lines)
    await ping(store, user, busy, NOON)  # its line, and that of its change from new to up
    assert await store.redis.llen(history) == 65_536
    assert await store.redis.lindex(history, 0) == b"0"
    await ping(store, user, busy, NOON + 1)
    assert await store.redis.llen(history) == 65_537 - 1_024
    assert await store.redis.lindex(history, 0) == b"1024"
    await store.redis.lrem(history, 0, filler)  # that was no ping
    for i in range(2, 4):
        await ping(store, user, busy, NOON + i)
    assert await store.redis.hlen(keys.dirty(user.partition)) == 3  # two checks and their account

    await snapshot(store, database)

    assert await kept_numbers(database, "pings", quiet.id) == [1]
    assert await kept_numbers(database, "pings", busy.id) == [1, 2, 3, 4]
    assert await store.redis.lindex(history, 0) == b"0"
    await equal_after_restore(store, database)


async def test_history_given_up_during_a_snapshot_is_made_up_for_by_the_next(
    store: Store, database: Database
) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    await snapshot(store, database)
    await ping(store, user, check, NOON)
    begun = await snapshots.begin(store, user.partition, "stalled")
    await snapshots.take(store, begun, whole_logs=False)
    await ping(store, user, check, NOON + 1)
    # Postgres stalls, and the list runs over: the ping's line goes.
    await store.redis.delete(keys.history(user.partition))
    await store.redis.rpush(keys.history(user.partition), "1024")

    with pytest.raises(snapshots.Overtaken):
        await snapshots.take(store, begun, whole_logs=False)

    await snapshot(store, database)
    assert await kept_numbers(database, "pings", check.id) == [1, 2]


async def test_numbers_are_not_given_again_after_a_snapshot_that_broke_off(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Partitions were written, and then the end came: the counters in Postgres are older than the checks."""
    user = await make_user(store)
    await make_check(store, user)
    await snapshot(store, database)
    newest = await make_check(store, user)
    other = await make_user(store)

    async def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ttr.archive.snapshot._save_globals", dies)
    with pytest.raises(KeyboardInterrupt):
        await snapshot(store, database)
    before = await read_keyspace(store)
    await store.redis.flushall()
    await restore(store, database, now=None, progress=lambda done, of: None)
    compare(before, await read_keyspace(store))
    assert (await make_check(store, user)).id == newest.id + 1
    assert (await make_user(store)).id == other.id + 1


async def test_a_first_snapshot_without_the_counters_can_be_restored(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await live(store)

    async def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ttr.archive.snapshot._save_globals", dies)
    with pytest.raises(KeyboardInterrupt):
        await snapshot(store, database)
    before = await read_keyspace(store)
    await store.redis.flushall()
    await restore(store, database, now=None, progress=lambda done, of: None)
    after = await read_keyspace(store)
    before["ttr:meta"][0].pop(b"sealed", None)
    before["ttr:meta"][0].pop(b"index_version", None)
    del before["ttr:admins"]  # comes with the counters
    compare(before, after)


async def test_a_check_that_pings_all_the_while_is_read_with_its_log_once(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a first snapshot under load would never come to its end."""
    user = await make_user(store)
    check = await make_check(store, user)
    for i in range(9):
        await ping(store, user, check, NOON + i)
    real, logs = snapshots.take, list[int]()

    async def take(store: Store, begun: snapshots.Begun, *args: int, **kwargs: bool) -> snapshots.Taken:
        taken = await real(store, begun, *args, **kwargs)
        for record in taken.records:
            if record.kind == "check":
                logs.append(len(record.parts[-2]))
                if len(logs) < 3:
                    await ping(store, user, check, NOON + MINUTE + len(logs))
                    taken = replace(taken, complete=False)
        return taken

    monkeypatch.setattr(snapshots, "take", take)
    monkeypatch.setattr(snapshots, "_RECORDS", 1)
    await snapshot(store, database)
    assert logs == [9, 0, 0]
    assert await kept_numbers(database, "pings", check.id) == list(range(1, 12))
    monkeypatch.undo()
    await equal_after_restore(store, database)


async def test_marks_alone_are_enough(store: Store, database: Database) -> None:
    """Without any comparison: each change of these lives has marked its record."""
    await snapshot(store, database)
    await live(store)
    assert not await compared(store, database)
    await equal_after_restore(store, database)


async def test_a_comparison_puts_right_what_marks_have_missed(store: Store, database: Database) -> None:
    await live(store)
    await snapshot(store, database)
    async with database.connection() as connection:
        for change in (
            "delete from channels",
            "delete from users where id = 1",
            'update checks set fields = fields || \'{"name": "tampered"}\'',
            "insert into checks (id, partition, fields, parts) values (999, 3, '{}', '{}')",
            "insert into status_pages (id, partition, fields, parts) values (999, 3, '{}', '{}')",
        ):
            await connection.execute(change)
    assert not await compared(store, database)
    assert await rows(database, "select count(*) from channels") == [(0,)]

    saved = await snapshot(store, database, compare=True)

    assert saved is not None
    assert saved.compared
    assert await rows(database, "select id from checks where id = 999") == []
    assert await rows(database, "select id from checks where name = 'tampered'") == []
    await equal_after_restore(store, database)


async def test_a_new_database_gets_everything(
    store: Store, database: Database, postgres_server: PostgresServer, migrated_template: str
) -> None:
    """The old one's disk is gone; another one has been migrated."""
    await live(store)
    await snapshot(store, database)
    name = postgres_server.create(migrated_template)
    try:
        async with open_database(postgres_server.url(name)) as another:
            assert await compared(store, another)
            await equal_after_restore(store, another)
    finally:
        postgres_server.drop(name)
