"""dispatch.lua, hand_out.lua, claim.lua, report.lua: an alert reaches each channel's worker once at a time."""

import asyncio
import json
from dataclasses import dataclass

import pytest

from tests.lua.parts import MINUTE, NOON, dump, make_check, ping
from ttr.domain.check import Check
from ttr.store import channels, checks, keys
from ttr.store.deliveries import (
    ACCOUNT_SHARE,
    HANDED_LEASE_MS,
    REMEMBERED_MS,
    SENDING_LEASE_MS,
    Handed,
    claim,
    hand_out,
    look,
    report,
)
from ttr.store.outbox import UNFINISHED_MAX, Entry, dispatch_entry, read_outbox
from ttr.store.redis import Store
from ttr.store.users import User


@dataclass(frozen=True)
class Alerted:
    """An alert in the outbox of a check with one webhook."""

    store: Store
    user: User
    check: Check
    entry: Entry

    @property
    def partition(self) -> int:
        return self.user.partition

    async def hand_out(self, now: int = NOON, most: int = 10) -> list[Handed]:
        healthy = await hand_out(self.store, self.partition, now=now, most=most)
        return healthy or await hand_out(self.store, self.partition, now=now, most=most, failing=True)

    async def report(
        self, handed: Handed, *, delivered: bool, now: int = NOON, again_at: int | None = None
    ) -> bool:
        return await report(
            self.store,
            self.partition,
            handed,
            now=now,
            delivered=delivered,
            detail="200" if delivered else "refused",
            again_at=again_at,
        )

    async def state(self, handed: Handed) -> str:
        key = keys.delivery(self.partition, handed.delivery_id)
        return (await self.store.redis.hget(key, "state") or b"").decode()

    async def due(self, handed: Handed) -> int | None:
        score = await self.store.redis.zscore(keys.deliveries(self.partition), handed.delivery_id)
        return None if score is None else int(score)


@pytest.fixture
async def alerted(store: Store, user: User) -> Alerted:
    check = await make_check(store, user)
    await channels.set_webhook(store, user, check, enabled=True, secret="sealed", now=NOON, most=10)
    await ping(store, user, check.id, "fail", reason="exit_status")
    (entry,) = await read_outbox(store, user.partition, 10)
    return Alerted(store, user, await checks.get_check(store, user, str(check.id)), entry)


async def dispatched(alerted: Alerted) -> Handed:
    """The one delivery, handed out."""
    await dispatch_entry(alerted.store, alerted.partition, alerted.entry, NOON)
    (handed,) = await alerted.hand_out()
    return handed


async def test_an_entry_becomes_one_delivery_for_each_enabled_channel(alerted: Alerted) -> None:
    store, user = alerted.store, alerted.user
    second = await make_check(store, user)
    await channels.set_webhook(store, user, second, enabled=False, secret="sealed", now=NOON, most=10)
    off = (await checks.get_check(store, user, str(second.id))).channels
    both = [*alerted.check.channels, *off, 99]
    entry = Entry(alerted.entry.stream_id, alerted.entry.event, user.id, json.dumps(both))
    assert await dispatch_entry(store, user.partition, entry, NOON) == (1, 0)
    assert await read_outbox(store, user.partition, 10) == []
    assert (await look(store))[user.partition] == (0, NOON)


async def test_a_second_dispatch_of_an_entry_makes_nothing(alerted: Alerted) -> None:
    assert await dispatch_entry(alerted.store, alerted.partition, alerted.entry, NOON) == (1, 0)
    before = await dump(alerted.store)
    assert await dispatch_entry(alerted.store, alerted.partition, alerted.entry, NOON + 1) == (0, 0)
    assert await dump(alerted.store) == before


async def test_two_dispatchers_make_one_delivery_and_hand_it_out_once(alerted: Alerted) -> None:
    made = await asyncio.gather(
        *(dispatch_entry(alerted.store, alerted.partition, alerted.entry, NOON) for _ in range(8))
    )
    assert sorted(made) == [(0, 0)] * 7 + [(1, 0)]
    handed = await asyncio.gather(*(alerted.hand_out() for _ in range(8)))
    assert sum(len(part) for part in handed) == 1


async def test_more_unfinished_deliveries_than_an_account_may_have_are_refused(alerted: Alerted) -> None:
    user = keys.user(alerted.partition, alerted.user.id)
    await alerted.store.redis.hset(user, "deliveries", UNFINISHED_MAX)
    assert await dispatch_entry(alerted.store, alerted.partition, alerted.entry, NOON) == (0, 1)
    assert await alerted.hand_out() == []


