"""A snapshot: what has changed in Redis since the last one, written into Postgres, one partition after the other.

Each partition is written in one transaction, as it was at one moment. A mark is cleared only after the commit, so what
breaks off is done again by the next. Whether Postgres and Redis still go together is seen by the token of the last
snapshot, which both remember: if they differ, one of them went back in time, and everything is compared.
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from ttr.archive.database import Database
from ttr.archive.encoding import to_json
from ttr.archive.errors import ArchiveUnfit
from ttr.archive.rows import to_row
from ttr.archive.staging import HISTORY, NAMED, TABLES, Stage, merge, staging, write_partition
from ttr.domain.text import counted
from ttr.now import now_ms
from ttr.store import keys, snapshots
from ttr.store.form import MARKS
from ttr.store.marks import mark_all, mark_records
from ttr.store.redis import Store, store_trouble
from ttr.store.snapshots import Begun

log = logging.getLogger(__name__)

Connection = AsyncConnection[tuple[Any, ...]]

# Any number that nobody else uses in this database: two clocks never write at once.
_LOCK = 0x7474_7201
_ROWS_A_PAGE = 1_000
# Names of records that are left out; one tells the operator where to look.
_TOLD = 3
SEQUENCES = ("user", "check", "channel", "status-page")


@dataclass(frozen=True, slots=True)
class Saved:
    """What a snapshot of all partitions did."""

    at: int
    """Everything that was acknowledged before this moment (ms) is in Postgres."""
    rows: int
    compared: bool
    """Whether everything was read, not only what had changed."""
    left_out: str = ""
    """What could not be written, and why: words for the operator. It is tried again by each snapshot."""


async def snapshot(store: Store, database: Database, *, compare: bool = False) -> Saved | None:
    """Write what has changed into Postgres, or with `compare` whatever differs; None while another process does.

    Raises ArchiveUnavailable, ArchiveUnfit when this archive is not this Redis's, StoreUnavailable and
    Overtaken, and what Postgres says of statements that it refuses; then a later call goes on where this one was.
    """
    at, rows, left_out = now_ms(), 0, dict[str, str]()
    async with database.connection() as connection:
        await belong_together(store, connection)
        marks = await _marks(store)
        if not await _lock(connection):
            return None
        try:
            tokens = await _tokens(connection)
            parted = await _parted(store, tokens)
            if parted or compare:
                await _mark_everything(
                    store, connection, set(range(keys.PARTITIONS)) if compare else parted, parted
                )
            for partition in range(keys.PARTITIONS):
                saved = "" if partition in parted else tokens[partition]
                rows += await _save(store, connection, partition, saved, left_out)
            await _save_globals(store, connection, marks, left_out, compared=compare or bool(parted))
            if went_back := len(parted & tokens.keys()):
                log.warning("Redis or Postgres went back in time: %d partitions were compared.", went_back)
        finally:
            await _unlock(connection)
    return Saved(at, rows, compare or bool(parted), _words(left_out))


async def compared_at(database: Database) -> int:
    """When everything was compared last (ms), 0 for never."""
    async with database.connection() as connection:
        row = await (
            await connection.execute("select (extract(epoch from verified_at) * 1000)::bigint from archive")
        ).fetchone()
    return row[0] if row and row[0] else 0


async def belong_together(store: Store, connection: Connection) -> None:
    """Let the archive be this Redis's if it is nobody's. Raises ArchiveUnfit if it is another's."""
    archive, accounts = await _identity(connection)
    if accounts == 0:
        with store_trouble():
            await store.redis.hset(keys.meta(), "archive", str(archive))
    elif not await belongs_to(store, connection):
        raise ArchiveUnfit(of_another(accounts))


def of_another(accounts: int) -> str:
    """What to do when the archive is another Redis's."""
    return (
        f"This Postgres holds the archive of another Redis, with {counted(accounts, 'account')}: no snapshots are "
        "taken. If Redis has lost its data, stop ttr and run `ttr restore --force`. Else let DATABASE_URL name this "
        "installation's own database, or an empty one."
    )


async def belongs_to(store: Store, connection: Connection) -> bool:
    """Whether the archive is this Redis's, or nobody's yet."""
    archive, accounts = await _identity(connection)
    with store_trouble():
        known = await store.redis.hget(keys.meta(), "archive")
    return accounts == 0 or (known is not None and known.decode() == str(archive))


async def _identity(connection: Connection) -> tuple[UUID, int]:
    row = await (await connection.execute("select id, (select count(*) from users) from archive")).fetchone()
    await connection.commit()
    assert row is not None  # noqa: S101
    return row[0], row[1]


async def _lock(connection: Connection) -> bool:
    """Whether this process may write; the lock is the connection's."""
    row = await (await connection.execute("select pg_try_advisory_lock(%s)", (_LOCK,))).fetchone()
    await connection.commit()
    return row is not None and bool(row[0])


