"""The migration to form 2: what older versions did not write down is written, and nothing else changes."""

import pytest

from tests.everywhere import key_names
from tests.lua.parts import MINUTE, make_check, make_user
from tests.records import Records, read_records
from tests.store.form1 import KEYS, NOON, put
from ttr.domain.access_key import FIRST_NAME, kept
from ttr.store import access_keys, checks, keys
from ttr.store.errors import KeyEnded, StoreUnfit
from ttr.store.form import Form, read_form
from ttr.store.idle import find_idle
from ttr.store.migrate import migrate
from ttr.store.migrations import MIGRATIONS
from ttr.store.redis import Store, verify_data
from ttr.store.removal import read_closed
from ttr.store.users import digest, new_key

TO_TWO = [one for one in MIGRATIONS if one.form == 2]
EVERY = ("seen_at", "edited_at")


@pytest.fixture
async def old(store: Store) -> Store:
    """Redis with data of form 1."""
    await store.redis.flushall()
    await put(store)
    return store


async def to_two(store: Store) -> list[str]:
    said: list[str] = []
    await migrate(store, say=said.append, migrations=TO_TWO)
    return said


async def everything(store: Store) -> Records:
    found: Records = {}
    for partition in range(1, 4):
        found |= await read_records(store, partition)
    return found


async def test_it_is_refused_until_it_is_migrated(old: Store) -> None:
    assert await read_form(old.redis) == Form(1, 1)
    with pytest.raises(StoreUnfit, match="Run `ttr migrate`"):
        await verify_data(old)
    await to_two(old)
    await verify_data(old)
    assert await read_form(old.redis) == Form(2, 1)


@pytest.mark.parametrize(("name", "account"), [("named", 1), ("unnamed", 2)])
async def test_the_one_key_is_the_account_s_first(old: Store, name: str, account: int) -> None:
    with pytest.raises(KeyEnded):
        await access_keys.user_by_key(old, KEYS[name])
    await to_two(old)
    user = await access_keys.user_by_key(old, KEYS[name])
    assert user is not None
    ((key, use),) = await access_keys.list_keys(old, user)
    assert (user.id, key, use) == (account, user.key, None)
    assert (key.digest, key.name, key.last4) == (digest(KEYS[name]), FIRST_NAME, KEYS[name][-4:])
    assert key.created_at == NOON
    # The migration has its own copy of how a key is kept. When that changes, form 2 has become another form.
    assert await old.redis.hgetall(keys.access_keys(user.partition, user.id)) == {
        key.digest.encode(): kept(key).encode()
    }


async def test_the_key_of_an_account_that_was_being_deleted_ends_with_it(old: Store) -> None:
    await to_two(old)
    closed = await read_closed(old, 3)
    assert closed is not None
    assert [key.digest for key in closed.access_keys] == [digest(KEYS["closed"])]


async def test_a_key_whose_record_is_lost_is_its_account_s_all_the_same(old: Store) -> None:
    await old.redis.delete(keys.access_key(digest(KEYS["named"])))
    await to_two(old)
    user = await access_keys.user_by_key(old, KEYS["named"])
    assert user is not None
    assert user.id == 1


async def test_times_that_nobody_knows_begin_now(old: Store) -> None:
    said_before = await checks_of(old)
    assert [(revision, edited) for revision, edited in said_before] == [(b"2", None), (b"1", None)]
    begun = TO_TWO[0]
    assert begun.open_to == 1
    await to_two(old)
    (_, edited), (_, untouched) = await checks_of(old)
    seen = [await old.redis.hget(keys.user(number, number), "seen_at") for number in (1, 2, 3)]
    assert edited is not None
    assert edited == seen[0] == seen[1]
    assert int(edited) > NOON
    # One that was never edited is as old as it is, and a closed account is not used.
    assert untouched is None
    assert seen[2] is None
    idle = await find_idle(old, 1, before=int(edited))
    assert idle is not None
    assert [check.id for check in idle.checks] == [2]
    assert not idle.deserted


async def checks_of(store: Store) -> list[tuple[bytes | None, bytes | None]]:
    found = [await store.redis.hmget(keys.check(1, number), "revision", "edited_at") for number in (1, 2)]
    return [(revision, edited) for revision, edited in found]


async def test_nothing_else_changes_and_a_second_time_nothing_at_all(old: Store) -> None:
    before = await everything(old)
    await to_two(old)
    after = await everything(old)
    assert before.keys() == after.keys()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"user:1", "user:2", "user:3", "check:1"}
    await old.redis.hset(keys.meta(), "form", 1)
    await to_two(old)
    assert await everything(old) == after


async def test_what_it_changes_is_marked_for_the_next_snapshot(old: Store) -> None:
    for partition in range(1, 4):
        await old.redis.delete(keys.dirty(partition))
    await to_two(old)
    marked = {name for partition in range(1, 4) for name in await old.redis.hkeys(keys.dirty(partition))}
    assert marked == {b"user:1", b"user:2", b"user:3", b"check:1"}


async def test_accounts_of_today_are_left_alone(store: Store) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    await checks.update_check(store, user, str(check.id), lambda was: was, now=NOON + MINUTE)
    stray = new_key()
    await access_keys.enter(store, user.id, digest(stray))
    before = await read_records(store, user.partition)
    await store.redis.hset(keys.meta(), mapping={"form": 1, "open_to": 1})
    await to_two(store)
    assert await read_records(store, user.partition) == before
    assert len(await access_keys.list_keys(store, user)) == 1


async def test_an_account_of_many_checks_is_moved_to_its_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ttr.store.migrations import r0002_keys_and_times

    monkeypatch.setattr(r0002_keys_and_times, "_CHECKS_A_CALL", 3)
    user = await make_user(store)
    numbers = [(await make_check(store, user)).id for _ in range(7)]
    for number in numbers:
        await store.redis.hset(keys.check(user.partition, number), "revision", 2)
    await store.redis.hset(keys.meta(), mapping={"form": 1, "open_to": 1})
    await to_two(store)
    assert all(
        [await store.redis.hexists(keys.check(user.partition, number), "edited_at") for number in numbers]
    )
    assert await key_names(store, "ttr:migrating*") == []
