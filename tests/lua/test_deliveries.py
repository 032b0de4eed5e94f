"""The scripts of deliveries: an alert leaves by each channel, in order, by one worker at a time."""

import asyncio
import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.everywhere import key_names
from tests.lua.parts import MINUTE, NOON, dump, make_check, ping
from ttr.domain.alert import Event
from ttr.domain.check import Check
from ttr.store import channels, checks, keys
from ttr.store.channels import Draft, create_channel
from ttr.store.deliveries import (
    LEASE_MS,
    REMEMBERED_MS,
    Attempt,
    Claimed,
    Lane,
    claim,
    defer,
    get_delivery,
    hand_out,
    look,
    read_deliveries,
    renew,
    report,
    resend,
)
from ttr.store.errors import NotDead, NotFound
from ttr.store.outbox import QUEUED_MAX, Entry, dispatch_entries, dispatch_entry, put_test, read_outbox
from ttr.store.redis import Store
from ttr.store.users import User

EVENTS_MAX = {"webhook": 5}


@dataclass
class Account:
    """An account whose alerts are walked through the scripts by hand."""

    store: Store
    user: User

    @property
    def partition(self) -> int:
        return self.user.partition

    def lane(self, name: str = "hook") -> str:
        """The lane of a channel with this name."""
        return f"{self.user.id}-{name}"

    async def channel(
        self, name: str = "hook", *, enabled: bool = True, kind: str = "webhook", address: str = ""
    ) -> int:
        draft = Draft(
            kind,
            name,
            {},
            "sealed",
            frozenset({"webhook_url"}),
            f"{kind}-{address or name}",
            address or name,
            enabled,
            False,
        )
        number = await create_channel(self.store, self.user, draft, own_check=None, now=NOON, most=1_000)
        assert number is not None
        return number

    async def check(self, *numbers: int, **changes: Any) -> Check:
        return await make_check(self.store, self.user, channels=numbers, **changes)

    async def version(self) -> int:
        """What a cached answer about the account is known by."""
        return int(await self.store.redis.hget(keys.user(self.partition, self.user.id), "version") or 0)

    async def fail(self, check: Check, now: int = NOON) -> None:
        await ping(self.store, self.user, check.id, "fail", now=now, reason="fail")

    async def recover(self, check: Check, now: int) -> None:
        await ping(self.store, self.user, check.id, now=now)

    async def dispatch(self, now: int = NOON) -> tuple[int, int]:
        made = refused = 0
        for entry in await read_outbox(self.store, self.partition, 1_000):
            more, less = await dispatch_entry(self.store, self.partition, entry, now, EVENTS_MAX)
            made, refused = made + more, refused + less
        return made, refused

    async def lanes(self, now: int = NOON, most: int = 10) -> list[Lane]:
        return await hand_out(self.store, self.partition, now=now, most=most)

    async def claim(self, lane: Lane, now: int = NOON) -> Claimed:
        claimed = await claim(self.store, lane, now)
        assert claimed is not None
        return claimed

    async def tell(
        self,
        lane: Lane,
        claimed: Claimed,
        *,
        delivered: bool = True,
        now: int = NOON,
        again_at: int | None = None,
        **more: Any,
    ) -> bool:
        attempt = Attempt(
            now,
            "delivered" if delivered else "failed",
            "" if delivered else "server_error",
            200 if delivered else 500,
            12,
            "HTTP 200" if delivered else "refused",
            again_at,
        )
        said = claimed.notification
        return await report(self.store, lane, said.id, said.channel_id, attempt, **more)

    async def due(self, name: str = "hook") -> int | None:
        score = await self.store.redis.zscore(keys.lanes(self.partition), self.lane(name))
        return None if score is None else int(score)

    async def field(self, delivery: str, name: str) -> str:
        return (await self.store.redis.hget(keys.delivery(self.partition, delivery), name) or b"").decode()

    async def queued(self) -> int:
        return int(await self.store.redis.hget(keys.user(self.partition, self.user.id), "queued") or 0)


