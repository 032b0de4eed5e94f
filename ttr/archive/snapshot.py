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

from ttr.archive.database import Database, archive_trouble
from ttr.archive.encoding import pack_pairs, to_json
from ttr.archive.errors import ArchiveUnfit
from ttr.archive.staging import NAMED, TABLES, merge, staging
from ttr.now import now_ms
from ttr.store import keys, snapshots
from ttr.store.marks import mark_all, mark_records
from ttr.store.redis import Store, store_trouble
from ttr.store.snapshots import Begun, Record
from ttr.store.users import read_key_records

log = logging.getLogger(__name__)

# Session locks of Postgres: two clocks never write one partition at once. The number is ours alone.
_LOCKS = 0x7474_0000
_ROWS_A_PAGE = 5_000
SEQUENCES = ("user", "check", "channel", "status-page")


@dataclass(frozen=True, slots=True)
class Saved:
    """What a snapshot of all partitions did."""

    at: int
    """Everything that was acknowledged before this moment (ms) is in Postgres."""
    rows: int
    compared: bool
    """Whether everything was read, not only what had changed."""


async def snapshot(store: Store, database: Database, *, compare: bool = False) -> Saved | None:
    """Write what has changed into Postgres, or with `compare` everything that differs; None when somebody else does.

    Raises ArchiveUnavailable, ArchiveUnfit when this archive is not this Redis's, StoreUnavailable; then a later call
    goes on where this one was.
    """
    at, rows, compared = now_ms(), 0, compare
    with archive_trouble():
        async with database.connection() as connection:
            await belong_together(store, connection)
            for partition in range(keys.PARTITIONS):
                if not await _lock(connection, partition):
                    return None
                try:
                    written, all_of_it = await _save(store, connection, partition, compare=compare)
                finally:
                    await connection.execute("select pg_advisory_unlock(%s, %s)", (_LOCKS, partition))
                    await connection.commit()
                rows += written
                compared = compared or all_of_it
            await _save_globals(store, connection, compare=compare)
    return Saved(at, rows, compared)


async def belong_together(store: Store, connection: AsyncConnection[Any]) -> None:
    """Let the archive be this Redis's if it is nobody's. Raises ArchiveUnfit if it is another's."""
    row = await (await connection.execute("select id, (select count(*) from users) from archive")).fetchone()
    await connection.commit()
    assert row is not None  # noqa: S101
    archive, accounts = row
    with store_trouble():
        if accounts == 0:
            await store.redis.hset(keys.meta(), "archive", str(archive))
            return
        known = await store.redis.hget(keys.meta(), "archive")
    if known is None or UUID(known.decode()) != archive:
        raise ArchiveUnfit(
            f"This Postgres holds the archive of another Redis, with {accounts:,} accounts: no snapshots are taken. "
            "Let DATABASE_URL name this installation's own database, or an empty one."
        )


async def _lock(connection: AsyncConnection[Any], partition: int) -> bool:
    row = await (
        await connection.execute("select pg_try_advisory_lock(%s, %s)", (_LOCKS, partition))
    ).fetchone()
    await connection.commit()
    return row is not None and bool(row[0])


async def _save(
    store: Store, connection: AsyncConnection[Any], partition: int, *, compare: bool
) -> tuple[int, bool]:
    """One partition; rows written, and whether all of it was compared."""
    row = await (
        await connection.execute("select token from partitions where id = %s", (partition,))
    ).fetchone()
    begun = await snapshots.begin(store, partition, secrets.token_hex(8))
    parted = row is None or row[0] not in (begun.saved, begun.unfinished)
    missed = parted or begun.given_up > 0
    if parted and row is not None:
        log.warning("Partition %d: Redis or Postgres went back in time; everything is compared.", partition)
    if parted or compare:
        await _mark_everything(store, connection, partition, bodies=parted)
    rows = await _drain(store, connection, begun, whole_logs=missed)
    await connection.commit()
    await snapshots.end(store, begun)
    return rows, parted or compare


async def _mark_everything(
    store: Store, connection: AsyncConnection[Any], partition: int, *, bodies: bool
) -> None:
    """Mark what Redis has and what Postgres has: what only one of them has is then put right."""
    async for _ in mark_all(store, [partition], bodies=bodies):
        pass
    for kind, table in TABLES.items():
        last: int | str = "" if kind in NAMED else 0
        while True:
            found = await (
                await connection.execute(
                    f"select id from {table} where partition = %s and id > %s order by id limit %s",  # noqa: S608
                    (partition, last, _ROWS_A_PAGE),
                )
            ).fetchall()
            await mark_records(store, partition, [f"{kind}:{name}" for (name,) in found])
            if len(found) < _ROWS_A_PAGE:
                break
            last = found[-1][0]


async def _drain(
    store: Store, connection: AsyncConnection[Any], begun: Begun, *, whole_logs: bool
) -> int:
    lines = 0
    async with staging(connection) as stage:
        while True:
            taken = await snapshots.take(store, begun, lines, whole_logs=whole_logs)
            lines += len(taken.history)
            for line in taken.history:
                await stage.add_line(line)
            access = await _access_keys(store, taken.records)
            for record in taken.records:
                await stage.add_record(record, access.get(record.id) if record.kind == "user" else None)
            if taken.complete:
                break
    await merge(connection, begun.partition, begun.token, now_ms())
    return stage.rows - 1


async def _access_keys(store: Store, records: Sequence[Record]) -> dict[str, dict[str, Any]]:
    """The access keys of the accounts among some records, by account: they lie outside the partitions."""
    digests: dict[str, str] = {}
    for record in records:
        if record.kind == "user":
            fields = dict(zip(record.parts[0][::2], record.parts[0][1::2], strict=True))
            if b"access_key" in fields:
                digests[record.id] = fields[b"access_key"].decode()
    found = await read_key_records(store, list(digests.values()))
    return {
        user: {"access_key": pack_pairs(flat)} for user, flat in zip(digests, found, strict=True) if flat
    }


async def _save_globals(store: Store, connection: AsyncConnection[Any], *, compare: bool) -> None:
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(keys.meta())
            for kind in SEQUENCES:
                pipe.get(keys.sequence(kind))
            meta, *last = await pipe.execute()
    fields = {
        "meta": {name.decode(): value.decode() for name, value in meta.items()},
        "sequences": {kind: int(number or 0) for kind, number in zip(SEQUENCES, last, strict=True)},
    }
    await connection.execute(
        "update archive set fields = %s::jsonb, verified_at = case when %s then now() else verified_at end",
        (to_json(fields), compare),
    )
    await connection.commit()
