"""Opens Postgres; connections are made when they are needed, so that it may be away at the start and later."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Self

from psycopg import AsyncConnection, Error, InterfaceError, OperationalError, ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import ReadOnlySqlTransaction
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from ttr.archive.errors import ArchiveUnavailable, ArchiveUnfit

CONNECTING: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "application_name": "ttr",
    "client_encoding": "utf8",
}
"""How every connection is made: given up after 5 s, in UTF-8 whatever the environment says, and ended when the machine
at its other end has been gone for 60 s. By itself the kernel takes 15 minutes, or two hours where nothing was on its
way, and a snapshot would wait as long. Linux ends both kinds by the last number, which must not be less than the sum
of the others (30 s and three times 10)."""

# While Postgres is away each attempt would be a line of its own; who asked is told by an error.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Database:
    """One Postgres."""

    pool: AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]]
    trouble: list[str]
    """Why the last connection could not be made; empty when it could. The pool tells only that it has waited."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[tuple[Any, ...]]]:
        """A connection in a transaction, committed at the end and rolled back by an exception.

        Raises ArchiveUnavailable if there is none in time, and for trouble of the server inside the block.
        """
        with archive_trouble():
            try:
                async with self.pool.connection() as connection:
                    yield connection
            except PoolTimeout as error:
                raise OperationalError(*self.trouble or error.args) from error


@asynccontextmanager
async def open_database(
    url: str, *, connections: int = 4, wait_seconds: float = 5
) -> AsyncIterator[Database]:
    """A database on `url` (postgresql:// or postgres://); closed at the end. Does not connect yet.

    Who asks for a connection waits up to `wait_seconds` for it. A connection that broke while nobody used it is
    replaced unseen. Raises ArchiveUnfit if the URL can't be read.
    """
    trouble: list[str] = []
    pool = AsyncConnectionPool(
        readable(url),
        connection_class=_telling(trouble),
        min_size=0,
        max_size=connections,
        open=False,
        timeout=wait_seconds,
        # An attempt that is given up makes room for the next asker's, without the pool's growing pauses.
        reconnect_timeout=wait_seconds,
        kwargs=CONNECTING,
        check=AsyncConnectionPool.check_connection,
    )
    await pool.open()
    try:
        yield Database(pool, trouble)
    finally:
        await pool.close()


def _telling(trouble: list[str]) -> type[AsyncConnection[tuple[Any, ...]]]:
    class Telling(AsyncConnection[tuple[Any, ...]]):
        @classmethod
        async def connect(cls, *args: Any, **kwargs: Any) -> Self:
            try:
                connection = await super().connect(*args, **kwargs)
            except OperationalError as error:
                trouble[:] = [str(error)]
                raise
            trouble.clear()
            return connection

    return Telling


@asynccontextmanager
async def open_archive(url: str | None) -> AsyncIterator[Database | None]:
    """The database of DATABASE_URL, and None where none is set."""
    if url is None:
        yield None
        return
    async with open_database(url) as database:
        yield database


def refusal(error: Error) -> str:
    """What Postgres puts first; its details quote rows."""
    return f"{error.sqlstate}: {error.diag.message_primary}"


@contextmanager
def archive_trouble() -> Iterator[None]:
    """Raise ArchiveUnavailable for whatever trying again may cure, a full disk and a replica included."""
    try:
        yield
    # PoolTimeout is an OperationalError.
    except (OperationalError, InterfaceError, ReadOnlySqlTransaction) as error:
        raise ArchiveUnavailable(" ".join(str(error).split())) from error


@contextmanager
def refusals() -> Iterator[None]:
    """Raise ArchiveUnfit for what else Postgres says: that a right is missing, or something of our making."""
    try:
        yield
    except Error as error:
        raise ArchiveUnfit(f"Postgres refuses what ttr asks ({refusal(error)}).") from None


def readable(url: str) -> str:
    """`url` itself. Raises ArchiveUnfit if Postgres's library can't read it; the text never quotes it."""
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError:
        parts = {"port": "none"}
    # A bare / in the password begins the name of the database, and what stood before it is taken for the port.
    ports = str(parts.get("port") or "").split(",")
    if "@" in str(parts.get("dbname")) or any(port and not port.isdigit() for port in ports):
        raise ArchiveUnfit(
            "DATABASE_URL can't be read. It looks like postgresql://user:password@host:5432/name, with characters of "
            "the password that mean something in a URL (such as / @ : %) written as %2F, %40, %3A, %25."
        )
    return url