@pytest.fixture
def account(store: Store, user: User) -> Account:
    return Account(store, user)


async def failing(account: Account) -> tuple[Check, int]:
    """A check with one channel, failed; its event is dispatched."""
    number = await account.channel()
    check = await account.check(number)
    await account.fail(check)
    assert await account.dispatch() == (1, 0)
    return check, number


# Dispatch


async def test_an_entry_becomes_a_delivery_for_each_enabled_channel(account: Account) -> None:
    numbers = [
        await account.channel("a"),
        await account.channel("b"),
        await account.channel("off", enabled=False),
    ]
    check = await account.check(*numbers)
    await account.fail(check)
    (entry,) = await read_outbox(account.store, account.partition, 10)
    with_unknown = Entry(entry.stream_id, entry.event, entry.user_id, json.dumps([*numbers, 99_999]))
    assert await dispatch_entry(account.store, account.partition, with_unknown, NOON, EVENTS_MAX) == (2, 0)
    assert (await look(account.store))[account.partition] == (0, NOON)
    assert {lane.name for lane in await account.lanes()} == {account.lane("a"), account.lane("b")}
    assert await account.queued() == 2


async def test_a_second_dispatch_of_an_entry_makes_nothing(account: Account) -> None:
    check = await account.check(await account.channel())
    await account.fail(check)
    (entry,) = await read_outbox(account.store, account.partition, 10)
    again = [dispatch_entry(account.store, account.partition, entry, NOON, EVENTS_MAX) for _ in range(8)]
    assert sorted(await asyncio.gather(*again)) == [(0, 0)] * 7 + [(1, 0)]
    assert len(await account.lanes()) == 1


async def test_many_entries_are_dispatched_in_their_order_by_a_redis_that_has_lost_the_command(
    account: Account,
) -> None:
    check = await account.check(await account.channel())
    for turn in range(2):
        await account.fail(check, NOON + 2 * turn)
        await account.recover(check, NOON + 2 * turn + 1)
    entries = await read_outbox(account.store, account.partition, 10)
    await account.store.redis.script_flush()
    done = await dispatch_entries(account.store, account.partition, entries, NOON, EVENTS_MAX)
    assert done == [(1, 0)] * 4
    again = await dispatch_entries(account.store, account.partition, entries, NOON, EVENTS_MAX)
    assert again == [(0, 0)] * 4
    (lane,) = await account.lanes(NOON + 10)
    events = (await account.claim(lane, NOON + 10)).notification.events
    assert [event.kind for event in events] == ["down", "up", "down", "up"]


async def test_what_waits_untried_is_joined_into_one_message(account: Account) -> None:
    number = await account.channel()
    several = [await account.check(number, name=f"job {i}") for i in range(3)]
    for check in several:
        await account.fail(check)
    await account.recover(several[0], NOON + 5)
    assert await account.dispatch() == (4, 0)
    (lane,) = await account.lanes()
    events = (await account.claim(lane)).notification.events
    assert [(event.check_name, event.kind) for event in events] == [
        ("job 0", "down"),
        ("job 1", "down"),
        ("job 2", "down"),
        ("job 0", "up"),
    ]
    found, total = await read_deliveries(account.store, account.user, size=10)
    assert total == 1
    assert found[0].count == 4
    for check in several:  # and each check's log shows it once
        assert (await read_deliveries(account.store, account.user, check_id=check.id, size=10))[1] == 1


async def test_nothing_joins_a_message_that_was_tried(account: Account) -> None:
    check, _ = await failing(account)
    (lane,) = await account.lanes()
    first = await account.claim(lane)
    await account.recover(check, NOON + 5)
    await account.dispatch(NOON + 5)
    assert await account.tell(lane, first, now=NOON + 6)  # True: more may leave at once, under the same lease
    second = await account.claim(lane, NOON + 6)
    assert second.notification.id != first.notification.id
    assert [event.kind for event in second.notification.events] == ["up"]


