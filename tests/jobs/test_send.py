"""Deliveries in a worker's hands: leased, claimed, sent, reported; and what goes wrong on the way."""

import asyncio
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.conftest import eventually, start_redis
from tests.jobs.orders import (
    LATER_MS,
    a_sender,
    deliveries,
    dispatched,
    hook,
    send,
    waiting,
    watched,
    with_master_key,
)
from tests.journeys.receiver import Answer, Receiver
from ttr import notify
from ttr.channels import KINDS
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.channels import get_channel, turn_off
from ttr.store.deliveries import Delivery
from ttr.store.redis import Store, open_store, verify, wait_until_ready
from ttr.store.users import User, create_user


async def _one(store: Store, settings: Settings, user: User, receiver: Receiver) -> int:
    """A delivery that waits for a worker; its channel."""
    check = await watched(store, settings, user, "job", receiver.url("/hook"))
    await dispatched(store, settings, user)
    return check.channels[0]


async def _only(store: Store, user: User) -> Delivery:
    (delivery,) = await deliveries(store, user)
    return delivery


async def test_a_delivery_is_sent_once_however_many_workers_there_are(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    channel = await _one(store, settings, user, receiver)
    assert sum(await asyncio.gather(*(send(store, settings) for _ in range(5)))) == 1
    (arrival,) = receiver.arrivals()
    delivery = await _only(store, user)
    assert (arrival.key, delivery.state, len(delivery.attempts)) == (delivery.id, "delivered", 1)
    assert (delivery.attempts[0].status, delivery.attempts[0].again_at) == (204, None)
    assert await waiting(store, user) == {}
    assert (await get_channel(store, user, channel)).last_status == "ok"


async def test_a_channel_switched_off_in_between_gets_nothing_and_the_delivery_ends(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    channel = await _one(store, settings, user, receiver)
    await turn_off(store, user.id, channel, "unsubscribed", now_ms())
    await send(store, settings)
    assert receiver.arrivals() == []
    assert (await _only(store, user)).state == "dropped"
    assert await waiting(store, user) == {}


async def test_a_secret_sealed_under_another_master_key_waits_for_the_right_one(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    channel = await _one(store, settings, user, receiver)
    await send(store, with_master_key(settings, Fernet.generate_key().decode()))
    assert receiver.arrivals() == []
    assert (await _only(store, user)).state == "due"
    assert (await get_channel(store, user, channel)).last_message == (
        "The secret can't be read: its operator's log says why."
    )
    await send(store, settings, later_ms=LATER_MS)
    assert len(receiver.arrivals()) == 1


async def test_a_kind_of_a_newer_version_is_tried_again_later(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    channel = await _one(store, settings, user, receiver)
    await store.redis.hset(keys.channel(user.partition, channel), "kind", "pigeon")
    now = now_ms()
    await send(store, settings)
    assert (await _only(store, user)).state == "due"
    assert 4_000 <= (await waiting(store, user))[channel] - now < 7_000
    assert "pigeon" in str((await get_channel(store, user, channel)).last_message)


async def test_a_failure_makes_it_due_again_by_the_plan_and_a_permanent_one_ends_it(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    receiver.answer("/hook", Answer(503), Answer(404))
    channel = await _one(store, settings, user, receiver)
    now = now_ms()
    await send(store, settings)
    assert 4_000 <= (await waiting(store, user))[channel] - now < 7_000
    await eventually(lambda: _sent_again(store, settings, receiver))
    delivery = await _only(store, user)
    assert (delivery.state, [attempt.status for attempt in delivery.attempts]) == ("failed", [503, 404])
    assert delivery.attempts[0].again_at is not None
    assert await waiting(store, user) == {}
    assert len({arrival.key for arrival in receiver.arrivals()}) == 1


async def _sent_again(store: Store, settings: Settings, receiver: Receiver) -> bool:
    # The bucket cools down for 2 s after a 5xx, on the real clock.
    await send(store, settings, later_ms=LATER_MS)
    return len(receiver.arrivals()) >= 2


async def test_a_hint_sets_the_time_of_the_next_attempt(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    receiver.answer("/hook", Answer(429, {"Retry-After": "90"}))
    channel = await _one(store, settings, user, receiver)
    now = now_ms()
    await send(store, settings)
    assert 90_000 <= (await waiting(store, user))[channel] - now < 95_000


async def test_a_target_that_is_gone_is_told_through_another_channel(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    receiver.answer("/hook", Answer(410))
    channel = await _one(store, settings, user, receiver)
    await hook(store, settings, user, receiver.url("/other"))
    await send(store, settings)
    gone = await get_channel(store, user, channel)
    assert (gone.enabled, gone.off_reason) == (False, "gone")
    await dispatched(store, settings, user)
    await send(store, settings)
    (told,) = receiver.arrivals("/other")
    assert told.body["status"] == "channel_off"
    assert "job" in told.body["message"]


async def test_a_burst_to_one_destination_leaves_as_few_messages(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    channel = await hook(store, settings, user, receiver.url("/hook"))
    for number in range(40):
        await watched(store, settings, user, f"job-{number}", "", channel=channel)
    await dispatched(store, settings, user)
    await send(store, settings)
    (arrival,) = receiver.arrivals()
    events = arrival.body["events"]
    assert sorted(event["check_name"] for event in events) == sorted(f"job-{number}" for number in range(40))
    # Oldest first; of one millisecond in any order.
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)
    assert "40 checks are down" in arrival.body["message"]


async def test_an_empty_bucket_makes_its_lane_wait_and_counts_no_attempt(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    url = receiver.url("/shared")
    for number in range(8):  # eight channels, one destination: five tokens
        await watched(store, settings, user, f"job-{number}", url)
    await dispatched(store, settings, user)
    now = now_ms()
    await send(store, settings)
    assert len(receiver.arrivals()) == 5
    due = sorted(at - now for at in (await waiting(store, user)).values())
    assert len(due) == 3
    assert all(0 < wait < 8_000 for wait in due)
    states = [delivery.state for delivery in await deliveries(store, user)]
    assert sorted(states) == ["delivered"] * 5 + ["due"] * 3
    assert sum(len(delivery.attempts) for delivery in await deliveries(store, user)) == 5


async def test_many_are_sent_at_the_same_time(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    receiver.delay = 0.3
    others, _ = await create_user(store, now=now_ms(), master=settings.master_key)
    for owner in (user, others):
        for number in range(20):
            await watched(store, settings, owner, f"job-{number}", receiver.url(f"/{owner.id}/{number}"))
        await dispatched(store, settings, owner)
    async with a_sender(store, settings) as sender:
        assert await sender.take(now_ms()) == 40
        await sender.finish()
    assert len({arrival.key for arrival in receiver.arrivals()}) == len(receiver.arrivals()) == 40
    assert receiver.most_at_once > 10


async def test_no_account_and_no_dead_receivers_take_every_place(
    store: Store, settings: Settings, user: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "ACCOUNT_SHARE", 3)
    receiver.delay = 0.2
    for number in range(5):
        await watched(store, settings, user, f"job-{number}", receiver.url(f"/{number}"))
    await dispatched(store, settings, user)
    async with a_sender(store, settings) as sender:
        assert await sender.take(now_ms()) == 3
        now = now_ms()
        later = [at - now for at in (await waiting(store, user)).values() if at - now < 5_000]
        assert len(later) == 2  # given back for half a second
        await sender.finish()
    monkeypatch.setattr(notify, "FAILING_SHARE", 1)
    for lane in await store.redis.zrange(keys.lanes(user.partition), 0, -1):
        await store.redis.hset(keys.lane(user.partition, lane.decode()), "last_status", "error")
    assert await send(store, settings, later_ms=1_000) == 1


async def test_a_worker_keeps_its_lease_while_a_receiver_is_slow(
    store: Store, settings: Settings, user: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "LEASE_MS", 300)  # renewed every tenth of a second
    channel = await _one(store, settings, user, receiver)
    receiver.delay = 1
    async with a_sender(store, settings) as sender, sender.renewing():
        await sender.take(now_ms())
        leased = (await waiting(store, user))[channel]

        async def renewed() -> bool:
            return (await waiting(store, user)).get(channel, 0) > leased

        await eventually(renewed)
        await sender.finish()
    assert len(receiver.arrivals()) == 1


async def test_a_worker_that_is_told_to_stop_finishes_what_it_sends(
    settings: Settings, store: Store, user: User, receiver: Receiver
) -> None:
    receiver.delay = 0.5
    await _one(store, settings, user, receiver)
    stop = asyncio.Event()
    serving = asyncio.create_task(notify.serve(settings, stop))
    await eventually(lambda: _arrived(receiver, 1))
    stop.set()
    await serving
    assert (await _only(store, user)).state == "delivered"


async def test_a_redis_that_dies_between_claim_and_report_costs_one_repeat_with_the_same_key(
    settings: Settings, receiver: Receiver, tmp_path: Path
) -> None:
    folder = tmp_path / "r"
    folder.mkdir()
    server = start_redis(folder)
    ours = settings.model_copy(update={"redis_url": server.url})
    try:
        async with open_store(server.url) as store:
            await wait_until_ready(store)
            await verify(store)
            user, _ = await create_user(store, now=now_ms(), master=settings.master_key)
            await _one(store, ours, user, receiver)
            receiver.delay = 0.5
            sending = asyncio.create_task(send(store, ours))
            await eventually(lambda: _arrived(receiver, 1))
            server.process.kill()
            server.process.wait()
            await sending  # no exception: the lease brings it back
            (folder / "redis.sock").unlink()
            receiver.delay = 0
            server = start_redis(folder)
            await wait_until_ready(store)
            delivery = await _only(store, user)
            assert delivery.state == "sending"
            assert await send(store, ours, later_ms=LATER_MS) == 1
            assert await send(store, ours, later_ms=LATER_MS) == 0
    finally:
        server.process.kill()
        server.process.wait()
    assert [arrival.key for arrival in receiver.arrivals()] == [delivery.id] * 2


@pytest.mark.parametrize("broken", ["event", "settings"])
async def test_a_delivery_that_cannot_be_read_spoils_no_other_and_follows_the_plan(
    store: Store, settings: Settings, user: User, receiver: Receiver, broken: str
) -> None:
    checks = [
        await watched(store, settings, user, f"job-{number}", receiver.url(f"/{number}"))
        for number in range(5)
    ]
    await dispatched(store, settings, user)
    channel = checks[0].channels[0]
    if broken == "event":
        found = await deliveries(store, user)
        bad = next(delivery for delivery in found if delivery.channel_id == channel)
        await store.redis.lset(keys.delivery_events(user.partition, bad.id), 0, "{")
    else:
        await store.redis.hset(keys.channel(user.partition, channel), "settings", "{")
    now = now_ms()
    await send(store, settings)
    assert len(receiver.arrivals()) == 4
    # The broken one is not lost either: a version that can read it may come.
    ((left, due),) = (await waiting(store, user)).items()
    assert left == channel
    assert 4_000 <= due - now < 7_000


async def test_a_fault_of_our_own_while_sending_is_tried_again_by_the_plan_and_not_for_ever(
    store: Store, settings: Settings, user: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    channel = await _one(store, settings, user, receiver)
    monkeypatch.setattr(KINDS["webhook"], "send", broken)
    now = now_ms()
    await send(store, settings)
    assert (await _only(store, user)).state == "due"
    assert 4_000 <= (await waiting(store, user))[channel] - now < 7_000


async def _arrived(receiver: Receiver, count: int) -> bool:
    return len(receiver.arrivals()) >= count
