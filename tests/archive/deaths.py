"""Ways to die for what keeps the archive: at a call of a function, or by the end of its connections."""

from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest


class Died(BaseException):
    """The process ends here."""


def failing(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, *, after: int = 0, behind: bool = False
) -> None:
    """Let a function die at its call number `after`, before or behind its work; later calls work again."""
    real: Callable[..., Awaitable[Any]] = getattr(owner, name)
    calls = 0

    async def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls - 1 == after:
            if behind:
                await real(*args, **kwargs)
            raise Died
        return await real(*args, **kwargs)

    monkeypatch.setattr(owner, name, dying)


def cut(url: str) -> None:
    """End every other connection to a database, as a restart of Postgres would."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