async def test_a_message_holds_no_more_events_than_its_kind_takes(account: Account) -> None:
    number = await account.channel()
    for i in range(EVENTS_MAX["webhook"] + 1):
        await account.fail(await account.check(number, name=f"job {i}"))
    await account.dispatch()
    found, _ = await read_deliveries(account.store, account.user, size=10)
    assert [delivery.count for delivery in found] == [1, EVENTS_MAX["webhook"]]


async def test_more_waiting_events_than_an_account_may_have_are_refused(account: Account) -> None:
    check = await account.check(await account.channel("a"), await account.channel("b"))
    await account.fail(check)
    await account.store.redis.hset(keys.user(account.partition, account.user.id), "queued", QUEUED_MAX - 1)
    assert await account.dispatch() == (1, 1)
    assert len(await account.lanes()) == 1


async def test_new_news_hurry_a_lane_that_waits_for_its_retry_but_keep_the_hint(account: Account) -> None:
    check, _ = await failing(account)
    (lane,) = await account.lanes()
    claimed = await account.claim(lane)
    await account.tell(lane, claimed, delivered=False, again_at=NOON + 60 * MINUTE)
    await account.recover(check, NOON + 10)
    await account.dispatch(NOON + 10)
    assert await account.due() == NOON + MINUTE  # no sooner than a minute after the last attempt
    (lane,) = await account.lanes(NOON + MINUTE)
    claimed = await account.claim(lane, NOON + MINUTE)
    assert claimed.attempt == 2
    hint = NOON + 31 * MINUTE
    await account.tell(
        lane, claimed, delivered=False, now=NOON + MINUTE, again_at=NOON + 60 * MINUTE, hold_until=hint
    )
    await account.fail(check, NOON + 5 * MINUTE)
    await account.dispatch(NOON + 5 * MINUTE)
    assert await account.due() == hint


async def test_a_lane_in_a_workers_hands_is_not_hurried(account: Account) -> None:
    check, _ = await failing(account)
    (lane,) = await account.lanes()
    await account.recover(check, NOON + 10)
    await account.dispatch(NOON + 10)
    assert await account.due() == NOON + LEASE_MS
    assert await account.lanes(NOON + 20) == []
    await defer(account.store, lane, NOON + 2_000)
    await account.fail(check, NOON + 30)
    await account.dispatch(NOON + 30)
    assert await account.due() == NOON + 2_000  # nor one that waits for its turn at the bucket


async def test_channels_that_lead_to_one_address_share_their_messages(account: Account) -> None:
    one, two = await account.channel("one", address="same"), await account.channel("two", address="same")
    first, second = await account.check(one), await account.check(two)
    both = await account.check(one, two)
    for check in (first, second, both):
        await account.fail(check)
    assert await account.dispatch() == (3, 0)
    (lane,) = await account.lanes()
    claimed = await account.claim(lane)
    assert [event.check_id for event in claimed.notification.events] == [first.id, second.id, both.id]
    await account.tell(lane, claimed, now=NOON + 3)
    for number in (one, two):
        channel = await channels.get_channel(account.store, account.user, number)
        assert (channel.last_status, channel.last_at) == ("ok", NOON + 3)


async def test_a_message_of_two_channels_leaves_by_the_one_that_is_left(account: Account) -> None:
    one, two = await account.channel("one", address="same"), await account.channel("two", address="same")
    for check in (await account.check(one), await account.check(two)):
        await account.fail(check)
    await account.dispatch()
    await channels.delete_channel(account.store, account.user, one)
    (lane,) = await account.lanes()
    claimed = await account.claim(lane)
    assert (claimed.notification.channel_id, len(claimed.notification.events)) == (two, 2)


# Leases


