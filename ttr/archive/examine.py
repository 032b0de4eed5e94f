"""Whether the archive does its job: reachable, at this version's schema, this Redis's own, and not far behind."""

import asyncio
from typing import Any

from ttr.archive.database import Database
from ttr.archive.revisions import check_schema, known_revisions
from ttr.archive.snapshot import belongs_to, of_another
from ttr.domain.finding import Finding
from ttr.domain.text import counted
from ttr.now import now_ms
from ttr.store.archive_state import read_archive
from ttr.store.fitness import clock
from ttr.store.redis import Store
from ttr.store.snapshots import waiting

# So many intervals may pass before it is worth a warning, and at least so many seconds.
_LATE_INTERVALS = 6
_LATE_SECONDS = 120


async def examine(store: Store, database: Database, *, interval: float) -> list[Finding]:
    """One finding a matter. Raises ArchiveUnavailable, StoreUnavailable, and ArchiveUnfit for another schema."""
    await check_schema(database)
    async with database.connection() as connection:
        row = await (
            await connection.execute(
                "select current_setting('server_version'), pg_size_pretty(pg_database_size(current_database())), "
                "(select count(*) from users), (select count(*) from checks), "
                "(select (extract(epoch from min(saved_at)) * 1000)::bigint from partitions)"
            )
        ).fetchone()
        of_time = await _clock(connection)
        mine = await belongs_to(store, connection)
    assert row is not None  # noqa: S101
    version, size, accounts, checks, saved_at = row
    found = [
        Finding("ok", "version", f"Postgres {version}, {size}."),
        Finding("ok", "schema", f"Revision {known_revisions()[-1]}, which is this version's."),
        of_time,
    ]
    if not mine:
        found.append(Finding("bad", "archive", of_another(accounts)))
        return found
    found.append(Finding("ok", "archive", f"{counted(accounts, 'account')}, {counted(checks, 'check')}."))
    return [*found, await _lag(store, saved_at, interval)]


async def _clock(connection: Any) -> Finding:
    loop = asyncio.get_running_loop()
    began, asked = loop.time(), now_ms()
    row = await (await connection.execute("select extract(epoch from clock_timestamp()) * 1000")).fetchone()
    unsure = (loop.time() - began) * 500
    return clock(float(row[0]) - (asked + unsure), unsure, "Postgres'")


async def _lag(store: Store, saved_at: int | None, interval: float) -> Finding:
    left = await waiting(store)
    state = await read_archive(store)
    if saved_at is None:
        return Finding("warning", "snapshot", "None was taken yet. Start `ttr up`, or run `ttr snapshot`.")
    lag = (now_ms() - saved_at) / 1000
    text = f"The last one is {lag:,.0f} s old; {left:,} changes wait for the next."
    if state and state.state != "ok":
        return Finding("bad", "snapshot", f"{text} The clock says: {state.detail}")
    if lag > max(_LATE_SECONDS, _LATE_INTERVALS * interval):
        return Finding("warning", "snapshot", f"{text} Is the clock running?")
    return Finding("ok", "snapshot", text)
