"""How a snapshot's rows get into the tables: COPY into a staging table, then one statement a table."""

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

from psycopg import AsyncConnection, AsyncCopy, DataError, IntegrityError
from psycopg.errors import ProgramLimitExceeded

from ttr.archive.database import refusal
from ttr.archive.rows import Row, to_row
from ttr.store.flips import unpack_flip
from ttr.store.ping_log import head_of
from ttr.store.snapshots import Record

TABLES = {
    "check": "checks",
    "user": "users",
    "channel": "channels",
    "status-page": "status_pages",
    "lane": "lanes",
    "delivery": "deliveries",
    "outbox": "outbox",
}
"""The table of each kind of record."""
NAMED = ("lane", "delivery", "outbox")
"""Kinds whose ids are text."""

# Binary, so that nothing has to be escaped; JSON goes as text and is read once, by the merging statement.
_TYPES = ("int8", "text", "text", "int8", "int8", "text", "text", "bytea")
_CREATE = """
create temp table if not exists stage (
  seq bigint, kind text, id text, number bigint, at bigint, fields text, parts text, data bytea
) on commit delete rows
"""
# Of some 15 us, checks of 50: the clock has deadlines to meet in between.
_ROWS_A_TURN = 50
# Refused in one partition, of one kind.
_REFUSED_MOST = 5
_COPY = "copy stage from stdin (format binary)"

# Of a record that was read twice, the last reading counts.
_RECORDS = """
insert into {table} (id, partition, fields, parts)
  select id::{type}, %(partition)s, fields::jsonb, parts::jsonb from (
    select distinct on (id) id, fields, parts from stage
    where kind = %(kind)s and (%(only)s::text is null or id = %(only)s) order by id, seq desc
  ) as read where fields is not null
on conflict (id) do update set partition = excluded.partition, fields = excluded.fields, parts = excluded.parts
  where ({table}.fields, {table}.parts) is distinct from (excluded.fields, excluded.parts)
"""
# A Redis that went back in time may have given the number out again, in another partition.
_GONE = """
delete from {table} using (
  select distinct on (id) id::{type} as id, fields from stage where kind = %(kind)s order by id, seq desc
) as read where {table}.id = read.id and read.fields is null and {table}.partition = %(partition)s
"""
# A Redis that lost its last second gives numbers out again: what it says now is what counts. While snapshots break off,
# a line may arrive behind the end of its check: nothing is kept of who is gone.
_PINGS = """
insert into pings (check_id, number, at, kind, duration_ms, entry)
  select distinct on (id, number) id::bigint, number, to_timestamp(at / 1000.0), fields, parts::bigint, data
  from stage where kind = 'p' and exists (select from checks where checks.id = stage.id::bigint)
  order by id, number, seq desc
on conflict (check_id, number) do update
  set at = excluded.at, kind = excluded.kind, duration_ms = excluded.duration_ms, entry = excluded.entry
  where pings.entry <> excluded.entry
"""
_FLIPS = """
insert into flips (check_id, number, at, "from", "to", entry)
  select distinct on (id, number) id::bigint, number, to_timestamp(at / 1000.0), fields, parts, data
  from stage where kind = 'f' and exists (select from checks where checks.id = stage.id::bigint)
  order by id, number, seq desc
on conflict (check_id, number) do update
  set at = excluded.at, "from" = excluded."from", "to" = excluded."to", entry = excluded.entry
  where flips.entry <> excluded.entry
"""
_BODIES = """
insert into bodies (check_id, number, body)
  select distinct on (id, number) id::bigint, number, data
  from stage where kind = 'b' and exists (select from checks where checks.id = stage.id::bigint)
  order by id, number, seq desc
on conflict (check_id, number) do update set body = excluded.body where bodies.body <> excluded.body
"""
HISTORY = "history"
"""The name of a line among what is left out."""
_HISTORY = {"p": _PINGS, "f": _FLIPS, "b": _BODIES}
# Of the checks just read: what they don't keep any more.
_TRIM = """
delete from bodies using stage, checks where stage.kind = 'check' and checks.id = stage.id::bigint
  and bodies.check_id = checks.id
  and (coalesce((checks.parts ->> 'bodies_from')::bigint, 0) = 0
       or bodies.number < (checks.parts ->> 'bodies_from')::bigint or bodies.number > checks.ping_count)
"""
# And what a Redis told that went back in time.
_UNTOLD = (
    """
delete from pings using stage, checks where stage.kind = 'check' and checks.id = stage.id::bigint
  and pings.check_id = checks.id and pings.number > checks.ping_count
""",
    """
delete from flips using stage, checks where stage.kind = 'check' and checks.id = stage.id::bigint
  and flips.check_id = checks.id and flips.number > coalesce(ttr_number(checks.fields ->> 'flip_number'), 0)
""",
)
_OF_GONE_CHECKS = """
delete from {table} using stage where stage.kind = 'check' and stage.fields is null
  and {table}.check_id = stage.id::bigint and not exists (select from checks where checks.id = {table}.check_id)
"""
_PARTITION = """
insert into partitions (id, token, saved_at, fields, parts)
  values (%(partition)s, %(token)s, to_timestamp(%(now)s / 1000.0), %(fields)s::jsonb, %(parts)s::jsonb)
on conflict (id) do update set token = excluded.token, saved_at = excluded.saved_at, fields = excluded.fields,
  parts = excluded.parts
"""


