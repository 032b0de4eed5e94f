"""Which revisions of the schema this program knows, and whether a database is at the newest.

Read from the names of the files: Alembic, which could tell as well, takes 0.6 s and 30 MB to import.
"""

from pathlib import Path

from ttr.archive.database import Database
from ttr.archive.errors import ArchiveUnfit

MIGRATIONS = Path(__file__).parent / "migrations"


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


async def check_schema(database: Database) -> None:
    """Refuse a database that is not at the newest revision. Raises ArchiveUnfit, and ArchiveUnavailable."""
    async with database.connection() as connection:
        there = await (await connection.execute("SELECT to_regclass('alembic_version')")).fetchone()
        found = None
        if there and there[0]:
            row = await (await connection.execute("SELECT version_num FROM alembic_version")).fetchone()
            found = row[0] if row else None
    refuse_newer(found)
    head = known_revisions()[-1]
    if found != head:
        raise ArchiveUnfit(
            f"The schema of this database is {'empty' if found is None else f'old ({found})'}, and this version of "
            f"ttr needs {head}. Run `ttr migrate`."
        )
