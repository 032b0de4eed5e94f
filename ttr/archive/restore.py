"""A restore: an empty Redis gets back what the last snapshot holds, and goes on where a broken-off restore was.

Pings between the snapshot and the end of the old Redis are gone, and those after it were refused. So every check waits
for a whole run again, as after a resume: one with an interval from now on, one with a calendar for its next run if one
was due meanwhile. Nobody is told of a run that may have come; a job that died meanwhile is told one run later.
"""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from psycopg import AsyncConnection

from ttr.archive.database import Database
from ttr.archive.encoding import unpack, unpack_pairs
from ttr.archive.errors import ArchiveUnfit
from ttr.archive.revisions import check_schema
from ttr.archive.snapshot import SEQUENCES
from ttr.archive.staging import NAMED, TABLES
from ttr.domain.schedule import next_due
from ttr.store import keys, restoring
from ttr.store.codec import schedule_from_fields
from ttr.store.errors import StoreUnfit
from ttr.store.form import FORM, MARKS, UNMARKED, read_marks
from ttr.store.migrate import migrate
from ttr.store.outbox import ACCOUNT_LOG
from ttr.store.redis import Store, store_trouble
from ttr.store.restoring import KeptCheck, Rearmed

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
Connection = AsyncConnection[tuple[Any, ...]]
_Page = Sequence[tuple[Any, ...]]

_PAGE = 500
# A restore puts 1,000 to 2,000 records a second; a million checks take ten minutes or more.
_MICROSECONDS_A_RECORD = 1_000
# Accounts come behind their checks: what enters a check counts in the account's sums.
_ORDER = ("check", "channel", "status-page", "delivery", "lane", "outbox", "user")
_DELIVERY_LOGS = """
select user_id, id from (
  select user_id, id, row_number() over (partition by user_id order by number desc nulls last, created_at desc) as place
  from deliveries where user_id = any(%s)
) as log where place <= %s order by user_id, place
"""
_KEPT_LOG = """
select checks.id, kept.entry from checks, lateral (
  select number, entry from {table} where check_id = checks.id order by number desc
  limit coalesce((checks.parts ->> '{table}')::int, 0)
) as kept where checks.id = any(%s) order by checks.id, kept.number desc
"""
_KEPT_BODIES = (
    "select check_id, number, body from bodies where check_id = any(%s) order by check_id, number desc"
)


async def restore(store: Store, database: Database, *, now: int | None, progress: Progress) -> int:
    """Put everything back and return how many records that were; `progress` hears of how many, of how many.

    With `now` (ms) checks are armed anew, and the time since the snapshot counts as one in which we were blind. Who
    would have pinged while this works was refused as well, so they are armed from when it should be done. Without
    `now`, Redis becomes exactly what it was. What is of an older form is moved forward. Raises ArchiveUnavailable and
    StoreUnavailable: then call it again, for it goes on where it was. Raises ArchiveUnfit when there is nothing to
    restore, or only what a newer version can read.
    """
    await refuse_newer_form(database)
    async with database.connection() as connection:
        total = await _count(connection)
        armed_from = None if now is None else now + total * _MICROSECONDS_A_RECORD // 1_000_000 * 1_000
        done = await restoring.read_progress(store)
        last = int(done.get("done", 0))
        await restoring.note_progress(store, {"done": last})
        saved = await _saved_at(connection)
        for kind in _ORDER[_ORDER.index(done.get("kind", "check")) :]:
            beyond = done.get("beyond") if kind == done.get("kind") else None
            async for page in _pages(connection, kind, beyond):
                await _put(store, connection, kind, page, now=armed_from)
                last += len(page)
                await restoring.note_progress(store, {"kind": kind, "beyond": page[-1][0], "done": last})
                progress(last, total)
        await _put_partitions(store, connection, saved=saved, now=now)
        await _put_globals(store, connection)
        # Rows are of the form that the archive says, or of a newer one: a migration takes both.
        await migrate(store, say=log.info)
        await restoring.end_restore(store)
        progress(total, total)
        return total


async def held(database: Database) -> tuple[int, int]:
    """How many accounts and checks the archive holds. Raises ArchiveUnfit when it is not at the newest schema."""
    await check_schema(database)
    async with database.connection() as connection:
        row = await (
            await connection.execute("select (select count(*) from users), (select count(*) from checks)")
        ).fetchone()
    assert row is not None  # noqa: S101
    return row[0], row[1]


async def sealed_word(database: Database) -> str | None:
    """The word under the master key of the installation that this archive is of."""
    async with database.connection() as connection:
        row = await (await connection.execute("select fields #>> '{meta,sealed}' from archive")).fetchone()
    return row[0] if row else None


