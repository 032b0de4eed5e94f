"""The snapshot of a destination's rate, as the store reads it, agrees with what the bucket does."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ttr.domain.rate import RateRules, fresh, rules, snapshot
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.errors import StoreUnavailable
from ttr.store.rates import DISABLED, SendOutcome, read_rate, report_send, take_token
from ttr.store.redis import Store, open_store

NOON = 1_772_366_400_000  # 2026-03-01 12:00 UTC
RULES: RateRules = rules(Settings())


async def report(store: Store, outcome: SendOutcome, *, hint: int | None = None, send: str, now: int) -> None:
    """Report a send to the one destination."""
    await report_send(
        store,
        RULES,
        "slack-a",
        outcome=outcome,
        retry_after_ms=hint,
        hold_ms=None,
        send_id=send,
        now=now,
    )


async def test_a_destination_never_seen_shows_the_start_and_is_not_written(store: Store) -> None:
    found = await read_rate(store, RULES, "slack-a", NOON)
    assert found == snapshot(RULES, fresh(RULES, NOON), waiting=0, sent_per_minute=0, now=NOON)
    assert await store.redis.exists(keys.rate("slack-a")) == 0


async def test_the_snapshot_counts_the_last_minute_and_who_waits(store: Store) -> None:
    await report(store, "delivered", send="1/1", now=NOON)
    await report(store, "delivered", send="2/1", now=NOON + 1)
    for number in range(8):
        await take_token(store, RULES, "slack-a", who=f"1:{number}", now=NOON + 1)
    found = await read_rate(store, RULES, "slack-a", NOON + 1)
    assert (found["sent_per_minute"], found["waiting"], found["tokens"]) == (2, 3, 0)
    assert (found["limited_reason"], found["retry_after_seconds"]) == ("rate_limited", 8)
    assert (await read_rate(store, RULES, "slack-a", NOON + 60_000))["sent_per_minute"] == 1
    # Nobody came back for their turns at 2, 4 and 6 s: the last place is given up at 11 s.
    assert (await read_rate(store, RULES, "slack-a", NOON + 11_001))["waiting"] == 1
    late = await read_rate(store, RULES, "slack-a", NOON + 11_002)
    assert (late["waiting"], late["limited"]) == (0, False)


async def test_one_destination_says_nothing_about_another(store: Store) -> None:
    await report(store, "rate_limited", hint=34_000, send="1/1", now=NOON)
    assert (await read_rate(store, RULES, "slack-a", NOON + 4_000))["backoff_seconds_remaining"] == 30
    assert (await read_rate(store, RULES, "slack-b", NOON + 4_000))["limited"] is False
    assert (await take_token(store, RULES, "slack-b", who="1:1", now=NOON)).granted


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    takes=st.integers(0, 9),
    outcomes=st.lists(st.sampled_from(("delivered", "rate_limited", "transient")), max_size=4),
    later=st.integers(0, 9_000),
)
async def test_a_newcomer_is_told_what_the_snapshot_says(
    store: Store, takes: int, outcomes: list[SendOutcome], later: int
) -> None:
    await store.redis.flushall()
    for number, outcome in enumerate(outcomes):
        await report(store, outcome, hint=1_000, send=f"{number}/1", now=NOON)
    for number in range(takes):
        await take_token(store, RULES, "slack-a", who=f"1:{number}", now=NOON)
    now = NOON + later
    found = await read_rate(store, RULES, "slack-a", now)
    taken = await take_token(store, RULES, "slack-a", who="2:1", now=now)
    assert taken.granted == (not found["limited"])
    assert taken.reason == found["limited_reason"]
    seconds = found["retry_after_seconds"]
    assert isinstance(seconds, (int, float))
    if taken.reason == "rate_limited" and seconds > 10:
        seconds = max(10, seconds / 2)  # a long wait is told by half
    assert taken.wait_ms == pytest.approx(seconds * 1_000, abs=2)


async def test_without_a_destination_there_is_no_rate(store: Store) -> None:
    assert DISABLED == {"enabled": False}
    with pytest.raises(ValueError, match="destination"):
        await read_rate(store, RULES, "", NOON)
    with pytest.raises(ValueError, match="destination"):
        await take_token(store, RULES, "", who="1:1", now=NOON)


async def test_a_redis_that_is_away_is_said_in_our_words() -> None:
    async with open_store("unix:///nowhere/redis.sock") as store:
        with pytest.raises(StoreUnavailable):
            await read_rate(store, RULES, "slack-a", NOON)
        with pytest.raises(StoreUnavailable):
            await take_token(store, RULES, "slack-a", who="1:1", now=NOON)