async def test_what_ends_is_no_longer_counted(alerted: Alerted) -> None:
    user = keys.user(alerted.partition, alerted.user.id)
    handed = await dispatched(alerted)
    assert await alerted.store.redis.hget(user, "deliveries") == b"1"
    await claim(alerted.store, alerted.partition, handed, NOON)
    await alerted.report(handed, delivered=True)
    assert await alerted.store.redis.hget(user, "deliveries") == b"0"


async def test_a_failing_channel_waits_in_slices_of_its_own(alerted: Alerted) -> None:
    handed = await dispatched(alerted)
    await claim(alerted.store, alerted.partition, handed, NOON)
    await alerted.report(handed, delivered=False, again_at=NOON)
    assert await hand_out(alerted.store, alerted.partition, now=NOON, most=10) == []
    assert len(await hand_out(alerted.store, alerted.partition, now=NOON, most=10, failing=True)) == 1


async def test_no_account_fills_a_slice_alone(alerted: Alerted) -> None:
    for number in range(ACCOUNT_SHARE + 10):
        await ping(alerted.store, alerted.user, alerted.check.id, now=NOON + 1 + 2 * number)
        await ping(
            alerted.store, alerted.user, alerted.check.id, "fail", now=NOON + 2 + 2 * number, reason="fail"
        )
    while entries := await read_outbox(alerted.store, alerted.partition, 100):
        for entry in entries:
            await dispatch_entry(alerted.store, alerted.partition, entry, NOON)
    assert len(await alerted.hand_out(most=100)) == ACCOUNT_SHARE


async def test_a_slice_has_at_most_as_many_as_asked_for(alerted: Alerted) -> None:
    for number in range(4):
        await ping(alerted.store, alerted.user, alerted.check.id, now=NOON + 1 + 2 * number)
        await ping(
            alerted.store, alerted.user, alerted.check.id, "fail", now=NOON + 2 + 2 * number, reason="fail"
        )
    for entry in await read_outbox(alerted.store, alerted.partition, 100):
        await dispatch_entry(alerted.store, alerted.partition, entry, NOON)
    slices = [await alerted.hand_out(most=4) for _ in range(4)]
    assert [len(part) for part in slices] == [4, 4, 1, 0]
    assert len({handed.delivery_id for part in slices for handed in part}) == 9


async def test_a_delivery_is_claimed_once_with_all_that_a_worker_needs(alerted: Alerted) -> None:
    handed = await dispatched(alerted)
    claimed = await claim(alerted.store, alerted.partition, handed, NOON + 5)
    assert claimed is not None
    assert claimed.event == alerted.entry.event
    assert (claimed.attempt, claimed.created_at, claimed.kind) == (1, NOON, "webhook")
    assert (claimed.sealed_secret, claimed.data_key) == ("sealed", alerted.user.data_key)
    assert await alerted.due(handed) == NOON + 5 + SENDING_LEASE_MS
    before = await dump(alerted.store)
    assert await claim(alerted.store, alerted.partition, handed, NOON + 6) is None
    assert await dump(alerted.store) == before


async def test_of_many_workers_with_one_job_one_sends(alerted: Alerted) -> None:
    handed = await dispatched(alerted)
    claims = await asyncio.gather(*(claim(alerted.store, alerted.partition, handed, NOON) for _ in range(8)))
    assert sum(found is not None for found in claims) == 1


async def test_a_lease_that_lapses_hands_it_out_again_and_shuts_out_the_first(alerted: Alerted) -> None:
    first = await dispatched(alerted)
    assert await alerted.hand_out(NOON + HANDED_LEASE_MS - 1) == []
    (second,) = await alerted.hand_out(NOON + HANDED_LEASE_MS)
    assert (second.delivery_id, second.token) == (first.delivery_id, first.token + 1)
    before = await dump(alerted.store)
    assert await claim(alerted.store, alerted.partition, first, NOON + HANDED_LEASE_MS) is None
    assert not await alerted.report(first, delivered=False)
    assert await dump(alerted.store) == before
    assert await claim(alerted.store, alerted.partition, second, NOON + HANDED_LEASE_MS) is not None


