"""Trouble that an operator has to hear of, in words that say what to do; jobs go on pinging, and nothing is lost."""

import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tests.archive.deaths import cut
from tests.archive.keyspace import equal_after_restore
from tests.archive.life import live, ping
from tests.archive.rows import kept_numbers, rows
from tests.lua.parts import MINUTE, NOON, make_check, make_user
from tests.postgres import PostgresServer, new_server
from ttr.archive import revisions
from ttr.archive.database import Database, open_database
from ttr.archive.keep import Rules, _Keeper
from ttr.archive.migrate import migrate
from ttr.store import keys
from ttr.store.archive_state import read_archive
from ttr.store.redis import Store

RULES = Rules(interval_seconds=1, history_days=10_000, history_pings=10_000)


async def state(store: Store) -> tuple[str, str]:
    """What /health and the admin's page tell."""
    said = await read_archive(store)
    assert said is not None
    return said.state, said.detail


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A folder that holds 160 MB."""
    folder = Path(tempfile.mkdtemp(prefix="ttr-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160m,mode=755", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip(f"a small disk needs the right to mount: {mounted.stderr.decode()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


@pytest.fixture
def small_server(small_disk: Path) -> Iterator[PostgresServer]:
    """A Postgres with everything on that disk."""
    server = new_server(small_disk / "pg")
    yield server
    server.stop()


def fill(folder: Path, *, leave: int) -> Path:
    """Take the room of a disk but for some bytes; remove the file to have it back."""
    filler = folder / "filler"
    free = shutil.disk_usage(folder).free - leave
    with filler.open("wb") as file, suppress(OSError):
        os.posix_fallocate(file.fileno(), 0, free)
    return filler


async def test_a_full_disk_under_postgres(
    store: Store, small_disk: Path, small_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    url = small_server.url(small_server.create())
    migrate(url)
    user = await make_user(store)
    check = await make_check(store, user)
    async with open_database(url) as database:
        keeper = _Keeper(store, database, RULES)
        await keeper.turn()
        assert await state(store) == ("ok", "")
        filler = fill(small_disk, leave=100_000)
        for _ in range(40):
            other = await make_check(store, user)
            for turn in range(10):
                await ping(store, user, other, NOON + turn, body=os.urandom(900))
        caplog.set_level(logging.WARNING)

        for _ in range(3):
            await keeper.turn()

        said, detail = await state(store)
        assert said == "away"
        assert "No space left on device" in detail or "recovery" in detail, detail
        assert [line for line in caplog.messages if "No space left" in line]
        assert "Traceback" not in caplog.text
        await ping(store, user, check, NOON + MINUTE)

        filler.unlink()
        if small_server.process and small_server.process.poll() is not None:
            small_server.start()
        for _ in range(50):
            await keeper.turn()
            if await state(store) == ("ok", ""):
                break
        assert await state(store) == ("ok", "")
        assert caplog.messages[-1] == "Snapshots are taken again."
        assert await kept_numbers(database, "pings", check.id) == [1]
        await equal_after_restore(store, database)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("9999", "is newer than this version of ttr"),
        (None, "is empty, and this version of ttr needs"),
    ],
)
async def test_a_schema_that_does_not_fit(
    store: Store,
    database: Database,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
    found: str,
    said: str,
) -> None:
    await live(store)
    with psycopg.connect(database_url, autocommit=True) as connection:
        kept = connection.execute("select version_num from alembic_version").fetchone()
        assert kept
        connection.execute("delete from alembic_version")
        if found:
            connection.execute("insert into alembic_version values (%s)", (found,))
    keeper = _Keeper(store, database, RULES)
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        await keeper.turn()
    refused, detail = await state(store)
    assert refused == "refused"
    assert said in detail
    assert [line.partition(":")[0] for line in caplog.messages] == ["No snapshots"]  # once
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("delete from alembic_version")
        connection.execute("insert into alembic_version values (%s)", kept)
    await keeper.turn()
    assert await state(store) == ("ok", "")
    await equal_after_restore(store, database)


async def test_an_old_schema_is_told_how_to_be_migrated(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    keeper = _Keeper(store, database, RULES)
    with monkeypatch.context() as patch:
        patch.setattr(revisions, "known_revisions", lambda: ["0001", "0002"])
        await keeper.turn()
        await ping(store, user, check, NOON)
        refused, detail = await state(store)
    assert refused == "refused"
    assert "old (0001), and this version of ttr needs 0002. Run `ttr migrate`." in detail
    await keeper.turn()
    assert await state(store) == ("ok", "")
    assert await kept_numbers(database, "pings", check.id) == [1]


async def test_a_postgres_that_only_reads(
    store: Store, database: Database, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As one is that has been made a replica, or whose disk ran full at a provider's."""
    await live(store)
    name = database_url.partition("@/")[2].partition("?")[0]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"alter database {name} set default_transaction_read_only = on")  # type: ignore[arg-type]  # psycopg wants a literal
    keeper = _Keeper(store, database, RULES)
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        await keeper.turn()
    said, detail = await state(store)
    assert said == "away"
    assert "read-only transaction" in detail
    assert len(caplog.records) == 1
    assert "Traceback" not in caplog.text
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("set default_transaction_read_only = off")
        connection.execute(f"alter database {name} reset default_transaction_read_only")  # type: ignore[arg-type]  # psycopg wants a literal
    cut(database_url)
    await keeper.turn()
    assert await state(store) == ("ok", "")
    await equal_after_restore(store, database)


