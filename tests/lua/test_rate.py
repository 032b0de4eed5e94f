"""take_token.lua and report_send.lua: whatever callers, services and clocks do, the bucket keeps its word."""

import asyncio
import heapq
import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.everywhere import key_names
from ttr.domain.rate import RateRules, rules
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.rates import SendOutcome, Taken, report_send, rules_json, take_token
from ttr.store.redis import Store

NOON = 1_772_366_400_000  # 2026-03-01 12:00 UTC
DAY = 86_400_000
DEFAULT = rules(Settings())
OUTCOMES: tuple[SendOutcome, ...] = ("delivered", "rate_limited", "transient", "permanent")

# A destination is one key, so a cluster shows the same of each example; the other tests run on both.
# Each example has a destination of its own on the one server.
some = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
numbers = itertools.count()

RULES = st.builds(
    lambda **given: rules(Settings.model_validate(given)),
    rc_start_rps=st.sampled_from([0.01, 0.5, 3]),
    rc_rps_min=st.sampled_from([0.001, 0.1, 1]),
    rc_rps_max=st.sampled_from([0.05, 2, 40]),
    rc_assumed_limit_per_min=st.sampled_from([6, 30, 600]),
    rc_burst_max=st.sampled_from([1, 2.5, 5, 20]),
    rc_ai_step=st.sampled_from([0.01, 0.05, 1]),
    rc_backoff_level_max=st.sampled_from([1, 6]),
    rc_backoff_max=st.sampled_from([5, 300]),
)


@dataclass
class Destination:
    """One destination under test, with a clock that the test moves."""

    store: Store
    rules: RateRules = DEFAULT
    name: str = field(default_factory=lambda: f"webhook-{next(numbers)}")
    now: int = NOON
    sends: int = 0

    async def take(self, who: str = "3:17") -> Taken:
        """Ask for a token now."""
        return await take_token(self.store, self.rules, self.name, who=who, now=self.now)

    async def report(
        self, outcome: SendOutcome, hint: int | None = None, hold: int | None = None, send: str = ""
    ) -> None:
        """Report a send now, a new one unless it is named."""
        self.sends += 1
        await report_send(
            self.store,
            self.rules,
            self.name,
            outcome=outcome,
            retry_after_ms=hint,
            hold_ms=hold,
            send_id=send or f"1-2-3-c4/{self.sends}",
            now=self.now,
        )

    async def state(self) -> dict[str, float]:
        """The numbers of the stored hash."""
        found = await self.store.redis.hgetall(keys.rate(self.name))
        return {name.decode(): float(found[name]) for name in found if name not in (b"granted", b"reported")}

    async def waiting(self) -> list[str]:
        """Who waits, in order."""
        found = await self.store.redis.zrange(keys.rate_waiting(self.name), 0, -1)
        assert set(found) == set(await self.store.redis.zrange(keys.rate_turns(self.name), 0, -1))
        return [who.decode() for who in found]


@dataclass
class Model:
    """What the rules say of rate, back-off level and back-off, told again in Python."""

    rules: RateRules
    rate: float
    most: float
    level: int = 0
    until: int = 0

    def hear(self, outcome: SendOutcome, hint: int | None, hold: int | None, now: int) -> None:
        """A report."""
        wait = hold or 0
        if outcome == "delivered":
            self.rate += self.rules.step
            self.most = min(self.rules.burst, self.most + 0.25)
            self.level = max(0, self.level - 1)
        elif outcome == "rate_limited":
            self.rate *= self.rules.hard
            self.most = max(1, self.most / 2)
            self.level = min(self.rules.level_max, self.level + 1)
            own = min(self.rules.backoff_max_ms, self.rules.backoff_base_ms * 2 ** (self.level - 1))
            wait = max(wait, min(hint, DAY) if hint else int(own))
        elif outcome == "transient":
            self.rate *= self.rules.soft
            wait = max(wait, 2_000)
        self.rate = min(self.rules.cap, max(self.rules.drip, self.rate))
        if wait:
            self.until = max(self.until, now + wait)


