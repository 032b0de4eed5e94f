"""What Postgres holds, as a test asks for it."""

from typing import Any, LiteralString

from psycopg import sql

from ttr.archive.database import Database


async def rows(
    database: Database, query: LiteralString, values: tuple[Any, ...] = ()
) -> list[tuple[Any, ...]]:
    """The answer to a query."""
    async with database.connection() as connection:
        return await (await connection.execute(query, values)).fetchall()


async def kept_numbers(database: Database, table: str, check_id: int) -> list[int]:
    """The numbers of a check's rows in a table of history."""
    query = sql.SQL("select number from {} where check_id = %s order by number").format(sql.Identifier(table))
    async with database.connection() as connection:
        return [number for (number,) in await (await connection.execute(query, (check_id,))).fetchall()]