async def refuse_newer_form(database: Database) -> None:
    """Raise ArchiveUnfit when the rows are of a form that this version does not know."""
    async with database.connection() as connection:
        row = await (await connection.execute("select fields -> 'meta' from archive")).fetchone()
    known = row[0] if row and row[0] else {}
    marks = [known[name].encode() if name in known else None for name in MARKS]
    try:
        form = read_marks(marks)
    except StoreUnfit as unfit:
        raise ArchiveUnfit(str(unfit)) from None
    if form and form.open_to > FORM:
        raise ArchiveUnfit(
            f"This archive is of data in form {form.number}, for versions of ttr that know form {form.open_to} or a "
            f"newer one. This version knows form {FORM}. Restore it with the version that made it, or a newer one."
        )


async def _count(connection: Connection) -> int:
    parts = " + ".join(f"(select count(*) from {TABLES[kind]})" for kind in _ORDER)  # noqa: S608
    row = await (
        await connection.execute(f"select {parts}, (select count(*) from partitions)")  # noqa: S608
    ).fetchone()
    assert row is not None  # noqa: S101
    total, partitions = row
    if partitions == 0:
        raise ArchiveUnfit("This Postgres holds no snapshot, so there is nothing to restore.")
    if partitions != keys.PARTITIONS:
        raise ArchiveUnfit(
            f"This archive is not whole: it holds {partitions} of {keys.PARTITIONS} partitions, for its first snapshot "
            "was broken off. It can't be restored."
        )
    return int(total)


async def _saved_at(connection: Connection) -> int:
    row = await (
        await connection.execute("select (extract(epoch from min(saved_at)) * 1000)::bigint from partitions")
    ).fetchone()
    return row[0] if row else 0


async def _pages(connection: Connection, kind: str, beyond: str | None) -> AsyncIterator[_Page]:
    """The rows of a kind behind `beyond`, some hundred at a time: id, fields, parts."""
    sql, values = f"select id, fields, parts from {TABLES[kind]}", tuple[str | int, ...]()  # noqa: S608
    order, place = "id", "%s"
    if kind == "outbox":
        order = "(split_part(id, '-', 1)::bigint, split_part(id, '-', 2)::bigint)"
        place = "(%s, %s)"
    if beyond is not None:
        sql += f" where {order} > {place}"
        values = _entry_key(beyond) if kind == "outbox" else (beyond if kind in NAMED else int(beyond),)
    sql += f" order by {order}"
    async with connection.cursor(name="kept") as cursor:
        await cursor.execute(sql, values)
        while page := await cursor.fetchmany(_PAGE):
            yield page


async def _put(store: Store, connection: Connection, kind: str, page: _Page, *, now: int | None) -> None:
    if kind == "check":
        await restoring.put_checks(store, await _checks(connection, page, now))
        return
    logs = await _delivery_logs(connection, [row[0] for row in page]) if kind == "user" else {}
    newest = await restoring.newest_outbox(store) if kind == "outbox" else {}
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for name, packed, parts in page:
                fields = unpack_pairs(packed)
                user_id = name if kind == "user" else int(fields.get(b"user_id", b"0"))
                if not user_id:
                    continue  # nobody's, so nobody misses it; it must not keep all others from coming back
                match kind:
                    case "channel":
                        restoring.queue_channel(pipe, user_id, name, fields)
                    case "status-page":
                        restoring.queue_status_page(pipe, user_id, name, fields)
                    case "delivery":
                        events = _list(parts.get("events"))
                        restoring.queue_delivery(pipe, user_id, name, fields, events, parts.get("expires", 0))
                    case "lane":
                        queue = _list(parts.get("queue"))
                        due, expires = parts.get("due", ""), parts.get("expires", 0)
                        restoring.queue_lane(pipe, user_id, name, fields, queue, due, expires)
                    case "outbox":
                        if _entry_key(name) > _entry_key(newest.get(keys.partition_of(user_id), "0-0")):
                            restoring.queue_outbox(pipe, user_id, name, fields)
                    case _:
                        restoring.queue_user(
                            pipe,
                            name,
                            fields,
                            former_slugs=unpack_pairs(parts.get("former_slugs", {})),
                            chore=_list(parts.get("chore")),
                            access_keys=unpack_pairs(parts.get("access_keys", {})),
                            only_key=unpack_pairs(parts.get("access_key", {})),
                            deliveries=logs.get(name, []),
                        )
            await pipe.execute()


