"""An account that is deleted: from the first step on nobody can use it, after the last nothing of it is left."""

import asyncio
import inspect
import json
from contextlib import suppress
from typing import Any

import pytest

from tests.conftest import MASTER_KEY
from tests.everywhere import key_names
from tests.lua.parts import FLAPS, MINUTE, NOON, make_channel, make_check, make_user, ping
from tests.records import is_bookkeeping
from ttr import accounts
from ttr.chores import finish_lapsed
from ttr.domain.alert import Event
from ttr.domain.status_page import Entry, StatusPageSettings
from ttr.domain.telegram_login import TelegramAccount
from ttr.store import (
    access_keys,
    account_slugs,
    channels,
    checks,
    chores,
    deadlines,
    deliveries,
    keys,
    outbox,
    removal,
)
from ttr.store.access_keys import user_by_key
from ttr.store.errors import (
    Busy,
    ChoreLost,
    KeyEnded,
    NotFound,
    QuotaReached,
    SlugTaken,
    StoreUnavailable,
    UnknownChannel,
)
from ttr.store.redis import Store
from ttr.store.sessions import open_session, session_user
from ttr.store.status_pages import create_status_page
from ttr.store.users import User, create_user, digest, user_by_id

LATER = NOON + 10 * MINUTE


async def contents(store: Store) -> dict[str, Any]:
    """Every key and what it holds, of all types."""
    found: dict[str, Any] = {}
    for key in sorted(await key_names(store, "*")):
        match await store.redis.type(key):
            case b"string":
                value: Any = await store.redis.get(key)
            case b"hash":
                value = await store.redis.hgetall(key)
            case b"list":
                value = await store.redis.lrange(key, 0, -1)
            case b"set":
                value = await store.redis.smembers(key)
            case b"zset":
                value = await store.redis.zrange(key, 0, -1, withscores=True)
            case b"stream":
                value = await store.redis.xrange(key)
            case kind:
                raise AssertionError(f"a type we don't know: {kind!r}")
        if value:
            found[key.decode()] = value
    return found


async def dispatch(store: Store, user: User, now: int) -> None:
    """Turn the account's alerts into deliveries."""
    for entry in await outbox.read_outbox(store, user.partition, 100):
        if entry.user_id == user.id:
            await outbox.dispatch_entry(store, user.partition, entry, now, {"webhook": 5})


async def send(store: Store, partition: int, now: int) -> int:
    """Send everything that is due; how many messages that were."""
    sent = 0
    for lane in await deliveries.hand_out(store, partition, now=now, most=100):
        while claimed := await deliveries.claim(store, lane, now):
            sent += 1
            done = deliveries.Attempt(now, "delivered", "", 200, 1, "", None)
            said = claimed.notification
            if not await deliveries.report(store, lane, said.id, said.channel_id, done):
                break
    return sent


async def live(store: Store, user: User, session: bool = True) -> None:
    """Fill every kind of key that an account can have: a check that is down and is reminded of, one that flaps, one
    that runs, messages that wait, that failed and that were delivered."""
    shared = await make_channel(store, user, default=True)
    ((key, _),) = await access_keys.list_keys(store, user)
    await access_keys.note_use(store, user, key, access_keys.Use(NOON, "203.0.113.5"))
    down = await make_check(store, user, slug="down", tags=("db", "web"), remind_every_minutes=5)
    own = await make_channel(store, user, own_check=down.id, address="a1", destination="webhook-1")
    await ping(store, user, down.id, "fail", now=NOON, request="1", reason="fail", body=b"it failed")
    await dispatch(store, user, NOON)
    await send(store, user.partition, NOON)
    flaps = await make_check(store, user, slug="flaps", tags=("web",))
    for number in range(8):
        kind = "success" if number % 2 else "fail"
        await ping(store, user, flaps.id, kind, now=NOON + number, request=f"2{number}", reason="fail")
    runs = await make_check(store, user, slug="runs", max_runtime_seconds=60)
    await ping(
        store, user, runs.id, "start", now=NOON, request="3", rid="0b7c9d5e-1f2a-4b3c-8d4e-5f60718293a4"
    )
    late = await make_check(store, user)
    await ping(store, user, late.id, "success", now=NOON, request="4")
    await dispatch(store, user, NOON)
    # What a channel that led elsewhere before still has to send.
    draft = channels.Draft("webhook", "", {}, "sealed", frozenset(), "webhook-2", "a2", True, True)
    assert await channels.update_channel(store, user, shared, draft, now=NOON)
    await ping(store, user, down.id, "success", now=NOON + MINUTE, request="5")
    await ping(store, user, down.id, "fail", now=NOON + MINUTE, request="6", reason="fail")
    test = Event(f"t{own.id}-1", "test", NOON, 0, "", channel_name="Webhook", queued=True)
    await outbox.put_test(store, user, own.id, test)
    await accounts.link_telegram(store, user, TelegramAccount(5_000_000_000 + user.id, "Ada", ""), now=NOON)
    settings = StatusPageSettings("Jobs", "jobs", entries=(Entry("check", str(down.id)), Entry("tag", "web")))
    await create_status_page(store, user, settings, now=NOON, most=1)
    if session:
        await open_session(store, user, NOON)