async def test_a_channel_is_with_one_worker_at_a_time(account: Account) -> None:
    await failing(account)
    handed = await asyncio.gather(*(account.lanes() for _ in range(8)))
    (lane,) = [lane for part in handed for lane in part]
    assert (lane.user_id, lane.destination, lane.failing) == (account.user.id, "webhook-hook", False)
    claims = await asyncio.gather(
        *(claim(account.store, replace(lane, lease="another"), NOON) for _ in range(3))
    )
    assert claims == [None] * 3


async def test_hand_out_gives_at_most_as_many_as_asked_for(account: Account) -> None:
    check = await account.check(*[await account.channel(str(i)) for i in range(5)])
    await account.fail(check)
    await account.dispatch()
    assert [len(await account.lanes(most=2)) for _ in range(4)] == [2, 2, 1, 0]


async def test_a_lease_that_lapses_shuts_the_first_worker_out(account: Account) -> None:
    await failing(account)
    (first,) = await account.lanes()
    assert await account.lanes(NOON + LEASE_MS - 1) == []
    (second,) = await account.lanes(NOON + LEASE_MS)
    assert second.lease != first.lease
    before = await dump(account.store)
    assert await claim(account.store, first, NOON + LEASE_MS) is None
    await defer(account.store, first, NOON + 99 * MINUTE)
    await renew(account.store, account.partition, [first], NOON + 5 * MINUTE)
    assert await dump(account.store) == before
    assert await account.claim(second, NOON + LEASE_MS)


async def test_a_renewed_lease_lasts(account: Account) -> None:
    await failing(account)
    (lane,) = await account.lanes()
    await account.claim(lane)
    await renew(account.store, account.partition, [lane], NOON + 9_000)
    assert await account.due() == NOON + 9_000 + LEASE_MS
    assert await account.lanes(NOON + LEASE_MS + 1) == []


async def test_renewing_does_not_bring_back_a_lane_that_is_done(account: Account) -> None:
    await failing(account)
    (lane,) = await account.lanes()
    assert not await account.tell(lane, await account.claim(lane))
    await renew(account.store, account.partition, [lane], NOON)
    assert await account.due() is None


async def test_waiting_for_a_turn_counts_nothing(account: Account) -> None:
    await failing(account)
    (lane,) = await account.lanes()
    await defer(account.store, lane, NOON + 700)
    assert await account.due() == NOON + 700
    (lane,) = await account.lanes(NOON + 700)
    assert (await account.claim(lane, NOON + 700)).attempt == 1


# Attempts


async def test_a_claim_has_all_that_a_worker_needs(account: Account) -> None:
    check, number = await failing(account)
    (lane,) = await account.lanes()
    claimed = await account.claim(lane)
    notification = claimed.notification
    assert (notification.user_id, notification.channel_id, notification.channel_name) == (
        account.user.id,
        number,
        "hook",
    )
    (event,) = notification.events
    assert (event.kind, event.check_id, event.reason) == ("down", check.id, "fail")
    assert (claimed.attempt, claimed.since, claimed.kind) == (1, NOON, "webhook")
    assert (claimed.sealed, claimed.data_key) == ("sealed", account.user.data_key)


async def test_a_message_names_what_else_is_down_and_says_the_same_each_time(account: Account) -> None:
    number = await account.channel()
    quiet = [await account.check(name=f'other "{i}"') for i in range(12)]
    for i, other in enumerate(quiet):
        await account.fail(other, NOON - 100 + i)
    await account.dispatch()
    check = await account.check(number, name="told")
    await account.fail(check)
    await account.dispatch()
    (lane,) = await account.lanes()
    claimed = await account.claim(lane)
    assert claimed.notification.others_count == 12
    assert claimed.notification.others == tuple(f'other "{i}"' for i in range(11, 1, -1))
    await account.tell(lane, claimed, delivered=False, again_at=NOON + 1)
    await account.recover(quiet[0], NOON + 1)
    (lane,) = await account.lanes(NOON + 1)
    assert (await account.claim(lane, NOON + 1)).notification == claimed.notification


