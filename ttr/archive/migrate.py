"""Brings the schema to the newest revision. Imports Alembic: only commands import this, no process that lasts."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from ttr.archive.database import CONNECTING, archive_trouble, readable, refusals
from ttr.archive.revisions import ENCODING, MIGRATIONS, known_revisions, refuse_encoding, refuse_newer

# Any number that nobody else uses in this database.
_LOCK = 0x7474_7200
# A lock that is held longer belongs to something that hangs; the next try goes on where this one was.
_LOCK_WITHIN = "60s"


def migrate(url: str) -> list[str]:
    """Upgrade to the newest revision; the ids of the revisions that were applied, oldest first.

    Each revision is a transaction of its own, so one that was broken off is tried again from where it stood. Two
    at once wait for each other. Raises ArchiveUnavailable, and ArchiveUnfit for a newer schema and for
    another encoding than UTF-8.
    """
    readable(url)
    engine = create_engine(
        "postgresql+psycopg://",
        # By psycopg itself: SQLAlchemy reads URLs by other rules.
        creator=lambda: psycopg.connect(url, **CONNECTING),
        poolclass=NullPool,
    )
    with _trouble(), engine.connect() as connection:
        refuse_encoding(connection.execute(text(ENCODING)).scalar_one())
        connection.execute(text(f"SET lock_timeout = '{_LOCK_WITHIN}'"))
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
        # The lock belongs to the session. Inside a transaction Alembic would make it one for all revisions.
        connection.commit()
        found = MigrationContext.configure(connection).get_current_revision()
        connection.commit()
        refuse_newer(found)
        known = known_revisions()
        missing = known[known.index(found) + 1 :] if found else known
        if missing:
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    return missing


@contextmanager
def _trouble() -> Iterator[None]:
    """As `archive_trouble` and `refusals`, for errors that SQLAlchemy has wrapped."""
    with refusals(), archive_trouble():
        try:
            yield
        except DBAPIError as error:
            raise error.orig or error from None
