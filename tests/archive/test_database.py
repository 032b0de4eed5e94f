"""A database that comes and goes: known by its error, found again by itself."""

import psycopg
import pytest

from tests.postgres import PostgresServer
from ttr.archive.database import Database, open_database
from ttr.archive.errors import ArchiveUnavailable, ArchiveUnfit


async def test_it_may_be_away_at_the_start_and_later(own_server: PostgresServer) -> None:
    own_server.stop()
    async with open_database(own_server.url(), wait_seconds=0.2) as database:
        with pytest.raises(ArchiveUnavailable):
            async with database.connection():
                pytest.fail("there is none")
        for _ in range(2):
            own_server.start()
            async with database.connection() as connection:
                assert await (await connection.execute("SELECT 1")).fetchone() == (1,)
            own_server.stop()
            with pytest.raises(ArchiveUnavailable):
                async with database.connection():
                    pytest.fail("there is none")


async def test_why_it_is_away_is_told(own_server: PostgresServer) -> None:
    nowhere = own_server.url("nowhere").replace("ttr@", "ttr:geheim@")
    async with open_database(nowhere, wait_seconds=1) as database:
        with pytest.raises(ArchiveUnavailable, match='database "nowhere" does not exist') as away:
            async with database.connection():
                pytest.fail("there is none")
        assert "geheim" not in str(away.value)
        with psycopg.connect(own_server.url(), autocommit=True) as connection:
            connection.execute("create database nowhere")
        async with database.connection() as connection:
            assert await (await connection.execute("SHOW client_encoding")).fetchone() == ("UTF8",)
        assert database.trouble == []


async def test_a_restart_between_two_uses_is_not_seen(own_server: PostgresServer) -> None:
    async with open_database(own_server.url()) as database:
        for _ in range(2):
            async with database.connection() as connection:
                await connection.execute("SELECT 1")
            own_server.stop()
            own_server.start()


async def test_a_server_that_dies_in_the_middle_is_trouble(own_server: PostgresServer) -> None:
    async def use_it_while_it_dies() -> None:
        async with database.connection() as connection:
            await connection.execute("SELECT 1")
            own_server.stop()
            await connection.execute("SELECT 1")

    async with open_database(own_server.url()) as database:
        with pytest.raises(ArchiveUnavailable):
            await use_it_while_it_dies()


async def test_a_block_is_one_transaction(database: Database) -> None:
    async def fail_half_way() -> None:
        async with database.connection() as connection:
            await connection.execute("INSERT INTO kept VALUES (1)")
            await connection.execute("SELECT 1 / 0")

    async with database.connection() as connection:
        await connection.execute("CREATE TABLE kept (n int)")
    with pytest.raises(psycopg.errors.DivisionByZero):
        await fail_half_way()
    async with database.connection() as connection:
        assert await (await connection.execute("SELECT count(*) FROM kept")).fetchone() == (0,)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ttr:geheim/x@host:5432/ttr",
        "postgresql://ttr:geheim%zz@host/ttr",
        "postgresql://ttr:1234/geheim@host/ttr",
    ],
)
async def test_a_url_that_cant_be_read_is_not_quoted(url: str) -> None:
    with pytest.raises(ArchiveUnfit, match="DATABASE_URL can't be read") as refused:
        await open_database(url).__aenter__()
    assert "geheim" not in str(refused.value)
