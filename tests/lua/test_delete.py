"""delete_check.lua: nothing of a check is left behind, and nothing of the others is missing."""

from tests.lua.parts import (
    FLAPS,
    MINUTE,
    NOON,
    dump,
    make_channel,
    make_check,
    make_user,
    names,
    outbox,
    ping,
)
from ttr.store import channels, checks, keys
from ttr.store.deadlines import sweep
from ttr.store.redis import Store
from ttr.store.users import User


async def live(store: Store, user: User, number: int) -> int:
    """A check that has left a trace in every kind of key."""
    check = await make_check(store, user, slug=f"s{number}", tags=("db", f"t{number}"))
    await make_channel(store, user, own_check=check.id)
    (shared,) = await channels.default_channels(store, user)
    assert shared in check.channels
    await ping(store, user, check.id, "start", request="1")
    await ping(store, user, check.id, now=NOON + 1, request="2", body=b"body")
    await checks.pause_check(store, user, str(check.id), now=NOON + 2)
    await checks.resume_check(store, user, str(check.id), now=NOON + 3)
    return check.id


async def test_no_key_and_no_mention_of_the_check_is_left(store: Store, user: User) -> None:
    await make_channel(store, user, default=True)
    kept = await live(store, user, 1)
    keys_before = await names(store)
    before = await dump(store)
    gone = await live(store, user, 2)
    assert len(await names(store)) > len(keys_before)
    await checks.delete_check(store, user, str(gone))
    assert await names(store) == keys_before
    after = await dump(store)
    moved = {name for name in before if before[name] != after[name]}
    # The account's counters, the counters of numbers given out, and the marks by which a snapshot hears of the
    # deletion; nothing else has changed.
    assert moved == {
        keys.dirty(user.partition).encode(),
        keys.user(user.partition, user.id).encode(),
        keys.sequence("check").encode(),
        keys.sequence("channel").encode(),
    }
    assert (await checks.get_check(store, user, str(kept))).id == kept
    assert await store.redis.hget(keys.user(user.partition, user.id), "body_bytes") == b"4"


async def test_a_check_that_is_down_leaves_every_index(store: Store, user: User) -> None:
    empty = await names(store)
    check = await make_check(store, user, remind_every_minutes=5)
    await ping(store, user, check.id, "fail", request="1", reason="fail")
    assert await store.redis.zcard(keys.by_status(user.partition, user.id)) == 1
    assert await store.redis.zcard(keys.reminders(user.partition)) == 1
    assert len(await outbox(store, user.partition)) == 1
    await store.redis.zadd(keys.flapping(user.partition), {str(check.id): NOON})
    await store.redis.lpush(keys.check_deliveries(user.partition, check.id), "7-1-1-c2")
    await checks.delete_check(store, user, str(check.id))
    # What was to be told is still told.
    left = {keys.outbox(user.partition).encode(), keys.sequence("check").encode()}
    assert await names(store) == empty | left


async def test_the_script_refuses_a_check_that_has_channels_of_its_own(store: Store, user: User) -> None:
    check = await make_check(store, user)
    own = await make_channel(store, user, own_check=check.id)
    before = await dump(store)
    assert await store.scripts.run("delete_check", user.partition, [user.id, check.id]) == b"own"
    assert await dump(store) == before
    # One whose hash was lost keeps nobody from deleting its check.
    await store.redis.delete(keys.channel(user.partition, own.id))
    await checks.delete_check(store, user, str(check.id))
    assert await store.redis.exists(keys.check(user.partition, check.id)) == 0


async def test_a_check_without_bodies_can_be_deleted(store: Store, user: User) -> None:
    check = await make_check(store, user)
    await checks.delete_check(store, user, check.uuid)
    assert await store.redis.hget(keys.user(user.partition, user.id), "body_bytes") == b"0"


async def test_a_second_delete_finds_nothing_and_writes_nothing(store: Store, user: User) -> None:
    check = await make_check(store, user)
    assert await store.scripts.run("delete_check", user.partition, [user.id, check.id]) == check.uuid.encode()
    before = await dump(store)
    assert await store.scripts.run("delete_check", user.partition, [user.id, check.id]) == b""
    assert await dump(store) == before


async def test_another_accounts_check_is_not_deleted(store: Store, user: User) -> None:
    check = await make_check(store, user)
    while (other := await make_user(store)).partition != user.partition:
        pass
    before = await dump(store)
    assert await store.scripts.run("delete_check", user.partition, [other.id, check.id]) == b""
    assert await dump(store) == before


async def test_a_deleted_check_takes_no_pings_and_is_never_overdue(store: Store, user: User) -> None:
    check = await make_check(store, user, slug="one")
    await sweep(store, user.partition, now=NOON, pings_accepted=NOON, flap=FLAPS)
    await checks.delete_check(store, user, "one")
    before = await dump(store)
    assert await ping(store, user, check.id) == [b"unknown"]
    assert await ping(store, user, "", slug="one") == [b"unknown"]
    assert await dump(store) == before
    await store.redis.hset(keys.clock(user.partition), "tick", str(NOON + 9 * MINUTE))
    swept = await sweep(
        store, user.partition, now=NOON + 9 * MINUTE, pings_accepted=NOON + 9 * MINUTE, flap=FLAPS
    )
    assert (swept.changed, swept.next_look) == (0, None)
