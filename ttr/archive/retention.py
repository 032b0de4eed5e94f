"""What the archive forgets: history that is too old or too much, and what Redis has let expire."""

from ttr.archive.database import Database

# Whatever its age, history that Redis still keeps is what a restore gives back.
_OLD = """
delete from {table} using checks where {table}.check_id = checks.id
  and {table}.at < to_timestamp(%(before)s / 1000.0)
  and {table}.number <= {newest} - coalesce((checks.parts ->> '{table}')::bigint, 0)
"""
_MANY = """
delete from pings using checks where pings.check_id = checks.id
  and pings.number <= checks.ping_count - greatest(%(most)s, coalesce((checks.parts ->> 'pings')::bigint, 0))
"""
_NEWEST = {"pings": "checks.ping_count", "flips": "ttr_number(checks.fields ->> 'flip_number')"}
_EXPIRED = ("lanes", "deliveries")


async def trim(database: Database, *, days: int, pings: int, now: int) -> int:
    """Forget history of more than `days` and all but the newest `pings` of each check; returns the rows that went.

    Raises ArchiveUnavailable.
    """
    gone = 0
    async with database.connection() as connection:
        for table, newest in _NEWEST.items():
            cursor = await connection.execute(
                _OLD.format(table=table, newest=newest), {"before": now - days * 86_400_000}
            )
            gone += cursor.rowcount
        gone += (await connection.execute(_MANY, {"most": pings})).rowcount
        for table in _EXPIRED:
            gone += (
                await connection.execute(
                    f"delete from {table} where expires_at < to_timestamp(%s / 1000.0)",  # noqa: S608
                    (now,),
                )
            ).rowcount
    return gone