ODD = '23514: new row for relation "checks" violates check constraint "odd"'


@pytest.mark.parametrize("refused", [1, 5, 6])
async def test_what_postgres_refuses_keeps_nothing_else_out_and_quotes_nobodys_data(
    store: Store, database: Database, database_url: str, caplog: pytest.LogCaptureFixture, refused: int
) -> None:
    """As a constraint or a trigger of the owner's does; more than five in one partition are not the records' fault."""
    [user, *_] = await live(store)
    keeper = _Keeper(store, database, RULES)
    await keeper.turn()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("alter table checks add constraint odd check (name <> 'odd')")
    odd = [await make_check(store, user, name="odd") for _ in range(refused)]
    good = await make_check(store, user, name="good")
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        await keeper.turn()

    said, detail = await state(store)
    assert said == "refused"
    assert len(caplog.records) == 1
    assert "Failing row" not in caplog.text
    written = [row for (row,) in await rows(database, "select id from checks where name in ('odd', 'good')")]
    if refused <= 5:
        begins = f"Snapshots leave out {refused} records that can't be written: check:"
        assert detail.startswith(begins)
        assert f"check:{odd[0].id} ({ODD})" in detail or refused > 3
        assert written == [good.id]
    else:
        assert detail == f"Postgres refuses what ttr asks ({ODD})."
        assert written == []
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("alter table checks drop constraint odd")
    await keeper.turn()
    assert await state(store) == ("ok", "")
    await equal_after_restore(store, database)


async def test_bytes_that_nothing_of_ours_has_written_end_no_snapshot(
    store: Store, database: Database
) -> None:
    [user, *_] = await live(store)
    check = await make_check(store, user)
    keeper = _Keeper(store, database, RULES)
    await keeper.turn()
    good = await make_check(store, user)
    await ping(store, user, good, NOON)
    await store.redis.hset(keys.check(user.partition, check.id), b"\xff", "no name of a field")
    await store.redis.hincrby(keys.dirty(user.partition), f"check:{check.id}", 1)
    for line in (b"p7:short", b"f7:1:no change", b"f7:1:1|u\0p|down|1||"):
        await store.redis.rpush(keys.history(user.partition), line)

    for _ in range(2):
        await keeper.turn()
        said, detail = await state(store)
        assert said == "refused"
        assert f"check:{check.id} (UnicodeDecodeError)" in detail
    assert await kept_numbers(database, "pings", good.id) == [1]
    assert await rows(database, "select id from checks where id = %s", (good.id,)) == [(good.id,)]

    await store.redis.hdel(keys.check(user.partition, check.id), b"\xff")
    await keeper.turn()
    assert await state(store) == ("ok", "")
    await equal_after_restore(store, database)


async def test_a_fault_of_ours_does_not_end_the_clock(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await live(store)
    await store.redis.hset(keys.dirty(3), "nonsense:1", 1)  # as a newer version might mark
    keeper = _Keeper(store, database, RULES)
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        await keeper.turn()
    assert await state(store) == ("refused", "a fault of ttr's own (ResponseError).")
    assert caplog.text.count("Traceback") == 1
    await store.redis.hdel(keys.dirty(3), "nonsense:1")
    await keeper.turn()
    assert await state(store) == ("ok", "")
    await equal_after_restore(store, database)
