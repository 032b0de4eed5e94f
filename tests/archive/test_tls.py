"""A Postgres as platforms give it: `postgres://`, over TLS, with `?sslmode=require` at the end."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import PostgresServer
from tests.tls import PostgresTlsFront, make_certificate
from ttr.archive.database import open_database
from ttr.archive.errors import ArchiveUnavailable
from ttr.archive.migrate import migrate
from ttr.archive.revisions import is_newest
from ttr.settings import load_settings


@pytest.fixture
def url(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[str]:
    """A database behind TLS, whose certificate signed itself; without a mode."""
    name = postgres_server.create()
    with PostgresTlsFront(make_certificate(tmp_path), postgres_server.folder / ".s.PGSQL.5432") as front:
        yield f"postgres://ttr:secret@127.0.0.1:{front.port}/{name}"
    postgres_server.drop(name)


async def test_the_url_of_a_platform_is_obeyed(url: str) -> None:
    given = load_settings({"DATABASE_URL": f"{url}?sslmode=require"}).database_url
    assert given
    assert migrate(given)
    assert await is_newest(given)
    async with open_database(given) as database, database.connection() as connection:
        assert connection.pgconn.ssl_in_use


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux alone has it")
async def test_a_machine_that_is_gone_is_noticed(url: str) -> None:
    async with open_database(url) as database, database.connection() as connection:
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            options = (socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            found = [line.getsockopt(socket.IPPROTO_TCP, option) for option in options]
            assert found == [60_000, 30, 10, 3]
            assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


async def test_a_certificate_is_checked_when_the_url_says_so(url: str) -> None:
    async with open_database(f"{url}?sslmode=verify-full&sslrootcert=system") as database:
        with pytest.raises(ArchiveUnavailable, match="certificate verify failed"):
            async with database.connection():
                pass