class Stage:
    """The staging table, filled by one COPY that begins with the first row."""

    def __init__(self, connection: AsyncConnection[Any], until: AsyncExitStack) -> None:
        self._connection = connection
        self._until = until
        self._copy: AsyncCopy | None = None
        self.rows = 0
        self.kinds: set[str] = set()
        """Of the rows: kinds of records, and p, f and b for pings, flips and bodies."""
        self.gone: set[str] = set()
        """Kinds of records of which one is gone."""
        self.left_out: dict[str, str] = {}
        """Records of which no row can be made, or that Postgres refuses, and why; they keep nobody else's out."""

    async def add_record(self, record: Record) -> None:
        """A record, as it was read last; with a check's log what it keeps, if it was read as well."""
        with self._leaving_out(f"{record.kind}:{record.id}"):
            await self._add_record(record)

    async def _add_record(self, record: Record) -> None:
        if record.kind == "bodies":
            for body in record.parts[0]:
                number = int.from_bytes(body[:4], "big")
                await self._add("b", record.id, number, None, None, None, body[4:])
            return
        row = to_row(record)
        if row.fields is None:
            self.gone.add(row.kind)
        await self._add(row.kind, row.id, None, None, row.fields, row.parts, None)
        if record.kind == "check" and row.fields is not None:
            for line in _kept_logs(record):
                await self._add_line(line)

    async def add_line(self, line: bytes) -> None:
        """A line of history."""
        with self._leaving_out(HISTORY):
            await self._add_line(line)

    async def _add_line(self, line: bytes) -> None:
        kind, (check, _, entry) = line[:1], line[1:].partition(b":")
        if kind == b"p":
            number, duration_ms, at, what = head_of(entry)
            lasted = None if duration_ms is None else str(duration_ms)
            await self._add("p", check.decode(), number, at, what, lasted, entry)
        else:
            text, _, entry = entry.partition(b":")
            flip = unpack_flip(entry, int(text))
            await self._add("f", check.decode(), flip.number, flip.at, flip.old, flip.new, entry)

    @contextmanager
    def _leaving_out(self, name: str) -> Iterator[None]:
        """For bytes that nothing of ours has written: one row that can't be made must not end all snapshots."""
        try:
            yield
        except (ValueError, LookupError, struct.error) as error:
            self.left_out[name] = type(error).__name__

    async def _add(self, kind: str, name: str, *values: Any) -> None:
        if any(isinstance(value, str) and "\0" in value for value in values):
            raise ValueError("Postgres takes no NUL in a text")
        if self._copy is None:
            await self._connection.execute(_CREATE)
            self._copy = await self._until.enter_async_context(self._connection.cursor().copy(_COPY))
            self._copy.set_types(_TYPES)
        self.rows += 1
        self.kinds.add(kind)
        if self.rows % _ROWS_A_TURN == 0:
            await asyncio.sleep(0)
        await self._copy.write_row((self.rows, kind, name, *values))


@asynccontextmanager
async def staging(connection: AsyncConnection[Any]) -> AsyncIterator[Stage]:
    """An empty staging table of this transaction; filled when this ends."""
    async with AsyncExitStack() as until:
        yield Stage(connection, until)


async def merge(connection: AsyncConnection[Any], stage: Stage, partition: int, *, went_back: bool) -> None:
    """Put everything that was staged of a partition into the tables; the caller commits. `went_back`: Redis may have
    forgotten what it told.
    """
    if not stage.rows:
        return
    await connection.execute("analyze stage")
    for kind, table in TABLES.items():
        names = {"table": table, "type": "text" if kind in NAMED else "bigint"}
        values = {"kind": kind, "partition": partition}
        if kind in stage.gone:
            await connection.execute(_GONE.format(**names), values)
        if kind in stage.kinds:
            await _put_records(connection, stage, _RECORDS.format(**names), values)
    for kind, sql in _HISTORY.items():
        if kind in stage.kinds:
            await connection.execute(sql)
    if "check" in stage.gone:
        for table in ("pings", "flips", "bodies"):
            await connection.execute(_OF_GONE_CHECKS.format(table=table))
    if "check" in stage.kinds:
        for sql in (_TRIM, *_UNTOLD) if went_back else (_TRIM,):
            await connection.execute(sql)


async def _put_records(
    connection: AsyncConnection[Any], stage: Stage, sql: str, values: dict[str, Any]
) -> None:
    """Put all records of a kind, or all but a few that Postgres refuses. Raises what it says when they are more: that
    is not the records' fault.
    """
    try:
        async with connection.transaction():
            await connection.execute(sql, {**values, "only": None})
    except (DataError, IntegrityError, ProgramLimitExceeded):
        found = await connection.execute("select distinct id from stage where kind = %(kind)s", values)
        refused = 0
        for (name,) in await found.fetchall():
            try:
                async with connection.transaction():
                    await connection.execute(sql, {**values, "only": name})
            except (DataError, IntegrityError, ProgramLimitExceeded) as error:
                refused += 1
                if refused > _REFUSED_MOST:
                    raise
                stage.left_out[f"{values['kind']}:{name}"] = refusal(error)


async def write_partition(
    connection: AsyncConnection[Any], row: Row, partition: int, token: str, now: int
) -> None:
    """Write a partition's own row, which says what snapshot this is."""
    values = {"partition": partition, "token": token, "now": now, "fields": row.fields, "parts": row.parts}
    await connection.execute(_PARTITION, values)


def _kept_logs(record: Record) -> Iterator[bytes]:
    """A check's own pings and changes as lines of history, oldest first."""
    flat, pings, flips = record.parts[0], record.parts[-2], record.parts[-1]
    check = record.id.encode()
    for entry in reversed(pings):
        yield b"p%s:%s" % (check, entry)
    newest = _flip_number(flat, len(flips)) if flips else 0
    for i, entry in enumerate(flips):
        yield b"f%s:%d:%s" % (check, newest - i, entry)


def _flip_number(flat: Sequence[bytes], kept: int) -> int:
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    return max(int(fields.get(b"flip_number", b"0")), kept)