async def neighbours(store: Store, swept: bool = False) -> tuple[User, dict[str, Any], User, str]:
    """An account that stays, all of Redis before the other one came, and that one, in the same partition."""
    staying = await make_user(store)
    await live(store, staying)
    for lane in await deliveries.hand_out(store, staying.partition, now=NOON, most=100):
        await deliveries.defer(store, lane, LATER + 60 * MINUTE)
    if swept:
        await sweep(store, staying.partition)
    before = await contents(store)
    await store.redis.incrby(keys.sequence("user"), keys.PARTITIONS - 1)
    leaving, key = await create_user(store, now=NOON, master=MASTER_KEY)
    assert leaving.partition == staying.partition
    return staying, before, leaving, key


def besides(found: dict[str, Any], key: str = "") -> dict[str, Any]:
    """Without counters, without the sign that a key is not used any more, and without the marks by which a snapshot
    hears of the deletion."""
    out = {keys.sequence(kind) for kind in ("user", "check", "channel", "status-page")}
    if key:
        sign = found[keys.access_key(digest(key))]
        assert (sign[b"ended"], sign[b"last4"]) == (b"deleted", key[-4:].encode())
        out |= {keys.access_key(digest(key)), keys.ended_keys()}
    return {
        name: value for name, value in found.items() if name not in out and not is_bookkeeping(name.encode())
    }


async def test_nothing_is_left_of_a_deleted_account_but_the_sign_on_its_key(store: Store) -> None:
    staying, before, leaving, key = await neighbours(store)
    await live(store, leaving)
    await account_slugs.rename(store, leaving, user_slug="second", public_slug="two", now=NOON)
    await account_slugs.rename(store, leaving, user_slug="third", public_slug=None, now=NOON)
    filled = await contents(store)
    of_account = [name for name in filled if f"user:{leaving.id}:" in name]
    assert len(of_account) > 15

    leaving = await renewed(store, leaving)
    await accounts.delete_account(store, leaving, now=LATER)

    assert besides(await contents(store), key) == besides(before)
    assert await store.redis.ttl(keys.access_key(digest(key))) > 86_000
    assert await user_by_id(store, staying.id) is not None


async def test_every_kind_of_key_that_an_account_has_is_filled_and_removed(store: Store) -> None:
    user = await make_user(store)
    await live(store, user)
    await account_slugs.rename(store, user, user_slug="second", public_slug=None, now=NOON)
    filled = await contents(store)
    for function in removal.OF_ACCOUNT:
        assert function(user.partition, user.id) in filled, function.__name__
    of_accounts = {
        name
        for name, function in vars(keys).items()
        if inspect.isfunction(function)
        and list(inspect.signature(function).parameters) == ["partition", "user_id"]
    }
    # The hash goes last, and the chore is the deletion itself.
    assert of_accounts - {"user", "user_chore"} == {function.__name__ for function in removal.OF_ACCOUNT}