async def _checks(connection: Connection, page: _Page, now: int | None) -> list[KeptCheck]:
    ids = [row[0] for row in page]
    pings = await _kept(connection, "pings", ids)
    flips = await _kept(connection, "flips", ids)
    bodies: dict[int, list[bytes]] = {}
    for check_id, number, body in await (await connection.execute(_KEPT_BODIES, (ids,))).fetchall():
        bodies.setdefault(check_id, []).append(number.to_bytes(4, "big") + body)
    found = []
    for check_id, packed, parts in page:
        fields = unpack_pairs(packed)
        if not {b"user_id", b"uuid"} <= fields.keys():
            continue  # as in `_put`
        found.append(
            KeptCheck(
                id=check_id,
                user_id=int(fields[b"user_id"]),
                fields=fields,
                days=unpack_pairs(parts.get("days", {})),
                reminder=parts.get("reminder", ""),
                flapping=parts.get("flapping", ""),
                deliveries=_list(parts.get("deliveries")),
                pings=pings.get(check_id, []),
                flips=flips.get(check_id, []),
                bodies=bodies.get(check_id, []),
                rearmed=None if now is None else _rearmed(fields, now),
            )
        )
    return found


def _rearmed(fields: restoring.Fields, now: int) -> Rearmed:
    """When the next run is expected of a check whose last ones we may not have seen."""

    def text(name: bytes) -> str:
        return fields.get(name, b"").decode()

    schedule = schedule_from_fields(
        text(b"schedule_type"), text(b"schedule"), text(b"tz"), text(b"interval_seconds")
    )
    due = int(text(b"due") or 0)
    if schedule.kind != "interval" and due > now:
        return Rearmed(due, now)
    return Rearmed(next_due(schedule, now), now)


async def _kept(connection: Connection, table: str, ids: list[int]) -> dict[int, list[bytes]]:
    """For each check the entries of history that Redis keeps, newest first."""
    kept: dict[int, list[bytes]] = {}
    rows = await (await connection.execute(_KEPT_LOG.format(table=table), (ids,))).fetchall()
    for check_id, entry in rows:
        kept.setdefault(check_id, []).append(bytes(entry))
    return kept


async def _delivery_logs(connection: Connection, users: list[int]) -> dict[int, list[str]]:
    logs: dict[int, list[str]] = {}
    rows = await (await connection.execute(_DELIVERY_LOGS, (users, ACCOUNT_LOG))).fetchall()
    for user_id, name in rows:
        logs.setdefault(user_id, []).append(name)
    return logs


async def _put_partitions(store: Store, connection: Connection, *, saved: int, now: int | None) -> None:
    rows = await (await connection.execute("select id, token, fields, parts from partitions")).fetchall()
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for partition, token, packed, parts in rows:
                fields, gaps = unpack_pairs(packed), _list(parts.get("gaps"))
                if now is not None:
                    # Checks are armed from now: the clock must not move them again.
                    tick = int(fields.get(b"tick", str(saved).encode()))
                    gaps.append(b"%d:%d" % (tick, now))
                    fields[b"tick"] = b"%d" % now
                restoring.queue_partition(
                    pipe,
                    partition,
                    fields,
                    pending_gaps=[] if now is not None else _list(parts.get("pending_gaps")),
                    gaps=gaps,
                    chores=unpack_pairs(parts.get("chores", {})),
                    token=token,
                )
            await pipe.execute()


async def _put_globals(store: Store, connection: Connection) -> None:
    row = await (await connection.execute("select id, fields from archive")).fetchone()
    assert row is not None  # noqa: S101
    archive, fields = row
    sequences = {
        kind: max(fields.get("sequences", {}).get(kind, 0), await _last(connection, TABLES[kind]))
        for kind in SEQUENCES
    }
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            # Marks that are in this Redis already are not those of what was put back: who was started on it once, or
            # still runs, has written his own.
            unmarked = dict.fromkeys(MARKS, str(UNMARKED))
            known = {"archive": str(archive), "partitions": str(keys.PARTITIONS)}
            meta = {**unmarked, **fields.get("meta", {}), **known}
            restoring.queue_globals(pipe, meta, fields.get("admins", {}), sequences)
            await pipe.execute()


async def _last(connection: Connection, table: str) -> int:
    """The last number of a table: a snapshot that broke off has written it, but not the counters, which come last."""
    row = await (await connection.execute(f"select max(id) from {table}")).fetchone()  # noqa: S608
    return (row and row[0]) or 0


def _list(values: Sequence[Any] | None) -> list[bytes]:
    return [unpack(value) for value in values or ()]


def _entry_key(entry: str) -> tuple[int, int]:
    at, _, number = entry.partition("-")
    return int(at), int(number)
