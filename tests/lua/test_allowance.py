"""take_allowance.lua, and the limit in ping.lua: the same arithmetic as the domain's, and a refusal changes nothing."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from tests.lua.parts import MINUTE, NOON, dump, fields, make_check, ping
from ttr.domain.allowance import Allowance, Limit, kept_for_signals, take
from ttr.store import allowances, keys
from ttr.store.redis import Store
from ttr.store.users import User

HOURLY = Limit("test", 3, 3_600)
KEY = keys.allowance("test", "7")


async def ask(store: Store, limit: Limit, now: int) -> Allowance:
    """One ask for somebody numbered 7."""
    found = await allowances.take(store, limit, 7, now=now)
    assert found is not None
    return found


async def test_three_an_hour_are_three_and_the_fourth_waits_twenty_minutes(store: Store) -> None:
    found = [await ask(store, HOURLY, NOON) for _ in range(5)]
    assert [a.allowed for a in found] == [True, True, True, False, False]
    assert [a.remaining for a in found] == [2, 1, 0, 0, 0]
    assert [a.reset_ms for a in found] == [20 * MINUTE, 40 * MINUTE, 60 * MINUTE, 60 * MINUTE, 60 * MINUTE]
    assert [a.retry_ms for a in found] == [0, 0, 0, 20 * MINUTE, 20 * MINUTE]
    assert not (await ask(store, HOURLY, NOON + 20 * MINUTE - 1)).allowed
    assert (await ask(store, HOURLY, NOON + 20 * MINUTE)).allowed


async def test_a_refusal_changes_nothing(store: Store) -> None:
    for _ in range(3):
        await ask(store, HOURLY, NOON)
    before, lives = await dump(store), await store.redis.pttl(KEY)
    assert not (await ask(store, HOURLY, NOON + 1)).allowed
    assert await dump(store) == before
    assert await store.redis.pttl(KEY) <= lives


async def test_it_expires_when_it_is_whole(store: Store) -> None:
    await ask(store, HOURLY, NOON)
    assert 19 * MINUTE < await store.redis.pttl(KEY) <= 20 * MINUTE
    await ask(store, HOURLY, NOON)
    assert 39 * MINUTE < await store.redis.pttl(KEY) <= 40 * MINUTE


async def test_zones_and_people_have_allowances_of_their_own(store: Store) -> None:
    one = Limit("test", 1, 3_600)
    assert (await ask(store, one, NOON)).allowed
    assert not (await ask(store, one, NOON)).allowed
    for limit, who in ((one, "8"), (Limit("bulk", 1, 3_600), "7")):
        other = await allowances.take(store, limit, who, now=NOON)
        assert other is not None
        assert other.allowed


@with_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 50), st.integers(3_600, 86_400), st.lists(st.integers(-5_000, 900_000), max_size=40))
async def test_redis_counts_as_the_domain_does(
    store: Store, count: int, seconds: int, gaps: list[int]
) -> None:
    limit, now, whole_at = Limit("test", count, seconds), NOON, 0
    await store.redis.delete(KEY)
    for gap in gaps:
        now += gap
        expected, whole_at = take(limit, whole_at, now)
        assert await ask(store, limit, now) == expected


# 3 a second: 333,334 microseconds each.
THREE = (3, 333_334)


async def test_a_check_is_pinged_so_often_at_once_and_no_more(store: Store, user: User) -> None:
    check = await make_check(store, user)
    answers = [await ping(store, user, check.id, request=f"r{n}", limit=THREE) for n in range(5)]
    assert [answer[0] for answer in answers] == [b"ok"] * 3 + [b"limited"] * 2
    assert answers[3] == [b"limited", 334]
    assert (await fields(store, check))["ping_count"] == "3"


async def test_a_limited_ping_changes_nothing_at_all(store: Store, user: User) -> None:
    check = await make_check(store, user)
    for number in range(3):
        await ping(store, user, check.id, request=f"r{number}", limit=THREE)
    before = await dump(store)
    for kind in ("success", "fail", "start", "log", "ignored"):
        answer = await ping(store, user, check.id, kind, request=kind, body=b"text", limit=THREE)
        assert answer[0] == b"limited"
    assert await dump(store) == before


async def test_the_next_ping_is_taken_when_it_was_promised(store: Store, user: User) -> None:
    check = await make_check(store, user)
    for number in range(3):
        await ping(store, user, check.id, request=f"r{number}", limit=THREE)
    assert (await ping(store, user, check.id, now=NOON + 333, limit=THREE))[0] == b"limited"
    assert (await ping(store, user, check.id, now=NOON + 334, limit=THREE))[0] == b"ok"


@pytest.mark.parametrize("kind", ["log", "ignored"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 50])
async def test_what_is_only_recorded_leaves_half_to_the_signals(
    store: Store, user: User, kind: str, count: int
) -> None:
    limit = Limit("ping-check", count, 3_600)
    check, door = await make_check(store, user), (count, limit.step)
    now, whole_at, taken = NOON, 0, 0
    for number in range(count + 1):
        answer = await ping(store, user, check.id, kind, request=f"r{number}", limit=door)
        expected, whole_at = take(limit, whole_at, now, kept_for_signals(limit))
        assert (answer[0] == b"ok") == expected.allowed
        if not expected.allowed:
            assert answer == [b"limited", expected.retry_ms]
        taken += expected.allowed
    assert taken == count - count // 2
    answers = [await ping(store, user, check.id, request=f"s{number}", limit=door) for number in range(count)]
    assert [answer[0] for answer in answers] == [b"ok"] * (count // 2) + [b"limited"] * (count - count // 2)


async def test_what_was_only_recorded_comes_back_when_it_was_promised(store: Store, user: User) -> None:
    check = await make_check(store, user)
    answers = [await ping(store, user, check.id, "log", request=f"r{n}", limit=THREE) for n in range(3)]
    assert answers[2] == [b"limited", 334]
    assert (await ping(store, user, check.id, "log", now=NOON + 333, limit=THREE))[0] == b"limited"
    assert (await ping(store, user, check.id, "log", now=NOON + 334, limit=THREE))[0] == b"ok"
    assert (await ping(store, user, check.id, "fail", now=NOON + 334, limit=THREE))[0] == b"ok"


async def test_of_a_ping_that_was_judged_by_an_older_revision_nobody_knows_whether_it_is_ignored(
    store: Store, user: User
) -> None:
    check = await make_check(store, user)
    for number in range(2):
        await ping(store, user, check.id, "log", request=f"r{number}", limit=THREE)
    assert (await ping(store, user, check.id, "ignored", revision="0", limit=THREE))[0] == b"stale"


async def test_a_repeat_of_a_taken_ping_is_never_limited(store: Store, user: User) -> None:
    check = await make_check(store, user)
    for number in range(3):
        await ping(store, user, check.id, request=f"r{number}", limit=THREE)
    assert (await ping(store, user, check.id, request="r2", limit=THREE))[0] == b"ok"


async def test_a_ping_that_is_judged_anew_pays_once(store: Store, user: User) -> None:
    check = await make_check(store, user)
    for _ in range(10):
        answer = await ping(store, user, check.id, revision="", request="stale", limit=THREE)
        assert answer[0] == b"stale"
    assert [(await ping(store, user, check.id, request=f"r{n}", limit=THREE))[0] for n in range(4)] == [
        b"ok",
        b"ok",
        b"ok",
        b"limited",
    ]


@pytest.mark.parametrize("limit", [(0, 0), (50, 20_000)])
async def test_fifty_at_once_pass_and_without_a_limit_any_number(
    store: Store, user: User, limit: tuple[int, int]
) -> None:
    check = await make_check(store, user)
    answers = [await ping(store, user, check.id, request=f"r{n}", limit=limit) for n in range(60)]
    passed = sum(answer[0] == b"ok" for answer in answers)
    assert passed == (50 if limit[0] else 60)
    assert ("allowance" in await fields(store, check)) == bool(limit[0])


async def test_the_limit_of_a_check_is_no_other_checks(store: Store, user: User) -> None:
    one, other = await make_check(store, user), await make_check(store, user)
    for number in range(4):
        await ping(store, user, one.id, request=f"r{number}", limit=THREE)
    assert (await ping(store, user, other.id, limit=THREE))[0] == b"ok"