async def renewed(store: Store, user: User) -> User:
    found = await user_by_id(store, user.id)
    assert found is not None
    return found


async def test_a_closed_account_is_nobodys_though_everything_of_it_is_still_there(store: Store) -> None:
    user, key = await create_user(store, now=NOON, master=MASTER_KEY)
    session = await open_session(store, user, NOON)
    await live(store, user)
    await account_slugs.rename(store, user, user_slug="second", public_slug=None, now=NOON)
    user = await renewed(store, user)
    check = await checks.get_check(store, user, "down")
    (lane, *_) = await deliveries.hand_out(store, user.partition, now=NOON + MINUTE, most=1)

    chore = await removal.close(store, user.id, now=LATER)

    assert chore is not None
    assert await user_by_id(store, user.id) is None
    assert await session_user(store, session) is None
    with pytest.raises(KeyEnded, match="deleted"):
        await user_by_key(store, key)
    for user_slug in ("second", user.user_slug, ""):
        assert await ping(store, user, check.id, user_slug=user_slug, now=LATER, request="x") == [b"unknown"]
    with pytest.raises(NotFound):
        await make_check(store, user)
    with pytest.raises(NotFound):
        await make_channel(store, user)
    with pytest.raises(NotFound):
        await checks.pause_check(store, user, "down", now=LATER)
    assert await deliveries.claim(store, lane, LATER) is None
    waiting = len(await outbox.read_outbox(store, user.partition, 100))
    assert waiting
    await dispatch(store, user, LATER)
    assert await send(store, user.partition, LATER + MINUTE) == 0
    assert await outbox.read_outbox(store, user.partition, 100) == []


async def test_the_clock_tells_nobody_of_the_checks_of_a_closed_account(store: Store) -> None:
    user = await make_user(store)
    await live(store, user)
    await dispatch(store, user, NOON)
    await removal.close(store, user.id, now=LATER)
    for turn in range(3):
        now = LATER + turn * 10 * MINUTE
        await store.redis.hset(keys.clock(user.partition), "tick", str(now))
        swept = await deadlines.sweep(store, user.partition, now=now, pings_accepted=now, flap=FLAPS)
        assert swept.unarmed == ()
    assert await outbox.read_outbox(store, user.partition, 100) == []
    for shared in (keys.deadlines, keys.reminders, keys.flapping):
        assert await store.redis.zcard(shared(user.partition)) == 0


async def test_a_message_that_is_being_sent_is_not_written_down_after_the_deletion(store: Store) -> None:
    _, before, leaving, key = await neighbours(store)
    await live(store, leaving)
    await dispatch(store, leaving, NOON + 2 * MINUTE)
    held = await deliveries.hand_out(store, leaving.partition, now=NOON + 2 * MINUTE, most=100)
    mine = [lane for lane in held if lane.user_id == leaving.id]
    claimed = [
        (lane, one) for lane in mine if (one := await deliveries.claim(store, lane, NOON + 2 * MINUTE))
    ]
    assert claimed

    await accounts.delete_account(store, leaving, now=LATER)

    for lane, one in claimed:
        for outcome in ("delivered", "failed"):
            done = deliveries.Attempt(LATER, outcome, "gone", 410, 1, "", None)
            said = one.notification
            assert not await deliveries.report(store, lane, said.id, said.channel_id, done, gone=True)
        await deliveries.renew(store, lane.partition, [lane], LATER)
        await deliveries.defer(store, lane, LATER)
    left = {name for name in besides(await contents(store), key) if name not in besides(before)}
    assert not [name for name in left if f"lane:{leaving.id}-" in name or f"user:{leaving.id}" in name]


