"""One delivery in a worker's hands: claimed, sent, reported; and what goes wrong on the way."""

import asyncio
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.conftest import eventually, start_redis
from tests.jobs.orders import (
    fall_overdue,
    handed_out,
    let_leases_lapse,
    state_of,
    waiting,
    watched,
    with_master_key,
)
from tests.journeys.receiver import Answer, Receiver
from ttr.channels import KINDS
from ttr.channels.egress import open_session
from ttr.integrations import WebhookChange, change_webhook
from ttr.notify import deliver, deliver_slice, in_order
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.channels import read_channels
from ttr.store.deliveries import Handed, claim, report
from ttr.store.redis import Store, open_store, verify, wait_until_ready
from ttr.store.users import User, create_user


async def _one(store: Store, settings: Settings, user: User, receiver: Receiver) -> tuple[Handed, int]:
    """A delivery that a worker may claim, and its channel."""
    check = await watched(store, settings, user, "job", receiver.url("/hook"))
    await fall_overdue(store, user)
    (handed,) = await handed_out(store, user)
    assert check.own_webhook is not None
    return handed, check.own_webhook


async def _deliver(store: Store, settings: Settings, user: User, handed: Handed) -> None:
    async with open_session(settings.egress_allow) as session:
        await deliver(store, settings, user.partition, handed, session)


