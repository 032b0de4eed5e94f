"""What waits, whoever's."""

from tests.lua.parts import NOON, make_channel, make_check, make_user, ping
from ttr.domain.rate import rules
from ttr.settings import Settings
from ttr.store import outbox, rates
from ttr.store.redis import Store
from ttr.store.users import User
from ttr.store.waiting import LANES_MOST, read_backlog, read_waiting

RULES = rules(Settings())


async def wait_for(store: Store, user: User, destination: str, *, dispatched: bool = True) -> None:
    """An alert that waits for this destination."""
    channel = await make_channel(store, user, destination=destination, address=destination)
    check = await make_check(store, user, channels=(channel.id,))
    await ping(store, user, check.id, "fail", now=NOON, request=destination, reason="fail")
    if dispatched:
        (entry,) = await outbox.read_outbox(store, user.partition, 10)
        await outbox.dispatch_entry(store, user.partition, entry, NOON, {"webhook": 5})


async def test_the_backlog_counts_what_waits_in_each_partition(store: Store) -> None:
    user = await make_user(store)
    await wait_for(store, user, "webhook-1")
    await wait_for(store, user, "webhook-2", dispatched=False)
    found = await read_backlog(store)
    assert [one.partition for one in found] == list(range(16))
    mine = found[user.partition]
    assert (mine.undispatched, mine.lanes, mine.oldest_due) == (1, 1, NOON)
    other = found[(user.partition + 1) % 16]
    assert (other.undispatched, other.lanes, other.oldest_due) == (0, 0, None)


async def test_the_worst_destination_comes_first(store: Store) -> None:
    one, two = await make_user(store), await make_user(store)
    await wait_for(store, one, "slack-calm")
    await wait_for(store, one, "slack-backs-off")
    await wait_for(store, two, "slack-backs-off")
    await rates.report_send(
        store,
        RULES,
        "slack-backs-off",
        outcome="rate_limited",
        retry_after_ms=60_000,
        hold_ms=None,
        send_id="1",
        now=NOON,
    )
    worst, calm = await read_waiting(store, RULES, NOON)
    assert (worst.destination, worst.accounts, worst.lanes) == ("slack-backs-off", (one.id, two.id), 2)
    assert worst.rate["backoff_seconds_remaining"] == 60
    assert (calm.destination, calm.failing, calm.rate["tokens"]) == ("slack-calm", False, 5)


async def test_of_each_partition_only_those_that_are_due_first_are_looked_at(store: Store) -> None:
    user = await make_user(store)
    for number in range(LANES_MOST + 2):
        await wait_for(store, user, f"webhook-{number}")
    assert len(await read_waiting(store, RULES, NOON)) == LANES_MOST


async def test_nothing_waits(store: Store) -> None:
    assert await read_waiting(store, RULES, NOON) == []