async def test_a_deletion_that_died_at_any_step_is_finished_by_doing_it_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [
        "close_sessions",
        "remove_outbox",
        "remove_deliveries",
        "remove_checks",
        "remove_channels",
        "remove_account",
    ]
    for step in steps:
        await store.redis.flushall()
        _, before, leaving, key = await neighbours(store)
        await live(store, leaving)

        async def dies(*_: object) -> None:
            raise StoreUnavailable("away")

        with monkeypatch.context() as patch:
            patch.setattr(accounts, step, dies)
            await accounts.delete_account(store, leaving, now=LATER)
        with pytest.raises(KeyEnded, match="deleted"):
            await user_by_key(store, key)
        assert await finish_lapsed(store, LATER) == 0
        assert await finish_lapsed(store, LATER + chores.LEASE_MS + 1) == 1
        assert await finish_lapsed(store, LATER + 10 * chores.LEASE_MS) == 0
        await accounts.finish_deletion(store, leaving.id)
        assert besides(await contents(store), key) == besides(before), step


async def test_two_who_delete_at_once_leave_nothing_either(store: Store) -> None:
    _, before, leaving, key = await neighbours(store)
    await live(store, leaving)
    await asyncio.gather(
        accounts.delete_account(store, leaving, now=LATER),
        accounts.delete_account(store, leaving, now=LATER),
        accounts.finish_deletion(store, leaving.id),
    )
    await accounts.finish_deletion(store, leaving.id)
    assert besides(await contents(store), key) == besides(before)


async def test_an_account_that_is_not_closed_is_never_removed(store: Store) -> None:
    user = await make_user(store)
    await live(store, user)
    before = await contents(store)
    await accounts.finish_deletion(store, user.id)
    await accounts.finish_deletion(store, user.id + 1)
    assert await contents(store) == before


async def test_a_deletion_ends_a_change_that_is_under_way(store: Store) -> None:
    _, before, leaving, key = await neighbours(store)
    await live(store, leaving)
    change = await chores.begin(store, leaving.id, "change", now=NOON)
    await chores.note(store, change, {"made_check": 99}, now=NOON)
    await accounts.delete_account(store, leaving, now=LATER)
    with pytest.raises(ChoreLost):
        await chores.note(store, change, {"made_check": 100}, now=LATER)
    with pytest.raises(Busy):
        await chores.begin(store, leaving.id, "change", now=LATER)
    assert besides(await contents(store), key) == besides(before)


async def test_pings_edits_and_logins_that_meet_a_deletion_bring_nothing_back(store: Store) -> None:
    _, before, leaving, key = await neighbours(store, swept=True)
    await live(store, leaving, session=False)
    check = await checks.get_check(store, leaving, "down")
    (channel, *_) = await channels.list_channels(store, leaving)

    async def work(number: int) -> None:
        match number % 8:
            case 0:
                await ping(store, leaving, check.id, "fail", now=LATER, request=f"w{number}", reason="fail")
            case 1:
                await make_check(store, leaving, slug=f"new-{number}", tags=("db", f"t{number}"))
            case 2:
                await checks.pause_check(store, leaving, "runs", now=LATER)
            case 3:
                await channels.assign_to_all(store, leaving, channel.id)
            case 4:
                await account_slugs.rename(
                    store, leaving, user_slug=f"slug-{number}", public_slug=None, now=LATER
                )
            case 5:
                await make_channel(store, leaving)
            case 6:
                await sweep(store, leaving.partition)
                await dispatch(store, leaving, LATER)
            case 7:
                change = await chores.begin(store, leaving.id, "change", now=LATER)
                await chores.note(store, change, {"made_check": number}, now=LATER)
                await make_check(chores.fenced(store, change), leaving)
                await chores.end(store, change)

    async def worker(offset: int) -> None:
        for number in range(16):
            with suppress(NotFound, KeyEnded, Busy, ChoreLost, UnknownChannel, QuotaReached, SlugTaken):
                await work(offset + number)

    async def deletion() -> None:
        await asyncio.sleep(0.01)
        await accounts.delete_account(store, leaving, now=LATER)

    await asyncio.gather(*(worker(offset) for offset in range(8)), deletion())
    await dispatch(store, leaving, LATER)
    left = besides(await contents(store), key)
    assert {name: value for name, value in left.items() if name not in before} == {}
    assert keys.user(leaving.partition, leaving.id) not in left
    assert left.keys() >= besides(before).keys() - {keys.outbox(leaving.partition)}
    assert str(leaving.id) not in json.dumps(sorted(await neighbours_shared(store, leaving.partition)))