steps = st.tuples(st.just("step"), st.integers(-20_000, 60_000))
takes = st.tuples(st.just("take"), st.sampled_from("abcd"))
hints = st.none() | st.sampled_from([0, 1, 900, 5_000, 34_000, 2 * DAY])
reports = st.tuples(
    st.just("report"),
    st.sampled_from(OUTCOMES),
    hints,
    st.none() | st.sampled_from([1, 700, 12_000]),
)


@pytest.mark.single_redis
@some
@given(rate_rules=RULES, script=st.lists(takes | takes | steps | reports, max_size=60))
async def test_whatever_happens_the_bucket_stays_inside_its_bounds(
    store: Store, rate_rules: RateRules, script: list[tuple[Any, ...]]
) -> None:
    there = Destination(store, rate_rules)
    model = Model(rate_rules, rate_rules.start, rate_rules.burst)
    latest = NOON
    grants: list[int] = []
    for step, *details in script:
        if step == "step":
            # Back only as far as a clock may that was right before: to 60 s behind the latest.
            there.now = max(there.now + details[0], latest - 60_000)
            latest = max(latest, there.now)
        elif step == "report":
            await there.report(*details)
            model.hear(*details, there.now)
        else:
            taken = await there.take(details[0])
            if taken.granted:
                assert (taken.wait_ms, taken.reason) == (0, None)
                assert there.now >= model.until, "a hint is honoured to the millisecond"
                grants.append(latest)
            elif there.now < model.until:
                assert taken == Taken(False, model.until - there.now, "backoff")
            else:
                assert taken.reason == "rate_limited"
                assert taken.wait_ms >= 1
        found = await there.state()
        if not found:
            continue
        assert found["rps"] == pytest.approx(model.rate), "only reports change the rate"
        assert rate_rules.drip <= found["rps"] <= rate_rules.cap
        assert found["max_tokens"] == model.most
        assert 0 <= found["tokens"] <= found["max_tokens"]
        assert found["backoff_until"] == model.until
        assert found["level"] == model.level
    for first, last in itertools.combinations(range(len(grants)), 2):
        seconds = (grants[last] - grants[first]) / 1000
        assert last - first + 1 <= rate_rules.burst + rate_rules.cap * seconds + 1e-6


@pytest.mark.single_redis
@some
@given(
    rate_rules=RULES,
    bad=st.lists(st.tuples(st.sampled_from(OUTCOMES), hints), max_size=12),
)
async def test_enough_successes_bring_any_destination_back_to_the_cap_and_the_full_burst(
    store: Store, rate_rules: RateRules, bad: list[tuple[SendOutcome, int | None]]
) -> None:
    there = Destination(store, rate_rules)
    for outcome, hint in bad:
        await there.report(outcome, hint)
    needed = max((rate_rules.cap - rate_rules.drip) / rate_rules.step, 4 * rate_rules.burst, 6)
    for _ in range(min(int(needed) + 2, 1_100)):
        await there.report("delivered")
    found = await there.state()
    assert (found["rps"], found["max_tokens"], found["level"]) == (rate_rules.cap, rate_rules.burst, 0)
    there.now += 2 * DAY
    granted = [(await there.take()).granted for _ in range(int(rate_rules.burst) + 1)]
    assert granted == [True] * int(rate_rules.burst) + [False]