async def test_a_worker_that_dies_while_sending_is_followed_by_another_with_the_same_key(
    account: Account,
) -> None:
    await failing(account)
    (first,) = await account.lanes()
    tried = await account.claim(first)
    (second,) = await account.lanes(NOON + LEASE_MS)
    again = await account.claim(second, NOON + LEASE_MS)
    assert (again.notification, again.attempt) == (tried.notification, 2)
    # The first was only slow. Its failure is not news any more, its success is.
    before = await dump(account.store)
    assert not await account.tell(first, tried, delivered=False, again_at=NOON + MINUTE)
    assert await dump(account.store) == before
    await account.tell(first, tried)
    assert await account.field(tried.notification.id, "state") == "delivered"
    assert not await account.tell(second, again, delivered=False, again_at=NOON + MINUTE)
    assert await account.lanes(NOON + 60 * MINUTE) == []
    assert await account.queued() == 0


async def test_a_success_ends_a_delivery_and_is_shown_on_its_channel(account: Account) -> None:
    _, number = await failing(account)
    (lane,) = await account.lanes()
    claimed = await account.claim(lane)
    assert await account.queued() == 1
    version = await account.version()
    assert not await account.tell(lane, claimed, now=NOON + 7)
    assert (await account.due(), await account.queued()) == (None, 0)
    assert await account.version() > version
    for key in (keys.delivery, keys.delivery_events):
        lives = await account.store.redis.pttl(key(account.partition, claimed.notification.id))
        assert REMEMBERED_MS - MINUTE < lives <= REMEMBERED_MS
    channel = await channels.get_channel(account.store, account.user, number)
    assert (channel.last_status, channel.last_message, channel.last_at) == ("ok", "HTTP 200", NOON + 7)
    before = await dump(account.store)
    for delivered in (True, False):
        assert not await account.tell(lane, claimed, delivered=delivered, now=NOON + 8, again_at=NOON + 9)
    assert await dump(account.store) == before


async def test_a_failure_is_tried_again_when_it_says_and_the_log_shows_each_attempt(account: Account) -> None:
    check, number = await failing(account)
    (lane,) = await account.lanes()
    claimed = await account.claim(lane)
    await account.tell(lane, claimed, delivered=False, again_at=NOON + MINUTE)
    assert await account.lanes(NOON + MINUTE - 1) == []
    (delivery,), _ = await read_deliveries(account.store, account.user, check_id=check.id, size=5)
    assert (delivery.state, delivery.again_at) == ("due", NOON + MINUTE)
    (lane,) = await account.lanes(NOON + MINUTE)
    assert lane.failing
    claimed = await account.claim(lane, NOON + MINUTE)
    assert claimed.attempt == 2
    await account.tell(lane, claimed, delivered=False, now=NOON + MINUTE)
    delivery = await get_delivery(account.store, account.user, claimed.notification.id)
    assert delivery.state == "failed"
    assert delivery.attempts == (
        Attempt(NOON, "failed", "server_error", 500, 12, "refused", NOON + MINUTE),
        Attempt(NOON + MINUTE, "failed", "server_error", 500, 12, "refused", None),
    )
    assert (delivery.channel_id, delivery.channel_name, delivery.channel_kind) == (number, "hook", "webhook")
    assert await account.lanes(NOON + 60 * MINUTE) == []


async def test_an_up_waits_for_its_down(account: Account) -> None:
    check, _ = await failing(account)
    (lane,) = await account.lanes()
    down = await account.claim(lane)
    await account.tell(lane, down, delivered=False, again_at=NOON + 5_000)
    await account.recover(check, NOON + 1_000)
    await account.dispatch(NOON + 1_000)
    assert await account.lanes(NOON + 1_000) == []
    (lane,) = await account.lanes(NOON + 5_000)
    again = await account.claim(lane, NOON + 5_000)
    assert again.notification == down.notification
    assert await account.tell(lane, again, now=NOON + 5_001)
    up = await account.claim(lane, NOON + 5_002)
    assert [event.kind for event in up.notification.events] == ["up"]