async def _unlock(connection: Connection) -> None:
    if not connection.broken:
        await connection.rollback()
        await connection.execute("select pg_advisory_unlock(%s)", (_LOCK,))
        await connection.commit()


async def _tokens(connection: Connection) -> dict[int, str]:
    """The last snapshot of each partition that has one."""
    found = await (await connection.execute("select id, token from partitions")).fetchall()
    await connection.commit()
    return dict(found)


async def _parted(store: Store, tokens: dict[int, str]) -> set[int]:
    """The partitions of which Redis and Postgres don't remember the same last snapshot; at first all."""
    last = await snapshots.last_tokens(store)
    return {partition for partition, known in enumerate(last) if tokens.get(partition, "") not in known}


async def _save(
    store: Store, connection: Connection, partition: int, saved: str, left_out: dict[str, str]
) -> int:
    """One partition; the rows that were written. Without `saved`, the last snapshot, history was missed as well."""
    begun = await snapshots.begin(store, partition, secrets.token_hex(8), saved=saved)
    stage = await _drain(store, connection, begun, went_back=not saved)
    again = [name for name in stage.left_out if name != HISTORY and not name.startswith("bodies:")]
    await mark_records(store, partition, again)
    await connection.commit()
    await snapshots.end(store, begun)
    left_out |= stage.left_out
    return stage.rows


def _words(left_out: dict[str, str]) -> str:
    if not left_out:
        return ""
    first = "; ".join(f"{name} ({why})" for name, why in list(left_out.items())[:_TOLD])
    return f"Snapshots leave out {len(left_out)} records that can't be written: {first}. The rest is saved."


async def _mark_everything(
    store: Store, connection: Connection, partitions: set[int], parted: set[int]
) -> None:
    """Mark what Redis has and what Postgres has: what only one of them has is then put right."""
    async for _ in mark_all(store, partitions, bodies=bool(parted)):
        pass
    for kind, table in TABLES.items():
        last: int | str = "" if kind in NAMED else 0
        while True:
            found = await (
                await connection.execute(
                    f"select id, partition from {table} where id > %s order by id limit %s",  # noqa: S608
                    (last, _ROWS_A_PAGE),
                )
            ).fetchall()
            await connection.commit()
            records: dict[int, list[str]] = {}
            for name, partition in found:
                records.setdefault(partition, []).append(f"{kind}:{name}")
            for partition in records.keys() & partitions:
                await mark_records(store, partition, records[partition])
            if len(found) < _ROWS_A_PAGE:
                break
            last = found[-1][0]


async def _drain(store: Store, connection: Connection, begun: Begun, *, went_back: bool) -> Stage:
    whole_logs = went_back or begun.given_up > 0
    async with staging(connection) as stage:
        while True:
            taken = await snapshots.take(store, begun, whole_logs=whole_logs)
            for line in taken.history:
                await stage.add_line(line)
            records, own = (
                (taken.records[:-1], taken.records[-1]) if taken.complete else (taken.records, None)
            )
            for record in records:
                await stage.add_record(record)
            if own:
                break
    await merge(connection, stage, begun.partition, went_back=went_back)
    await write_partition(connection, to_row(own), begun.partition, begun.token, now_ms())
    return stage


async def _marks(store: Store) -> dict[str, str]:
    """In which form the data is before anything is read: of what is read while it is moved, the older one."""
    with store_trouble():
        return _texts(await store.redis.hmget(keys.meta(), MARKS))


def _texts(marks: Sequence[bytes | None]) -> dict[str, str]:
    return {name: value.decode() for name, value in zip(MARKS, marks, strict=True) if value is not None}


async def _save_globals(
    store: Store, connection: Connection, marks: dict[str, str], left_out: dict[str, str], *, compared: bool
) -> None:
    if left_out:
        # What could not be written is there as it was, in the form that it had.
        row = await (await connection.execute("select fields -> 'meta' from archive")).fetchone()
        known = row[0] if row and row[0] else {}
        marks = {name: known[name] for name in MARKS if name in known}
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(keys.meta())
            pipe.hgetall(keys.admins())
            for kind in SEQUENCES:
                pipe.get(keys.sequence(kind))
            meta, admins, *last = await pipe.execute()
    texts = {name.decode(): value.decode() for name, value in meta.items()}
    fields = {
        "meta": {name: text for name, text in texts.items() if name not in MARKS} | marks,
        "admins": {name.decode(): value.decode() for name, value in admins.items()},
        "sequences": {kind: int(number or 0) for kind, number in zip(SEQUENCES, last, strict=True)},
    }
    await connection.execute(
        "update archive set fields = %s::jsonb, verified_at = case when %s then now() else verified_at end",
        (to_json(fields), compared),
    )
    await connection.commit()
