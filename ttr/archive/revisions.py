"""Which revisions of the schema this program knows, and whether a database is at the newest.

Read from the names of the files: Alembic, which could tell as well, takes 0.6 s and 30 MB to import.
"""

from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from ttr.archive.database import CONNECTING, Database, archive_trouble, readable
from ttr.archive.errors import ArchiveUnfit

MIGRATIONS = Path(__file__).parent / "migrations"
ENCODING = "SHOW server_encoding"
"""Asks for what `refuse_encoding` judges."""


def known_revisions() -> list[str]:
    """The ids of all revisions, oldest first."""
    return sorted(path.name[1:5] for path in (MIGRATIONS / "versions").glob("r[0-9][0-9][0-9][0-9]_*.py"))


def refuse_newer(found: str | None) -> None:
    """Raise ArchiveUnfit for a schema that this program does not know: a newer one made it."""
    head = known_revisions()[-1]
    if found is not None and found not in known_revisions():
        raise ArchiveUnfit(
            f"The schema of this database ({found}) is newer than this version of ttr ({head}). "
            "Run the version that made it, or a newer one; or set DATABASE_URL to another database."
        )


def refuse_encoding(found: str) -> None:
    """Raise ArchiveUnfit for a database that can't hold every name: one made under the locale C is often SQL_ASCII."""
    if found != "UTF8":
        raise ArchiveUnfit(
            f"The encoding of this database is {found}, and ttr needs UTF8. Make one by "
            "`create database NAME encoding 'UTF8' template template0`, and let DATABASE_URL name it."
        )


async def check_schema(database: Database) -> None:
    """Refuse a database that is not at the newest revision, or not in UTF-8. Raises ArchiveUnfit, and
    ArchiveUnavailable.
    """
    async with database.connection() as connection:
        row = await (await connection.execute(ENCODING)).fetchone()
        refuse_encoding(row[0] if row else "")
        found = await _revision_of(connection)
    refuse_newer(found)
    head = known_revisions()[-1]
    if found != head:
        raise ArchiveUnfit(
            f"The schema of this database is {'empty' if found is None else f'old ({found})'}, and this version of "
            f"ttr needs {head}. Run `ttr migrate`."
        )


async def is_newest(url: str) -> bool:
    """Whether a database is at the newest revision, asked by a connection that tells at once why there is none.

    Raises ArchiveUnavailable, and ArchiveUnfit if the URL can't be read.
    """
    with archive_trouble():
        async with await AsyncConnection.connect(readable(url), **CONNECTING) as connection:
            return await _revision_of(connection) == known_revisions()[-1]


async def _revision_of(connection: AsyncConnection[tuple[Any, ...]]) -> str | None:
    there = await (await connection.execute("SELECT to_regclass('alembic_version')")).fetchone()
    if not (there and there[0]):
        return None
    row = await (await connection.execute("SELECT version_num FROM alembic_version")).fetchone()
    return row[0] if row else None