async def test_a_delivery_is_sent_once_however_often_its_job_runs(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    handed, channel = await _one(store, settings, user, receiver)
    await asyncio.gather(*(_deliver(store, settings, user, handed) for _ in range(5)))
    assert len(receiver.arrivals()) == 1
    assert (await state_of(store, user, handed))["state"] == "delivered"
    assert await waiting(store, user) == {}
    assert (await read_channels(store, user, [channel]))[channel].last_status == "ok"


async def test_a_token_from_before_the_lease_lapsed_sends_nothing(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    handed, _ = await _one(store, settings, user, receiver)
    (again,) = await let_leases_lapse(store, user)
    assert (again.delivery_id, again.token) == (handed.delivery_id, handed.token + 1)
    await _deliver(store, settings, user, handed)
    assert receiver.arrivals() == []
    await _deliver(store, settings, user, again)
    assert [arrival.key for arrival in receiver.arrivals()] == [handed.delivery_id]


async def test_a_late_failure_does_not_undo_what_another_worker_has_in_hand(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    handed, _ = await _one(store, settings, user, receiver)
    assert await claim(store, user.partition, handed, now_ms())
    (again,) = await let_leases_lapse(store, user)
    before = await state_of(store, user, handed)
    late = await report(
        store, user.partition, handed, now=now_ms(), delivered=False, detail="late", again_at=None
    )
    assert not late
    assert await state_of(store, user, handed) == before
    await _deliver(store, settings, user, again)
    assert len(receiver.arrivals()) == 1


async def test_a_late_success_keeps_the_delivery_from_being_sent_again(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    handed, _ = await _one(store, settings, user, receiver)
    assert await claim(store, user.partition, handed, now_ms())
    (again,) = await let_leases_lapse(store, user)
    assert await report(
        store, user.partition, handed, now=now_ms(), delivered=True, detail="HTTP 200", again_at=None
    )
    await _deliver(store, settings, user, again)
    assert receiver.arrivals() == []
    assert await waiting(store, user) == {}


async def test_a_channel_switched_off_in_between_gets_nothing_and_the_delivery_ends(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    check = await watched(store, settings, user, "job", receiver.url("/hook"))
    await fall_overdue(store, user)
    (handed,) = await handed_out(store, user)
    await change_webhook(store, settings, user, check, WebhookChange(None, False))
    await _deliver(store, settings, user, handed)
    assert receiver.arrivals() == []
    assert (await state_of(store, user, handed))["state"] == "dropped"
    assert await waiting(store, user) == {}


async def test_a_channel_switched_off_before_the_dispatch_makes_no_delivery(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    check = await watched(store, settings, user, "job", receiver.url("/hook"))
    await fall_overdue(store, user)
    await change_webhook(store, settings, user, check, WebhookChange(None, False))
    assert await handed_out(store, user) == []
    assert await store.redis.xlen(keys.outbox(user.partition)) == 0


async def test_a_secret_sealed_under_another_master_key_waits_for_the_right_one(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    handed, channel = await _one(store, settings, user, receiver)
    await _deliver(store, with_master_key(settings, Fernet.generate_key().decode()), user, handed)
    assert receiver.arrivals() == []
    assert (await state_of(store, user, handed))["state"] == "due"
    shown = (await read_channels(store, user, [channel]))[channel]
    assert (shown.last_status, shown.last_message) == (
        "error",
        "The secret can't be read: its operator's log says why.",
    )


async def test_a_kind_of_a_newer_version_is_tried_again_later(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    handed, channel = await _one(store, settings, user, receiver)
    await store.redis.hset(keys.channel(user.partition, channel), "kind", "pigeon")
    now = now_ms()
    await _deliver(store, settings, user, handed)
    assert (await state_of(store, user, handed))["state"] == "due"
    assert 4_000 <= (await waiting(store, user))[handed.delivery_id] - now < 7_000
    assert "pigeon" in str((await read_channels(store, user, [channel]))[channel].last_message)


async def test_a_failure_makes_it_due_again_by_the_plan_and_a_permanent_one_ends_it(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    receiver.answer("/hook", Answer(503), Answer(404))
    handed, _ = await _one(store, settings, user, receiver)
    now = now_ms()
    await _deliver(store, settings, user, handed)
    due = (await waiting(store, user))[handed.delivery_id]
    assert 4_000 <= due - now < 7_000
    (again,) = await let_leases_lapse(store, user)
    await _deliver(store, settings, user, again)
    record = await state_of(store, user, handed)
    assert (record["state"], record["attempts"]) == ("failed", "2")
    assert await waiting(store, user) == {}
    assert len({arrival.key for arrival in receiver.arrivals()}) == 1


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
            user, _ = await create_user(
                store, now=now_ms(), master=settings.master_key, address="", most_per_address=None
            )
            handed, _ = await _one(store, ours, user, receiver)
            receiver.delay = 0.5
            sending = asyncio.create_task(_deliver(store, ours, user, handed))
            await eventually(lambda: _arrived(receiver, 1))
            server.process.kill()
            server.process.wait()
            await sending  # no exception: the lease brings it back
            (folder / "redis.sock").unlink()
            receiver.delay = 0
            server = start_redis(folder)
            await wait_until_ready(store)
            assert (await state_of(store, user, handed))["state"] == "sending"
            (again,) = await let_leases_lapse(store, user)
            await _deliver(store, ours, user, again)
            assert await let_leases_lapse(store, user) == []
    finally:
        server.process.kill()
        server.process.wait()
    assert [arrival.key for arrival in receiver.arrivals()] == [handed.delivery_id] * 2


async def test_the_deliveries_of_a_slice_are_sent_at_the_same_time(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    receiver.delay = 0.2
    for number in range(100):
        await watched(store, settings, user, f"job-{number}", receiver.url("/hook"))
    await fall_overdue(store, user)
    handed = await handed_out(store, user)
    assert len(handed) == 100
    await deliver_slice(settings, user.partition, handed)
    assert len({arrival.key for arrival in receiver.arrivals()}) == len(receiver.arrivals()) == 100
    assert receiver.most_at_once > 10
    assert await waiting(store, user) == {}


@pytest.mark.parametrize("broken", ["event", "settings"])
async def test_a_delivery_that_cannot_be_read_spoils_no_other_of_its_slice(
    store: Store, settings: Settings, user: User, receiver: Receiver, broken: str
) -> None:
    receiver.delay = 0.2
    checks = [
        await watched(store, settings, user, f"job-{number}", receiver.url(f"/{number}"))
        for number in range(5)
    ]
    await fall_overdue(store, user)
    handed = await handed_out(store, user)
    if broken == "event":
        event_id = handed[0].delivery_id.rpartition("-c")[0]
        await store.redis.set(keys.event(user.partition, event_id), "{")
    else:
        await store.redis.hset(keys.channel(user.partition, checks[0].own_webhook or 0), "settings", "{")
    await deliver_slice(settings, user.partition, handed)
    assert len(receiver.arrivals()) == 4
    for delivery in handed[1:]:
        assert (await state_of(store, user, delivery))["state"] == "delivered"
    # The broken one is not lost either: a version that can read it may come.
    assert list(await waiting(store, user)) == [handed[0].delivery_id]


class _Broken:
    """A kind of ours that takes the delivery and then fails by a fault of its own."""

    def __init__(self) -> None:
        self.sent = 0

    async def send(self, *_: object, **__: object) -> None:
        self.sent += 1
        raise ZeroDivisionError


async def test_a_fault_of_our_own_while_sending_is_tried_again_by_the_plan_and_not_for_ever(
    store: Store, settings: Settings, user: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed, _ = await _one(store, settings, user, receiver)
    broken = _Broken()
    monkeypatch.setitem(KINDS, "webhook", broken)
    now = now_ms()
    await _deliver(store, settings, user, handed)
    assert broken.sent == 1
    assert (await state_of(store, user, handed))["state"] == "due"
    assert 4_000 <= (await waiting(store, user))[handed.delivery_id] - now < 7_000


async def _arrived(receiver: Receiver, count: int) -> bool:
    return len(receiver.arrivals()) >= count


def test_a_slice_keeps_the_order_of_a_checks_events_to_a_channel() -> None:
    names = ("7-100-5-c1", "7-99-5-c1", "7-99-5-c2", "8-1-5-c1")
    order = [[one.delivery_id for one in group] for group in in_order([Handed(name, 1) for name in names])]
    assert order == [["7-99-5-c1", "7-100-5-c1"], ["7-99-5-c2"], ["8-1-5-c1"]]
