"""Migrations: from empty, twice, two at once, broken off, and on a database that is not ours to change."""

import threading
from collections.abc import Iterator

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.postgres import PostgresServer
from ttr.archive import migrate as subject
from ttr.archive.database import open_database
from ttr.archive.errors import ArchiveUnavailable, ArchiveUnfit
from ttr.archive.migrate import migrate
from ttr.archive.revisions import MIGRATIONS, check_schema, known_revisions


@pytest.fixture
def empty_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database without any table."""
    name = postgres_server.create()
    yield postgres_server.url(name)
    postgres_server.drop(name)


def query(url: str, text: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        result = connection.execute(text)  # type: ignore[arg-type]  # psycopg wants a literal
        return result.fetchall() if result.description else []


def test_the_names_of_the_files_tell_what_alembic_tells() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert [script.revision for script in scripts.walk_revisions()][::-1] == known_revisions()
    assert scripts.get_heads() == known_revisions()[-1:]


async def test_from_empty_and_a_second_time(empty_url: str) -> None:
    assert migrate(empty_url) == known_revisions()
    identity = query(empty_url, "SELECT id FROM archive")
    assert len(identity) == 1
    assert migrate(empty_url) == []
    assert query(empty_url, "SELECT id FROM archive") == identity
    async with open_database(empty_url) as database:
        await check_schema(database)


def test_two_at_once_wait_for_each_other(empty_url: str) -> None:
    answers: list[list[str]] = []
    both = [threading.Thread(target=lambda: answers.append(migrate(empty_url))) for _ in range(2)]
    with psycopg.connect(empty_url, autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [subject._LOCK])
        for thread in both:
            thread.start()
        # Both wait for the lock, so that none can be done before the other begins.
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        for _ in range(2_000):
            if query(empty_url, waiting) == [(2,)]:
                break
        else:
            pytest.fail("they do not wait")
        assert query(empty_url, "SELECT to_regclass('archive')") == [(None,)]
    for thread in both:
        thread.join(30)
    assert sorted(answers) == [[], known_revisions()]


def test_a_lock_that_is_never_let_go_is_given_up(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_LOCK_WITHIN", "50ms")
    with psycopg.connect(empty_url, autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [subject._LOCK])
        with pytest.raises(ArchiveUnavailable, match="lock timeout"):
            migrate(empty_url)
    assert migrate(empty_url) == known_revisions()


def test_a_revision_that_fails_leaves_nothing_and_is_tried_again(empty_url: str) -> None:
    query(empty_url, "CREATE TABLE archive (in_the_way int)")
    with pytest.raises(ArchiveUnfit, match='relation "archive" already exists'):
        migrate(empty_url)
    assert query(empty_url, "SELECT to_regclass('alembic_version')") == [(None,)]
    query(empty_url, "DROP TABLE archive")
    assert migrate(empty_url) == known_revisions()


async def test_a_newer_schema_is_refused_and_left_as_it_is(database_url: str) -> None:
    query(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ArchiveUnfit, match=r"\(9999\) is newer than this version of ttr .* or a newer one"):
        migrate(database_url)
    async with open_database(database_url) as database:
        with pytest.raises(ArchiveUnfit, match="is newer"):
            await check_schema(database)
    assert query(database_url, "SELECT version_num FROM alembic_version") == [("9999",)]


async def test_an_older_schema_is_refused_with_what_to_do(empty_url: str) -> None:
    async with open_database(empty_url) as database:
        with pytest.raises(ArchiveUnfit, match=r"is empty, .* Run `ttr migrate`"):
            await check_schema(database)
        query(empty_url, "CREATE TABLE alembic_version (version_num varchar(32))")
        with pytest.raises(ArchiveUnfit, match=r"is empty, .* Run `ttr migrate`"):
            await check_schema(database)


def test_a_server_that_is_away_is_said() -> None:
    with pytest.raises(ArchiveUnavailable, match="connection to server on socket"):
        migrate("postgresql://ttr@/postgres?host=/nowhere")


def test_a_url_that_cant_be_read_is_not_quoted() -> None:
    with pytest.raises(ArchiveUnfit, match="DATABASE_URL can't be read") as refused:
        migrate("postgresql://ttr:geheim/x@host:5432/ttr")
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
async def test_another_encoding_than_utf8_is_refused(empty_url: str, encoding: str) -> None:
    other = empty_url.partition("@/")[2].partition("?")[0] + "_other"
    url = empty_url.replace("?", "_other?")
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(f"create database {other} encoding '{encoding}' template template0")  # type: ignore[arg-type]  # psycopg wants a literal
    try:
        with pytest.raises(
            ArchiveUnfit, match=f"encoding of this database is {encoding}, and ttr needs UTF8"
        ):
            migrate(url)
        async with open_database(url) as database:
            with pytest.raises(ArchiveUnfit, match=f"is {encoding}, and ttr needs UTF8"):
                await check_schema(database)
    finally:
        with psycopg.connect(empty_url, autocommit=True) as connection:
            connection.execute(f"drop database {other} with (force)")  # type: ignore[arg-type]  # psycopg wants a literal


async def test_a_user_who_may_make_no_tables_is_told_so(empty_url: str) -> None:
    """As Postgres has it from 15 on for whoever does not own the database."""
    query(empty_url, "create role stranger login")
    try:
        with pytest.raises(ArchiveUnfit, match="permission denied for schema public"):
            migrate(empty_url.replace("ttr@", "stranger@"))
    finally:
        query(empty_url, "drop role stranger")