async def sweep(store: Store, partition: int) -> None:
    """Let the clock look at all that is due."""
    await store.redis.hset(keys.clock(partition), "tick", str(LATER))
    while (await deadlines.sweep(store, partition, now=LATER, pings_accepted=LATER, flap=FLAPS)).more:
        pass


async def neighbours_shared(store: Store, partition: int) -> set[str]:
    """The accounts that the keys shared by a partition still speak of."""
    lanes = await store.redis.zrange(keys.lanes(partition), 0, -1)
    open_chores = await store.redis.zrange(keys.chores(partition), 0, -1)
    waiting = {str(entry.user_id) for entry in await outbox.read_outbox(store, partition, 1_000)}
    return (
        {lane.decode().partition("-")[0] for lane in lanes}
        | {name.decode().partition(":")[0] for name in open_chores}
        | waiting
    )


async def told(store: Store) -> tuple[User, deliveries.Lane]:
    """An account with one message in a lane that a worker holds."""
    user = await make_user(store)
    await make_channel(store, user, default=True)
    check = await make_check(store, user)
    await ping(store, user, check.id, "fail", request="1", reason="fail")
    await dispatch(store, user, NOON)
    (lane,) = await deliveries.hand_out(store, user.partition, now=NOON, most=10)
    return user, lane


async def test_no_worker_gets_a_message_of_a_closed_account(store: Store) -> None:
    user, lane = await told(store)
    await removal.close(store, user.id, now=NOON)
    assert await deliveries.claim(store, lane, NOON) is None
    assert await deliveries.hand_out(store, user.partition, now=LATER, most=10) == []
    assert await store.redis.zcard(keys.lanes(user.partition)) == 0


async def test_no_alert_of_a_closed_account_becomes_a_message(store: Store) -> None:
    user, _ = await told(store)
    check = await make_check(store, user)
    await ping(store, user, check.id, "fail", request="2", reason="fail")
    await removal.close(store, user.id, now=NOON)
    (entry,) = await outbox.read_outbox(store, user.partition, 10)
    before = await contents(store)
    assert await outbox.dispatch_entry(store, user.partition, entry, LATER, {"webhook": 5}) == (0, 0)
    assert besides(await contents(store)) == {
        name: value for name, value in besides(before).items() if name != keys.outbox(user.partition)
    }


async def test_nothing_of_a_closed_account_is_sent_again(store: Store) -> None:
    user, lane = await told(store)
    claimed = await deliveries.claim(store, lane, NOON)
    assert claimed is not None
    failed = deliveries.Attempt(NOON, "failed", "rejected", 400, 1, "", None)
    said = claimed.notification
    await deliveries.report(store, lane, said.id, said.channel_id, failed)
    await removal.close(store, user.id, now=NOON)
    before = await contents(store)
    with pytest.raises(NotFound):
        await deliveries.resend(store, user, said.id, now=LATER)
    assert await contents(store) == before


async def test_a_message_that_no_list_shows_any_more_is_removed_with_its_lane(store: Store) -> None:
    _, before, leaving, key = await neighbours(store)
    channel = await make_channel(store, leaving, default=True, address="before")
    check = await make_check(store, leaving)
    await ping(store, leaving, check.id, "fail", request="1", reason="fail")
    await dispatch(store, leaving, NOON)
    draft = channels.Draft("webhook", "", {}, "sealed", frozenset(), "webhook-2", "after", True, True)
    assert await channels.update_channel(store, leaving, channel, draft, now=NOON)
    # 500 newer ones have pushed it out of the account's log, 50 out of the check's.
    await store.redis.delete(keys.user_deliveries(leaving.partition, leaving.id))
    await store.redis.delete(keys.check_deliveries(leaving.partition, check.id))
    await accounts.delete_account(store, leaving, now=LATER)
    assert besides(await contents(store), key) == besides(before)