async def test_what_its_service_changed_is_stored_beside_what_was_there(account: Account) -> None:
    _, number = await failing(account)
    await account.store.redis.hset(
        keys.channel(account.partition, number), "settings", '{"a": "1", "b": "2"}'
    )
    (lane,) = await account.lanes()
    await account.tell(lane, await account.claim(lane), settings={"b": "3"})
    channel = await channels.get_channel(account.store, account.user, number)
    assert channel.settings == {"a": "1", "b": "3"}


# Channels that go away


async def test_a_target_that_is_gone_turns_its_channel_off_and_another_one_is_told(account: Account) -> None:
    number, twin, other = (
        await account.channel("first"),
        await account.channel("twin", address="first"),
        await account.channel("second"),
    )
    await account.channel("third", enabled=False)
    check = await account.check(number)
    await account.fail(check)
    await account.dispatch()
    (lane,) = await account.lanes()
    claimed = await account.claim(lane)
    await account.recover(check, NOON + 1)
    await account.dispatch(NOON + 1)
    await account.tell(lane, claimed, delivered=False, now=NOON + 2, gone=True)
    for dead in (number, twin):
        channel = await channels.get_channel(account.store, account.user, dead)
        assert (channel.enabled, channel.off_reason, channel.off_at) == (False, "gone", NOON + 2)
    (entry,) = await read_outbox(account.store, account.partition, 10)
    assert json.loads(entry.channels) == [other]
    assert (entry.event.kind, entry.event.channel_name) == ("channel_off", "first")
    assert entry.event.reason_detail == "refused"
    await account.dispatch(NOON + 2)
    told = {lane.name: lane for lane in await account.lanes(NOON + 2 + LEASE_MS)}
    assert set(told) == {account.lane("first"), account.lane("second")}
    # What waited behind the one that failed can be sent again by hand.
    assert await claim(account.store, told[account.lane("first")], NOON + 2 + LEASE_MS) is None
    found, _ = await read_deliveries(account.store, account.user, size=10)
    assert [delivery.state for delivery in found] == ["due", "dropped", "failed"]


async def test_who_has_no_other_channel_is_not_told(account: Account) -> None:
    await failing(account)
    (lane,) = await account.lanes()
    await account.tell(lane, await account.claim(lane), delivered=False, gone=True)
    assert await read_outbox(account.store, account.partition, 10) == []
    assert await account.queued() == 0


@pytest.mark.parametrize("how", ["switched off", "deleted"])
async def test_a_delivery_of_a_channel_that_went_away_is_dropped(account: Account, how: str) -> None:
    _, number = await failing(account)
    (lane,) = await account.lanes()
    (delivery,), _ = await read_deliveries(account.store, account.user, size=5)
    if how == "deleted":
        await channels.delete_channel(account.store, account.user, number)
    else:
        await channels.turn_off(account.store, account.user.id, number, "unsubscribed", NOON)
    before = await account.version()
    assert await claim(account.store, lane, NOON) is None
    assert await account.version() > before, "what is queued is part of what lists and counts answer"
    assert (await account.field(delivery.id, "state"), await account.due()) == ("dropped", None)
    assert await account.store.redis.pttl(keys.delivery(account.partition, delivery.id)) > 0
    assert (await account.lanes(NOON + 60 * MINUTE), await account.queued()) == ([], 0)


async def test_a_report_does_not_bring_a_deleted_channel_back(account: Account) -> None:
    _, number = await failing(account)
    (lane,) = await account.lanes()
    claimed = await account.claim(lane)
    await channels.delete_channel(account.store, account.user, number)
    await account.tell(lane, claimed)
    assert await account.store.redis.exists(keys.channel(account.partition, number)) == 0
    assert await account.due() is None