async def test_a_worker_that_dies_while_sending_is_followed_by_another(alerted: Alerted) -> None:
    first = await dispatched(alerted)
    await claim(alerted.store, alerted.partition, first, NOON)
    assert await alerted.hand_out(NOON + SENDING_LEASE_MS - 1) == []
    (second,) = await alerted.hand_out(NOON + SENDING_LEASE_MS)
    claimed = await claim(alerted.store, alerted.partition, second, NOON + SENDING_LEASE_MS)
    assert claimed is not None
    assert claimed.attempt == 2
    # The first was only slow. Its failure is not news any more, its success is.
    before = await dump(alerted.store)
    assert not await alerted.report(first, delivered=False, again_at=NOON + MINUTE)
    assert await dump(alerted.store) == before
    assert await alerted.report(first, delivered=True)
    assert await alerted.state(first) == "delivered"
    assert not await alerted.report(second, delivered=False, again_at=NOON + MINUTE)
    assert await alerted.hand_out(NOON + 60 * MINUTE) == []


async def test_a_success_ends_a_delivery_and_is_shown_on_its_channel(alerted: Alerted) -> None:
    handed = await dispatched(alerted)
    await claim(alerted.store, alerted.partition, handed, NOON)
    assert await alerted.report(handed, delivered=True, now=NOON + 7)
    assert (await alerted.state(handed), await alerted.due(handed)) == ("delivered", None)
    lives = await alerted.store.redis.pttl(keys.delivery(alerted.partition, handed.delivery_id))
    assert REMEMBERED_MS - MINUTE < lives <= REMEMBERED_MS
    found = await channels.read_channels(alerted.store, alerted.user, alerted.check.channels)
    (channel,) = found.values()
    assert (channel.last_status, channel.last_message, channel.last_at) == ("ok", "200", NOON + 7)
    before = await dump(alerted.store)
    for delivered in (True, False):
        assert not await alerted.report(handed, delivered=delivered, now=NOON + 8, again_at=NOON + 9)
    assert await dump(alerted.store) == before


async def test_a_failure_is_tried_again_when_it_says_or_never(alerted: Alerted) -> None:
    handed = await dispatched(alerted)
    await claim(alerted.store, alerted.partition, handed, NOON)
    assert await alerted.report(handed, delivered=False, again_at=NOON + MINUTE)
    assert (await alerted.state(handed), await alerted.due(handed)) == ("due", NOON + MINUTE)
    assert not await alerted.report(handed, delivered=False)  # the job queue ran it twice
    assert await alerted.hand_out(NOON + MINUTE - 1) == []
    (again,) = await alerted.hand_out(NOON + MINUTE)
    claimed = await claim(alerted.store, alerted.partition, again, NOON + MINUTE)
    assert claimed is not None
    assert claimed.attempt == 2
    assert await alerted.report(again, delivered=False)
    assert (await alerted.state(again), await alerted.due(again)) == ("failed", None)
    (channel,) = (await channels.read_channels(alerted.store, alerted.user, alerted.check.channels)).values()
    assert (channel.last_status, channel.last_message) == ("error", "refused")
    assert await alerted.hand_out(NOON + 60 * MINUTE) == []


@pytest.mark.parametrize("how", ["switched off", "deleted"])
async def test_a_delivery_of_a_channel_that_went_away_is_dropped(alerted: Alerted, how: str) -> None:
    handed = await dispatched(alerted)
    if how == "deleted":
        await checks.delete_check(alerted.store, alerted.user, str(alerted.check.id))
    else:
        await channels.set_webhook(
            alerted.store, alerted.user, alerted.check, enabled=False, secret=None, now=NOON, most=10
        )
    assert await claim(alerted.store, alerted.partition, handed, NOON) is None
    assert (await alerted.state(handed), await alerted.due(handed)) == ("dropped", None)
    assert await alerted.store.redis.pttl(keys.delivery(alerted.partition, handed.delivery_id)) > 0
    assert await alerted.hand_out(NOON + 60 * MINUTE) == []


async def test_a_report_does_not_bring_a_deleted_channel_back(alerted: Alerted) -> None:
    handed = await dispatched(alerted)
    await claim(alerted.store, alerted.partition, handed, NOON)
    await checks.delete_check(alerted.store, alerted.user, str(alerted.check.id))
    assert await alerted.report(handed, delivered=True)
    assert await alerted.store.redis.keys("*}:channel:*") == []


async def test_unknown_deliveries_are_nobodys(alerted: Alerted) -> None:
    before = await dump(alerted.store)
    nobody = Handed("nothing", 1)
    assert await claim(alerted.store, alerted.partition, nobody, NOON) is None
    assert not await alerted.report(nobody, delivered=True)
    assert await dump(alerted.store) == before


async def test_a_delivery_whose_hash_is_gone_leaves_the_set(alerted: Alerted) -> None:
    handed = await dispatched(alerted)
    await alerted.store.redis.delete(keys.delivery(alerted.partition, handed.delivery_id))
    assert await alerted.hand_out(NOON + 60 * MINUTE) == []
    assert await alerted.due(handed) is None
