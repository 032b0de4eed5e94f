"""Tags that a form offers: the account's own, the most used first, and never more than asked for."""

from tests.conftest import MASTER_KEY
from ttr.domain.check_input import parse_check_fields
from ttr.now import now_ms
from ttr.store.checks import create_check, delete_check
from ttr.store.redis import Store
from ttr.store.tags import common_tags
from ttr.store.users import User, create_user


async def make(store: Store, user: User, *tags: str) -> str:
    now = now_ms()
    fields = {"name": "x", "interval_seconds": 60, "grace_seconds": 60, "tags": list(tags)}
    check = await create_check(store, user, parse_check_fields(fields, now=now), now=now, most=1_000)
    return str(check.id)


async def test_the_most_used_come_first(store: Store) -> None:
    user, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    other, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    assert await common_tags(store, user, 10) == []
    await make(store, user, "once", "Again")
    last = await make(store, user, "twice", "again")
    await make(store, user, "twice")
    await make(store, other, "theirs")
    assert await common_tags(store, user, 10) == ["twice", "Again", "again", "once"]
    assert await common_tags(store, user, 1) == ["twice"]
    await delete_check(store, user, last)
    assert await common_tags(store, user, 10) == ["Again", "once", "twice"]


async def test_of_many_only_so_many_are_read(store: Store) -> None:
    user, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    for first in range(0, 240, 20):
        await make(store, user, *(f"tag-{n}" for n in range(first, first + 20)))
    assert len(await common_tags(store, user, 1_000)) == 200
