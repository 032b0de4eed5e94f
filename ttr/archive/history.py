"""What lies beyond the window that Redis keeps: a check's older pings and changes of status, and its run times.

Redis has the truth about what it still keeps; only what is numbered below is asked here. Every question goes through
`ask`, which raises ArchiveUnavailable: then say so, and show what Redis has.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

from psycopg import AsyncConnection, Error

from ttr.archive.database import Database
from ttr.archive.errors import ArchiveUnavailable
from ttr.domain.check import Check
from ttr.domain.flip import Flip
from ttr.domain.metrics import DB_SECONDS
from ttr.meter import observe
from ttr.store.flips import unpack_flip
from ttr.store.ping_log import PingEntry, unpack

log = logging.getLogger(__name__)

WITHIN = 2.0
"""Seconds in which Postgres answers, or counts as away: somebody looks at a page that waits for it. Of a check with
10,000 pings, 1,000 take 6 ms and the run times of a year 17 ms."""
_STATEMENT_MS = 1_500

Connection = AsyncConnection[tuple[Any, ...]]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Window:
    """The lowest numbers of a check that Redis keeps; below 2 it keeps all there is."""

    pings_from: int = 1
    flips_from: int = 1


@dataclass(frozen=True, slots=True)
class RunTimes:
    """Run times of one stretch of time, in ms, and how many runs ended in it; None where none of them was timed."""

    at: int
    """Where the stretch begins, ms UTC."""
    runs: int
    failures: int
    least: int | None
    median: int | None
    most: int | None


async def ask(
    database: Database, check: Check, window: Window, question: Callable[[Connection], Awaitable[Answer]]
) -> Answer:
    """The answer to a question about a check, by one connection.

    Raises ArchiveUnavailable when Postgres is away, too slow or not fit, and while it lacks what has just left the
    window: what is there is then not all, and would look as if it were.
    """

    async def of_check(connection: Connection) -> Answer:
        await _reach(connection, check, window)
        return await question(connection)

    return await ask_at_all(database, of_check)


async def ask_at_all(database: Database, question: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    """The answer to any question, by one connection. Raises ArchiveUnavailable when Postgres is away, too slow or not
    fit."""

    async def asked() -> Answer:
        try:
            async with database.connection() as connection:
                await connection.execute(f"set local statement_timeout = {_STATEMENT_MS}")
                return await question(connection)
        except Error as error:
            log.warning("The archive can't be read: %s", error)
            raise ArchiveUnavailable(" ".join(str(error).split())) from error

    # A server that hangs does not even take a cancellation; who waits for the page need not wait for that.
    began = perf_counter()
    task = asyncio.ensure_future(asked())
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        await asyncio.wait({task}, timeout=WITHIN)
        if not task.done():
            raise ArchiveUnavailable(f"Postgres gave no answer within {WITHIN:g} s")
        return task.result()
    finally:
        observe(DB_SECONDS, perf_counter() - began)
        task.cancel()


async def count_failed(connection: Connection) -> int:
    """Deliveries that were given up and are still kept, as of the last snapshot."""
    row = await (
        await connection.execute(
            "select count(*) from deliveries where state = 'failed' and (expires_at is null or expires_at > now())"
        )
    ).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])


async def _reach(connection: Connection, check: Check, window: Window) -> None:
    """Refuse a check of another installation under the same number, and one whose newest lines are still on their way:
    once its window is here, what lies below is all there will ever be."""
    row = await (
        await connection.execute(
            """
            select exists (select from checks where id = %(check)s and uuid = %(uuid)s),
              exists (select from pings where check_id = %(check)s and number between %(pings)s - 1 and %(pings)s),
              exists (select from flips where check_id = %(check)s and number between %(flips)s - 1 and %(flips)s)
            """,
            {"check": check.id, "uuid": check.uuid, "pings": window.pings_from, "flips": window.flips_from},
        )
    ).fetchone()
    assert row is not None  # noqa: S101
    known, pings, flips = row
    if not (known and (pings or window.pings_from < 2) and (flips or window.flips_from < 2)):
        raise ArchiveUnavailable("the snapshot that brings this check's history has not been taken yet")


async def older_pings(
    connection: Connection, check: Check, *, before: int, size: int, kinds: Sequence[str] = ()
) -> list[PingEntry]:
    """The newest `size` pings numbered below `before`, newest first, of some kinds only or of all."""
    rows = await (
        await connection.execute(
            "select entry from pings where check_id = %s and number < %s and (%s or kind = any(%s)) "
            "order by number desc limit %s",
            (check.id, before, not kinds, list(kinds), size),
        )
    ).fetchall()
    return [unpack(entry) for (entry,) in rows]


async def newer_pings(
    connection: Connection, check: Check, *, since: int, below: int, size: int, kinds: Sequence[str] = ()
) -> list[PingEntry]:
    """The oldest `size` pings numbered from `since` on and below `below`, newest first."""
    rows = await (
        await connection.execute(
            "select entry from pings where check_id = %s and number >= %s and number < %s "
            "and (%s or kind = any(%s)) order by number limit %s",
            (check.id, since, below, not kinds, list(kinds), size),
        )
    ).fetchall()
    return [unpack(entry) for (entry,) in reversed(rows)]


async def older_flips(connection: Connection, check: Check, *, before: int, size: int) -> list[Flip]:
    """The newest `size` changes numbered below `before`, newest first."""
    rows = await (
        await connection.execute(
            "select number, entry from flips where check_id = %s and number < %s order by number desc limit %s",
            (check.id, before, size),
        )
    ).fetchall()
    return [unpack_flip(entry, number) for number, entry in rows]


async def newer_flips(
    connection: Connection, check: Check, *, since: int, below: int, size: int
) -> list[Flip]:
    """The oldest `size` changes numbered from `since` on and below `below`, newest first."""
    rows = await (
        await connection.execute(
            "select number, entry from flips where check_id = %s and number >= %s and number < %s "
            "order by number limit %s",
            (check.id, since, below, size),
        )
    ).fetchall()
    return [unpack_flip(entry, number) for number, entry in reversed(rows)]


async def flips_at(connection: Connection, check: Check, *, at: int, below: int) -> list[Flip]:
    """The changes of one instant (ms) numbered below `below`, newest first; at most ten."""
    rows = await (
        await connection.execute(
            "select number, entry from flips where check_id = %s and number < %s "
            "and at = to_timestamp(%s / 1000.0) order by number desc limit 10",
            (check.id, below, at),
        )
    ).fetchall()
    return [unpack_flip(entry, number) for number, entry in rows]


async def flips_since(
    connection: Connection, check: Check, *, since: int, below: int, most: int
) -> list[Flip]:
    """The newest changes numbered below `below` and not before a moment (ms), newest first, at most so many."""
    rows = await (
        await connection.execute(
            "select number, entry from flips where check_id = %s and number < %s "
            "and at >= to_timestamp(%s / 1000.0) order by number desc limit %s",
            (check.id, below, since, most),
        )
    ).fetchall()
    return [unpack_flip(entry, number) for number, entry in rows]


async def run_times(
    connection: Connection,
    check: Check,
    newest: Sequence[PingEntry],
    *,
    below: int,
    since: int,
    until: int,
    step_ms: int,
) -> list[RunTimes]:
    """Run times from `since` until `until` (ms), by stretches of `step_ms`, oldest first; only those with a run. Of
    pings numbered below `below` what is kept here, and beside them `newest`, which Redis has."""
    runs = [ping for ping in newest if ping.kind in ("success", "fail") and since <= ping.at < until]
    rows = await (
        await connection.execute(
            """
            select stretch, count(*), count(*) filter (where kind = 'fail'), min(duration_ms),
              percentile_disc(0.5) within group (order by duration_ms), max(duration_ms)
            from (
              select floor((extract(epoch from at) * 1000 - %(since)s) / %(step)s)::bigint as stretch, kind, duration_ms
              from pings where check_id = %(check)s and number < %(below)s and kind in ('success', 'fail')
                and at >= to_timestamp(%(since)s / 1000.0) and at < to_timestamp(%(until)s / 1000.0)
              union all
              select (at - %(since)s) / %(step)s, kind, duration_ms
              from unnest(%(ats)s::bigint[], %(kinds)s::text[], %(lasted)s::bigint[]) as run (at, kind, duration_ms)
            ) as runs group by stretch order by stretch
            """,
            {
                "check": check.id,
                "below": below,
                "since": since,
                "until": until,
                "step": step_ms,
                "ats": [run.at for run in runs],
                "kinds": [run.kind for run in runs],
                "lasted": [run.duration_ms for run in runs],
            },
        )
    ).fetchall()
    return [
        RunTimes(since + stretch * step_ms, ended, failures, least, median, most)
        for stretch, ended, failures, least, median, most in rows
    ]
