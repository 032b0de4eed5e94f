"""What lies beyond the window that Redis keeps: a check's older pings and changes of status, and its run times.

A snapshot brings them here, so the newest may be missing; Redis has those. Every question raises ArchiveUnavailable
while Postgres is away: then say so, and show what Redis has.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ttr.archive.database import Database
from ttr.domain.flip import Flip
from ttr.store.flips import unpack_flip
from ttr.store.ping_log import PingEntry, unpack


@dataclass(frozen=True, slots=True)
class RunTimes:
    """Run times of one stretch of time, in ms, and how many runs ended in it."""

    at: int
    """Where the stretch begins, ms UTC."""
    runs: int
    failures: int
    least: int | None
    median: int | None
    most: int | None


async def older_pings(
    database: Database, check_id: int, *, before: int, size: int, kinds: Sequence[str] = ()
) -> list[PingEntry]:
    """The newest `size` pings numbered below `before`, newest first, of some kinds only or of all."""
    async with database.connection() as connection:
        rows = await (
            await connection.execute(
                "select entry from pings where check_id = %s and number < %s and (%s or kind = any(%s)) "
                "order by number desc limit %s",
                (check_id, before, not kinds, list(kinds), size),
            )
        ).fetchall()
    return [unpack(bytes(entry)) for (entry,) in rows]


async def newer_pings(
    database: Database, check_id: int, *, since: int, below: int, size: int, kinds: Sequence[str] = ()
) -> list[PingEntry]:
    """The oldest `size` pings numbered from `since` on and below `below`, newest first."""
    async with database.connection() as connection:
        rows = await (
            await connection.execute(
                "select entry from pings where check_id = %s and number >= %s and number < %s "
                "and (%s or kind = any(%s)) order by number limit %s",
                (check_id, since, below, not kinds, list(kinds), size),
            )
        ).fetchall()
    return [unpack(bytes(entry)) for (entry,) in reversed(rows)]


async def older_flips(database: Database, check_id: int, *, before: int, size: int) -> list[Flip]:
    """The newest `size` changes numbered below `before`, newest first."""
    async with database.connection() as connection:
        rows = await (
            await connection.execute(
                "select number, entry from flips where check_id = %s and number < %s order by number desc limit %s",
                (check_id, before, size),
            )
        ).fetchall()
    return [unpack_flip(bytes(entry), number) for number, entry in rows]


async def flips_since(database: Database, check_id: int, *, since: int, most: int) -> list[Flip]:
    """The changes since a moment (ms), newest first, at most so many."""
    async with database.connection() as connection:
        rows = await (
            await connection.execute(
                "select number, entry from flips where check_id = %s and at >= to_timestamp(%s / 1000.0) "
                "order by number desc limit %s",
                (check_id, since, most),
            )
        ).fetchall()
    return [unpack_flip(bytes(entry), number) for number, entry in rows]


async def run_times(
    database: Database, check_id: int, *, since: int, until: int, step_ms: int
) -> list[RunTimes]:
    """Run times from `since` until `until` (ms), by stretches of `step_ms`, oldest first; only those with a run."""
    async with database.connection() as connection:
        rows = await (
            await connection.execute(
                """
                select stretch, count(*), count(*) filter (where kind = 'fail'), min(duration_ms),
                  percentile_disc(0.5) within group (order by duration_ms), max(duration_ms)
                from (
                  select floor((extract(epoch from at) * 1000 - %(since)s) / %(step)s)::bigint as stretch,
                    kind, duration_ms
                  from pings where check_id = %(check)s and kind in ('success', 'fail')
                    and at >= to_timestamp(%(since)s / 1000.0) and at < to_timestamp(%(until)s / 1000.0)
                ) as runs group by stretch order by stretch
                """,
                {"since": since, "until": until, "step": step_ms, "check": check_id},
            )
        ).fetchall()
    return [
        RunTimes(since + int(bucket) * step_ms, runs, failures, least, median, most)
        for bucket, runs, failures, least, median, most in rows
    ]


async def oldest_ping(database: Database, check_id: int) -> int | None:
    """When the oldest ping was that is kept (ms), or None without any."""
    async with database.connection() as connection:
        row = await (
            await connection.execute(
                "select (extract(epoch from at) * 1000)::bigint from pings where check_id = %s order by number limit 1",
                (check_id,),
            )
        ).fetchone()
    return row[0] if row else None
