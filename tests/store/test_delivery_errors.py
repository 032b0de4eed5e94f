"""Attempts that failed, as operators see them."""

from tests.lua.parts import NOON, make_channel, make_check, make_user, ping
from ttr import accounts
from ttr.store import deliveries, keys, outbox
from ttr.store.delivery_errors import forget_errors, read_errors
from ttr.store.redis import Store
from ttr.store.users import User


async def fail(store: Store, user: User, *, now: int = NOON, again_at: int | None = None) -> str:
    """A check fails, and so does its message; the delivery."""
    channel = await make_channel(store, user, name="Ops <b>", address=f"a{now}-{user.id}")
    check = await make_check(store, user, channels=(channel.id,))
    await ping(store, user, check.id, "fail", now=now, request=f"{user.id}-{now}", reason="fail")
    (entry,) = await outbox.read_outbox(store, user.partition, 10)
    await outbox.dispatch_entry(store, user.partition, entry, now, {"webhook": 5})
    (lane,) = await deliveries.hand_out(store, user.partition, now=now, most=1)
    claimed = await deliveries.claim(store, lane, now)
    assert claimed is not None
    said = claimed.notification
    attempt = deliveries.Attempt(now, "failed", "server_error", 500, 12, 'it said "no" <i>', again_at)
    for _ in range(2):  # the answer of the first report was lost
        await deliveries.report(store, lane, said.id, said.channel_id, attempt)
    return said.id


async def test_what_failed_is_told_newest_first_with_what_became_of_it(store: Store) -> None:
    one, two = await make_user(store), await make_user(store)
    first = await fail(store, one, again_at=NOON + 5_000)
    second = await fail(store, two, now=NOON + 1)
    found, total = await read_errors(store, size=10)
    assert total == 2
    newest, oldest = found
    assert (newest.user_id, newest.delivery_id, newest.state) == (two.id, second, "failed")
    assert (oldest.user_id, oldest.delivery_id, oldest.state) == (one.id, first, "due")
    assert (oldest.channel_kind, oldest.channel_name) == ("webhook", "Ops <b>")
    assert (oldest.attempt.detail, oldest.attempt.status) == ('it said "no" <i>', 500)
    assert oldest.attempt.again_at == NOON + 5_000
    assert await read_errors(store, size=1, offset=1) == ([oldest], 2)
    assert await read_errors(store, size=1, offset=2) == ([], 2)


async def test_an_error_outlives_its_delivery(store: Store) -> None:
    user = await make_user(store)
    delivery = await fail(store, user)
    await store.redis.delete(keys.delivery(user.partition, delivery))
    ((error,), _) = await read_errors(store, size=10)
    assert (error.state, error.channel_name) == (None, "")


async def test_a_partition_keeps_a_hundred(store: Store) -> None:
    user = await make_user(store)
    key = keys.delivery_errors(user.partition)
    await store.redis.rpush(key, *(f'9 d{n} [{n},"failed","",null,1,"",null]' for n in range(150)))
    await fail(store, user)
    assert await store.redis.llen(key) == 100
    _, total = await read_errors(store, size=1)
    assert total == 100


async def test_what_was_delivered_is_no_error(store: Store) -> None:
    user = await make_user(store)
    channel = await make_channel(store, user)
    check = await make_check(store, user, channels=(channel.id,))
    await ping(store, user, check.id, "fail", now=NOON, reason="fail")
    (entry,) = await outbox.read_outbox(store, user.partition, 10)
    await outbox.dispatch_entry(store, user.partition, entry, NOON, {"webhook": 5})
    (lane,) = await deliveries.hand_out(store, user.partition, now=NOON, most=1)
    claimed = await deliveries.claim(store, lane, NOON)
    assert claimed is not None
    done = deliveries.Attempt(NOON, "delivered", "", 200, 1, "HTTP 200", None)
    await deliveries.report(store, lane, claimed.notification.id, channel.id, done)
    assert await read_errors(store, size=10) == ([], 0)


async def test_those_of_a_deleted_account_go_with_it(store: Store) -> None:
    leaving = await make_user(store)
    await store.redis.incrby(keys.sequence("user"), keys.PARTITIONS - 1)
    staying = await make_user(store)
    assert leaving.partition == staying.partition
    await fail(store, leaving)
    await fail(store, staying, now=NOON + 60_000)
    await accounts.delete_account(store, leaving, now=NOON)
    found, total = await read_errors(store, size=10)
    assert ([error.user_id for error in found], total) == ([staying.id], 1)
    await forget_errors(store, leaving.id)