async def test_a_delivery_whose_record_is_gone_leaves_the_lane(account: Account) -> None:
    await failing(account)
    (delivery,), _ = await read_deliveries(account.store, account.user, size=5)
    await account.store.redis.delete(keys.delivery(account.partition, delivery.id))
    (lane,) = await account.lanes()
    assert await claim(account.store, lane, NOON) is None
    assert await account.due() is None


# Again, by hand


async def test_a_dead_letter_can_be_sent_again_with_the_same_key_and_a_new_plan(account: Account) -> None:
    await failing(account)
    (lane,) = await account.lanes()
    claimed = await account.claim(lane)
    await account.tell(lane, claimed, delivered=False)
    await resend(account.store, account.user, claimed.notification.id, now=NOON + MINUTE)
    assert await account.queued() == 1
    assert await account.store.redis.pttl(keys.delivery(account.partition, claimed.notification.id)) == -1
    (lane,) = await account.lanes(NOON + MINUTE)
    again = await account.claim(lane, NOON + MINUTE)
    assert (again.notification, again.attempt, again.since) == (claimed.notification, 1, NOON + MINUTE)
    await account.tell(lane, again, now=NOON + MINUTE)
    delivery = await get_delivery(account.store, account.user, claimed.notification.id)
    assert (delivery.state, len(delivery.attempts)) == ("delivered", 2)


async def test_what_is_not_dead_or_not_ones_own_can_not_be_sent_again(account: Account) -> None:
    _, number = await failing(account)
    (delivery,), _ = await read_deliveries(account.store, account.user, size=5)
    with pytest.raises(NotDead):
        await resend(account.store, account.user, delivery.id, now=NOON)
    stranger = replace(account.user, id=account.user.id + keys.PARTITIONS)
    with pytest.raises(NotFound):
        await resend(account.store, stranger, delivery.id, now=NOON)
    with pytest.raises(NotFound):
        await get_delivery(account.store, stranger, delivery.id)
    (lane,) = await account.lanes()
    await account.tell(lane, await account.claim(lane), delivered=False)
    await channels.turn_off(account.store, account.user.id, number, "unsubscribed", NOON)
    before = await dump(account.store)
    with pytest.raises(NotDead, match="turn the channel on"):
        await resend(account.store, account.user, delivery.id, now=NOON)
    assert await dump(account.store) == before


async def test_a_test_goes_the_same_way(account: Account) -> None:
    number = await account.channel()
    event = Event(id="0-tabc-1", kind="test", at=NOON, check_id=0, check_name="", channel_name="hook")
    await put_test(account.store, account.user, number, event)
    await account.dispatch()
    (lane,) = await account.lanes()
    assert (await account.claim(lane)).notification.events == (replace(event, queued=True),)


# The log


async def test_the_accounts_log_is_bounded_and_what_falls_out_is_removed(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttr.store.outbox.ACCOUNT_LOG", 3)
    check = await account.check(await account.channel())
    for turn in range(5):
        await account.fail(check, NOON + 20 * turn * MINUTE)
        await account.dispatch(NOON + 20 * turn * MINUTE)
        if turn < 4:
            (lane,) = await account.lanes(NOON + 20 * turn * MINUTE)
            await account.tell(lane, await account.claim(lane, NOON + 20 * turn * MINUTE), now=NOON)
        await checks.pause_check(
            account.store, account.user, str(check.id), now=NOON + 20 * turn * MINUTE + 1
        )
        await checks.resume_check(
            account.store, account.user, str(check.id), now=NOON + 20 * turn * MINUTE + 2
        )
    found, total = await read_deliveries(account.store, account.user, size=10)
    assert (total, [delivery.state for delivery in found]) == (3, ["due", "delivered", "delivered"])
    assert len(await key_names(account.store, "*}:delivery:*:events")) == 3
    assert await read_deliveries(account.store, account.user, size=1, offset=2) == (found[2:], 3)
