"""The scripts of chores answer the same when run twice, as after a lost connection, and refuse other tokens."""

import json

from tests.lua.parts import NOON, dump
from ttr.store import keys
from ttr.store.redis import Store
from ttr.store.users import User

LEASE = NOON + 30_000


async def begin(store: Store, user: User, token: str) -> int:
    """Run begin_chore.lua."""
    return int(await store.scripts.run("begin_chore", user.partition, [user.id, "change", token, LEASE]))


async def note(store: Store, user: User, token: str, *entries: str, lease: int = LEASE) -> int:
    """Run note_chore.lua."""
    args: list[str | int | bytes] = [user.id, "change", token, lease, *entries]
    return int(await store.scripts.run("note_chore", user.partition, args))


async def take(store: Store, user: User, token: str, *, now: int, before: str = "") -> int:
    """Run take_chore.lua."""
    args: list[str | int | bytes] = [user.id, "change", token, now + 30_000, now, before]
    return int(await store.scripts.run("take_chore", user.partition, args))


async def end(store: Store, user: User, token: str) -> int:
    """Run end_chore.lua."""
    return int(await store.scripts.run("end_chore", user.partition, [user.id, "change", token]))


async def journal(store: Store, user: User) -> list[bytes]:
    """The token, then the entries."""
    found: list[bytes] = await store.redis.lrange(keys.user_chore(user.partition, user.id), 0, -1)
    return found


async def lease_of(store: Store, user: User) -> float | None:
    """When the chore's lease ends."""
    found: float | None = await store.redis.zscore(keys.chores(user.partition), f"{user.id}:change")
    return found


async def test_a_repeated_beginning_is_one(store: Store, user: User) -> None:
    assert [await begin(store, user, "a"), await begin(store, user, "a"), await begin(store, user, "b")] == [
        1,
        1,
        0,
    ]
    assert await journal(store, user) == [b"a"]
    assert await lease_of(store, user) == LEASE


async def test_entries_stand_in_order_as_they_were_given(store: Store, user: User) -> None:
    await begin(store, user, "a")
    entries = [json.dumps({"name": 'é "\\ \n'}), "{}"]
    assert await note(store, user, "a", *entries, lease=LEASE + 5) == 1
    assert await note(store, user, "a", lease=LEASE + 9) == 1
    assert [entry.decode() for entry in await journal(store, user)] == ["a", *entries]
    assert await lease_of(store, user) == LEASE + 9


async def test_a_wrong_token_changes_nothing(store: Store, user: User) -> None:
    await begin(store, user, "a")
    before = await dump(store)
    assert await note(store, user, "b", "x") == 0
    assert await end(store, user, "b") == 0
    assert await take(store, user, "b", now=LEASE - 1) == 0
    assert await take(store, user, "b", now=LEASE * 2, before="c") == 0
    assert await dump(store) == before


async def test_nothing_is_taken_where_nothing_is_open(store: Store, user: User) -> None:
    before = await dump(store)
    assert await take(store, user, "b", now=LEASE) == 0
    assert await take(store, user, "b", now=LEASE, before="a") == 0
    assert await note(store, user, "a", "x") == 0
    assert await end(store, user, "a") == 0
    assert await dump(store) == before


async def test_a_chore_is_taken_with_its_journal_when_its_lease_is_over_or_by_its_owner(
    store: Store, user: User
) -> None:
    await begin(store, user, "a")
    await note(store, user, "a", "x")
    assert await take(store, user, "b", now=NOON, before="a") == 1
    assert await take(store, user, "b", now=NOON, before="a") == 1  # the answer was lost
    assert await journal(store, user) == [b"b", b"x"]
    assert await take(store, user, "c", now=LEASE) == 1
    assert await take(store, user, "d", now=LEASE) == 0
    assert await lease_of(store, user) == LEASE + 30_000
    assert [await end(store, user, "b"), await end(store, user, "c"), await end(store, user, "c")] == [
        0,
        1,
        0,
    ]
    assert await journal(store, user) == []
    assert await lease_of(store, user) is None
