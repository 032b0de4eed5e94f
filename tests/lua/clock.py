"""A clock for the script tests: one look at a partition at a moment of the test's choice."""

from dataclasses import astuple
from typing import Any

from tests.lua.parts import FLAPS
from ttr.domain.flapping import FlapRules
from ttr.store import keys
from ttr.store.redis import Store
from ttr.store.users import User


async def look(
    store: Store,
    user: User,
    now: int,
    *,
    limit: int = 100,
    longest: int = 60_000,
    accepted: int | None = None,
    flap: FlapRules = FLAPS,
) -> list[Any]:
    """Run overdue.lua once; it may take `longest` ms."""
    answer: list[Any] = await store.scripts.run(
        "overdue",
        user.partition,
        [now, now if accepted is None else accepted, 2_000, limit, longest, 2_000, *astuple(flap)],
    )
    return answer


async def tick(store: Store, user: User, now: int) -> None:
    """As if a clock had looked at `now`."""
    await store.redis.hset(keys.clock(user.partition), "tick", str(now))


async def watch(store: Store, user: User, now: int, *, limit: int = 100) -> list[Any]:
    """As if a clock had looked a moment before `now`, and then looks."""
    await tick(store, user, now)
    return await look(store, user, now, limit=limit)
