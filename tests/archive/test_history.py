"""Questions about a check's past: what they answer, and that none of them waits for a Postgres that hangs."""

import asyncio
import os
import signal

import pytest

from tests.archive.past import WINDOW, make_past
from tests.lua.parts import NOON, make_user
from tests.postgres import PostgresServer
from ttr.archive import history
from ttr.archive.database import Database, open_database
from ttr.archive.errors import ArchiveUnavailable
from ttr.archive.history import Connection, RunTimes, Window, ask
from ttr.archive.migrate import migrate
from ttr.archive.snapshot import snapshot
from ttr.domain.check import Check
from ttr.store.ping_log import PingEntry
from ttr.store.redis import Store

pytestmark = pytest.mark.usefixtures("patient")

MINUTE = 60_000


async def past(store: Store, database: Database) -> Check:
    """A check with 30 pings, all of them in Postgres and 10 in Redis."""
    check = await make_past(store, database, await make_user(store), 30, first=NOON)
    await snapshot(store, database)
    return check


async def test_pings_are_read_up_and_down_from_a_number(store: Store, database: Database) -> None:
    check = await past(store, database)

    async def question(connection: Connection) -> list[list[int]]:
        found = [
            await history.older_pings(connection, check, before=21, size=3),
            await history.older_pings(connection, check, before=21, size=3, kinds=("fail",)),
            await history.older_pings(connection, check, before=2, size=3),
            await history.newer_pings(connection, check, since=17, below=21, size=3),
            await history.newer_pings(connection, check, since=17, below=19, size=3),
            await history.newer_pings(connection, check, since=3, below=21, size=2, kinds=("log", "fail")),
        ]
        return [[ping.number for ping in pings] for pings in found]

    assert await ask(database, check, Window(pings_from=21), question) == [
        [20, 19, 18],
        [18, 14, 10],
        [1],
        [19, 18, 17],
        [18, 17],
        [6, 3],
    ]


async def test_changes_are_read_up_and_down_from_a_number_and_since_a_moment(
    store: Store, database: Database
) -> None:
    check = await past(store, database)

    async def question(connection: Connection) -> list[list[int]]:
        found = [
            await history.older_flips(connection, check, before=9, size=3),
            await history.newer_flips(connection, check, since=4, below=9, size=3),
            await history.newer_flips(connection, check, since=7, below=9, size=3),
            await history.flips_since(connection, check, since=NOON + 6 * MINUTE, below=9, most=50),
            await history.flips_since(connection, check, since=NOON + 6 * MINUTE + 1, below=9, most=2),
        ]
        return [[flip.number for flip in flips] for flips in found]

    # 1 up at ping 1, 2 down at 2, 3 up at 4, 4 down at 6, and so on.
    assert await ask(database, check, Window(flips_from=9), question) == [
        [8, 7, 6],
        [6, 5, 4],
        [8, 7],
        [8, 7, 6, 5, 4],
        [8, 7],
    ]


async def test_run_times_are_those_of_postgres_below_a_number_and_of_redis_from_there(
    store: Store, database: Database
) -> None:
    check = await past(store, database)
    async with database.connection() as connection:
        await connection.execute("update pings set duration_ms = number * 1000 where kind <> 'log'")
    newest = [
        PingEntry(NOON + 19 * MINUTE, "success", "GET", number=19, duration_ms=5),
        PingEntry(NOON + 19 * MINUTE, "start", "GET", number=20),
        PingEntry(NOON + 20 * MINUTE, "fail", "GET", number=21),
        PingEntry(NOON + 31 * MINUTE, "success", "GET", number=22, duration_ms=7),
    ]

    async def question(connection: Connection) -> list[RunTimes]:
        return await history.run_times(
            connection, check, newest, below=19, since=NOON, until=NOON + 30 * MINUTE, step_ms=10 * MINUTE
        )

    # Of 1 to 9 all but the logs 3 and 7; of 10 to 18 all but 11 and 15, and the one of Redis; one that was not timed.
    assert await ask(database, check, Window(pings_from=19), question) == [
        RunTimes(NOON, 7, 2, 1_000, 5_000, 9_000),
        RunTimes(NOON + 10 * MINUTE, 8, 3, 5, 13_000, 18_000),
        RunTimes(NOON + 20 * MINUTE, 1, 1, None, None, None),
    ]


async def nothing(_: Connection) -> str:
    return "answer"


@pytest.mark.parametrize(
    ("window", "there"),
    [
        (Window(), True),
        (Window(pings_from=30 - WINDOW + 1), True),
        (Window(pings_from=31), True),
        (Window(pings_from=32), False),
        (Window(flips_from=2), True),
        (Window(flips_from=99), False),
    ],
)
async def test_history_with_a_hole_below_the_window_is_not_told(
    store: Store, database: Database, window: Window, there: bool
) -> None:
    check = await past(store, database)
    if there:
        assert await ask(database, check, window, nothing) == "answer"
        return
    with pytest.raises(ArchiveUnavailable, match="has not been taken yet"):
        await ask(database, check, window, nothing)


async def test_a_schema_that_is_not_ours_counts_as_away(
    store: Store, database: Database, postgres_server: PostgresServer
) -> None:
    check = await past(store, database)
    async with open_database(postgres_server.url()) as empty:
        with pytest.raises(ArchiveUnavailable, match="does not exist"):
            await ask(empty, check, Window(), nothing)


async def test_a_question_that_takes_too_long_is_broken_off(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = await past(store, database)
    monkeypatch.setattr(history, "_STATEMENT_MS", 50)
    async with database.connection() as connection:
        await connection.execute("lock table pings in access exclusive mode")
        with pytest.raises(ArchiveUnavailable, match="statement timeout"):
            await ask(database, check, Window(), nothing)
    assert await ask(database, check, Window(), nothing) == "answer"


async def test_nobody_waits_for_a_server_that_hangs_or_is_gone(
    store: Store, own_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(own_server.url())
    monkeypatch.setattr(history, "WITHIN", 0.2)
    async with open_database(own_server.url(), connections=2, wait_seconds=0.5) as database:
        check = await past(store, database)
        async with database.connection() as connection:
            row = await (await connection.execute("select pg_backend_pid()")).fetchone()
        assert own_server.process
        assert row
        held = [own_server.process.pid, row[0]]
        for pid in held:
            os.kill(pid, signal.SIGSTOP)
        try:
            # The first has a connection, the second gets none, and for the others there is no room.
            asked = [ask(database, check, Window(), nothing) for _ in range(5)]
            answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 20)
        finally:
            for pid in held:
                os.kill(pid, signal.SIGCONT)
        assert {type(answer) for answer in answers} == {ArchiveUnavailable}
        own_server.stop()
        with pytest.raises(ArchiveUnavailable):
            await ask(database, check, Window(), nothing)
        own_server.start()
        monkeypatch.setattr(history, "WITHIN", 60)
        assert await ask(database, check, Window(), nothing) == "answer"