@pytest.mark.single_redis
@some
@given(
    rate=st.sampled_from([0.1, 0.5, 3, 7.3]),
    asks=st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 9)), min_size=2, max_size=25),
)
async def test_nobody_who_comes_in_time_is_overtaken(
    store: Store, rate: float, asks: list[tuple[int, int]]
) -> None:
    same = {
        "rc_start_rps": rate,
        "rc_rps_max": rate,
        "rc_assumed_limit_per_min": rate * 60,
        "rc_burst_max": 2,
    }
    there = Destination(store, rules(Settings.model_validate(same)))
    queue: list[tuple[int, int, str, int]] = []
    order = itertools.count()
    at = NOON
    for number, (later, eagerness) in enumerate(asks):
        at += later
        heapq.heappush(queue, (at, next(order), f"1:{number}", eagerness))
    came: list[str] = []
    left: list[str] = []
    while queue:
        there.now, _, who, eagerness = heapq.heappop(queue)
        assert next(order) < 1_000, "everybody gets a token in the end"
        if who not in came:
            came.append(who)
        taken = await there.take(who)
        if taken.granted:
            left.append(who)
        else:
            # The eager ask some times before their turn, which must gain them nothing.
            wait = max(1, taken.wait_ms // 3) if eagerness > 0 else taken.wait_ms
            heapq.heappush(queue, (there.now + wait, next(order), who, eagerness - 1))
    assert left == came
    assert await there.waiting() == []


@pytest.mark.parametrize("workers", [2, 5, 40])
async def test_workers_that_hammer_one_destination_share_it(store: Store, workers: int) -> None:
    there = Destination(store)
    for _ in range(5):
        assert (await there.take("2:1")).granted
    queue = [(NOON + number, number) for number in range(workers)]
    got = [0] * workers
    minutes = 8
    asks = 0
    while queue[0][0] < NOON + minutes * 60_000:
        there.now, who = heapq.heappop(queue)
        asks += 1
        assert asks < 8_000
        taken = await there.take(f"1:{who}")
        got[who] += taken.granted
        # Worker 0 asks again and again before its turn.
        wait = taken.wait_ms if who else max(1, taken.wait_ms // 3)
        heapq.heappush(queue, (there.now + wait, who))
    assert max(got) - min(got) <= 1
    # Nothing of the rate is lost, and nothing is added to it.
    assert sum(got) == pytest.approx(0.5 * minutes * 60, abs=1)


async def test_a_burst_of_the_same_moment_grants_the_burst_and_no_more(store: Store) -> None:
    there = Destination(store)
    taken = await asyncio.gather(*(there.take(f"1:{number}") for number in range(20)))
    assert sum(one.granted for one in taken) == 5
    waits = sorted(one.wait_ms for one in taken if not one.granted)
    # Two seconds each; what is more than 10 s away is told by half.
    assert waits == sorted(
        [2_000, 4_000, 6_000, 8_000, 10_000] + [10_000] * 5 + [11_000, 12_000, 13_000, 14_000, 15_000]
    )
    assert (await there.state())["rps"] == 0.5


async def test_a_repeated_take_is_granted_once(store: Store) -> None:
    there = Destination(store)
    with_id = [b"3:17", "one request", NOON, rules_json(DEFAULT)]
    for _ in range(3):
        assert await store.scripts.run_on("take_token", keys.rate(there.name), with_id) == [1, 0, b""]
    assert (await there.state())["tokens"] == 4
    assert (await there.take()).granted
    assert await store.scripts.run_on("take_token", keys.rate(there.name), with_id) == [1, 0, b""]
    assert (await there.state())["tokens"] == 3


@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_a_repeated_report_changes_nothing(store: Store, outcome: SendOutcome) -> None:
    there = Destination(store)
    await there.report("rate_limited", 1_000)
    there.now += 500
    await there.report(outcome, 7_000, 3_000, "1-1-1-c1/2")
    before = await there.state()
    for _ in range(2):
        await there.report(outcome, 7_000, 3_000, "1-1-1-c1/2")
        assert await there.state() == before
    await there.report(outcome, 7_000, 3_000, "1-1-1-c1/3")
    assert outcome == "permanent" or await there.state() != before


async def test_a_permanent_refusal_and_waiting_say_nothing_about_the_rate(store: Store) -> None:
    there = Destination(store)
    for _ in range(5):
        await there.take()
    before = await there.state()
    await there.report("permanent")
    for number in range(30):
        assert not (await there.take(f"1:{number}")).granted
    after = await there.state()
    assert {**after, "ticket": 0} == {**before, "ticket": 0}


async def test_a_refusal_halves_and_a_failure_slows_with_a_pause(store: Store) -> None:
    there = Destination(store)
    await there.report("transient")
    found = await there.state()
    assert (found["rps"], found["max_tokens"], found["backoff_until"]) == (0.4, 5, NOON + 2_000)
    await there.report("rate_limited")
    found = await there.state()
    assert (found["rps"], found["max_tokens"], found["tokens"]) == (0.2, 2.5, 2.5)
    for expected in (4, 8, 16, 32, 64, 64):
        await there.report("rate_limited")
        assert (await there.state())["backoff_until"] == NOON + expected * 1_000
    found = await there.state()
    assert (found["rps"], found["max_tokens"], found["level"]) == (0.1, 1, 6)


async def test_a_later_smaller_hint_and_a_success_do_not_shorten_a_longer_one(store: Store) -> None:
    there = Destination(store)
    await there.report("rate_limited", 34_000)
    await there.report("rate_limited", 1_000)
    await there.report("delivered", hold=2_000)
    there.now += 33_999
    assert await there.take() == Taken(False, 1, "backoff")
    there.now += 1
    assert (await there.take()).granted


async def test_a_service_that_wants_to_be_left_alone_after_a_success_is_and_keeps_its_rate(
    store: Store,
) -> None:
    there = Destination(store)
    await there.report("delivered", hold=1_500)
    assert await there.take() == Taken(False, 1_500, "backoff")
    assert (await there.state())["rps"] == 0.5


async def test_who_waits_in_a_back_off_keeps_the_place_for_afterwards(store: Store) -> None:
    there = Destination(store)
    for _ in range(4):
        await there.report("rate_limited", 10_000)
    for who in ("1:1", "1:2", "1:3"):
        assert await there.take(who) == Taken(False, 10_000, "backoff")
    there.now += 10_000
    for who in ("1:9", "1:3", "1:2"):
        assert (await there.take(who)).reason == "rate_limited"
    assert (await there.take("1:1")).granted
    assert await there.waiting() == ["1:2", "1:3", "1:9"]


async def test_who_stays_away_for_more_than_five_seconds_after_the_turn_loses_it(store: Store) -> None:
    there = Destination(store)
    for _ in range(5):
        await there.take()
    assert (await there.take("1:1")).wait_ms == 2_000
    assert (await there.take("1:2")).wait_ms == 4_000
    there.now += 7_000
    assert (await there.take("1:9")).granted
    assert await there.waiting() == ["1:1", "1:2"], "exactly five seconds late is in time"
    assert (await there.take("1:1")).granted
    assert (await there.take("1:2")).granted
    assert (await there.take("1:1")).wait_ms == 1_000
    assert (await there.take("1:2")).wait_ms == 3_000
    there.now += 6_001
    assert (await there.take("1:2")).granted
    assert await there.waiting() == []


async def test_a_token_is_set_aside_for_each_that_waits_and_the_next_is_free(store: Store) -> None:
    there = Destination(store)
    for _ in range(5):
        await there.take()
    await there.take("1:1")
    there.now += 3_000  # one and a half
    assert (await there.take("1:2")).wait_ms == 1_000
    there.now += 1_000
    assert (await there.take("1:2")).granted
    assert (await there.take("1:1")).granted


async def test_who_asks_often_is_not_put_off_by_rounding(store: Store) -> None:
    there = Destination(store, rules(Settings(rc_start_rps=0.1, rc_burst_max=1)))
    assert (await there.take()).granted
    for second in range(1, 11):
        there.now = NOON + second * 1_000
        assert (await there.take()).granted == (second == 10)


async def test_the_queue_holds_ten_thousand_and_lapses_at_once(store: Store) -> None:
    there = Destination(store)
    for _ in range(5):
        await there.take()
    crowd = {f"2:{number}": number for number in range(10_000)}
    await store.redis.zadd(keys.rate_waiting(there.name), crowd)
    await store.redis.zadd(keys.rate_turns(there.name), dict.fromkeys(crowd, NOON + 7_000))
    assert (await there.take("1:1")).wait_ms == 10_001_000
    assert len(await there.waiting()) == 10_000
    there.now += 7_001
    assert (await there.take("1:1")).granted
    assert await there.waiting() == []


async def test_sends_of_one_millisecond_all_count_and_old_ones_are_forgotten(store: Store) -> None:
    there = Destination(store)
    for _ in range(3):
        await there.report("delivered")
    await there.report("rate_limited", 1)
    assert await store.redis.zcard(keys.rate_sent(there.name)) == 3
    there.now += 600_000
    await there.report("delivered")
    assert await store.redis.zcard(keys.rate_sent(there.name)) == 1
    assert 890_000 < await store.redis.pttl(keys.rate_sent(there.name)) <= 900_000


async def test_the_state_is_forgotten_in_time_but_never_before_its_back_off_is_over(store: Store) -> None:
    short = rules(Settings(rc_state_ttl_seconds=60))
    there = Destination(store, short)
    await there.take()
    assert 55_000 < await store.redis.pttl(keys.rate(there.name)) <= 60_000
    await there.report("rate_limited", 2 * DAY)
    assert await there.take() == Taken(False, DAY, "backoff")
    for key in (keys.rate, keys.rate_waiting, keys.rate_turns):
        assert await store.redis.pttl(key(there.name)) > DAY
    assert await store.redis.pttl(keys.rate(there.name)) < DAY + 61_000


async def test_a_clock_that_swings_gives_nothing_twice_and_takes_nothing_away(store: Store) -> None:
    there = Destination(store)
    for _ in range(5):
        await there.take()
    granted = 0
    for _ in range(10):
        for there.now in (NOON + 20_000, NOON - 20_000):
            for _ in range(3):
                granted += (await there.take()).granted
    assert granted == 5  # ten tokens of 20 s, of which the bucket holds five
    there.now = NOON + 24_000
    assert [(await there.take()).granted for _ in range(3)] == [True, True, False]


async def test_a_clock_that_was_a_year_ahead_does_not_stop_a_destination(store: Store) -> None:
    there = Destination(store, now=NOON + 365 * DAY)
    for _ in range(5):
        await there.take()
    await there.take("1:1")
    await there.report("transient")
    there.now = NOON
    assert await there.take() == Taken(False, 2_000, "backoff")
    there.now += 2_500
    assert (await there.take()).granted
    assert await there.waiting() == []


async def test_rules_that_became_stricter_bind_what_was_stored_before(store: Store) -> None:
    there = Destination(store, rules(Settings(rc_assumed_limit_per_min=600, rc_burst_max=50, rc_start_rps=2)))
    await there.take()
    there.rules = rules(Settings(rc_assumed_limit_per_min=6, rc_burst_max=2))
    assert [(await there.take(f"1:{number}")).granted for number in range(3)] == [True, True, False]
    assert ((await there.state())["rps"], (await there.take("1:2")).wait_ms) == (0.1, 10_000)


async def test_the_keys_of_a_destination_are_those_that_the_dictionary_names(store: Store) -> None:
    there = Destination(store)
    for _ in range(6):
        await there.take()
    await there.report("delivered")
    named = (keys.rate, keys.rate_sent, keys.rate_waiting, keys.rate_turns)
    assert {key.decode() for key in await key_names(store, "ttr:rate:*")} == {
        key(there.name) for key in named
    }
