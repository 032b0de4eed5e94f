"""Flapping: what begins it, what it keeps silent, and how it ends; ping.lua and overdue.lua."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.lua.clock import look, tick, watch
from tests.lua.parts import FLAPS, MINUTE, NOON, armed, dump, fields, make_check, outbox, ping
from ttr.domain.check import Check
from ttr.domain.flapping import FlapRules, flap_rules
from ttr.settings import load_settings
from ttr.store import checks, keys
from ttr.store.deadlines import arm, sweep
from ttr.store.outbox import read_outbox
from ttr.store.redis import Store
from ttr.store.users import User

SECOND = 1_000
CALM = FLAPS.suppression_ms


async def change(
    store: Store,
    user: User,
    check: Check,
    times: int,
    *,
    now: int,
    step: int = SECOND,
    flap: FlapRules = FLAPS,
) -> list[int]:
    """Let it change between up and down, the first time at `now`; returns how many alerts each change made."""
    alerts = []
    for number in range(times):
        failing = (await fields(store, check))["status"] == "up"
        kind = "fail" if failing else "success"
        answer = await ping(
            store,
            user,
            check.id,
            kind,
            now=now + number * step,
            reason="fail" if failing else "",
            body=b"out %d" % number,
            flap=flap,
        )
        alerts.append(int(answer[3]))
    return alerts


async def up_check(store: Store, user: User, **changes: Any) -> Check:
    """A check that is up since noon and due in a day, so that only pings change it."""
    check = await make_check(store, user, **{"slug": "one", "grace_seconds": 86_400, **changes})
    await ping(store, user, check.id, now=NOON, request="the first")
    return check


async def kinds(store: Store, user: User) -> list[str]:
    """The kinds of all events so far."""
    return [event["kind"] for event in await outbox(store, user.partition)]


async def flapping_until(store: Store, check: Check) -> int | None:
    """When it will have been calm for long enough, as the hash and the sorted set agree."""
    score = await store.redis.zscore(keys.flapping(keys.partition_of(check.user_id)), str(check.id))
    stored = (await fields(store, check)).get("flapping_until") or None
    assert stored == (None if score is None else str(int(score)))
    return None if score is None else int(score)


def test_the_operators_seconds_are_milliseconds_here() -> None:
    settings = load_settings({"FLAP_WINDOW_SECONDS": "60", "FLAP_THRESHOLD_CHANGES": "4"})
    assert flap_rules(settings) == FlapRules(60_000, 4, 180_000)


async def test_five_changes_are_told_and_the_sixth_is_flapping(store: Store, user: User) -> None:
    check = await up_check(store, user)
    assert await change(store, user, check, 6, now=NOON + SECOND) == [1, 1, 1, 1, 1, 1]
    assert await kinds(store, user) == ["down", "up", "down", "up", "down", "flapping"]
    *_, event = [entry.event for entry in await read_outbox(store, user.partition, 10)]
    assert (event.kind, event.flips, event.status, event.at) == ("flapping", 6, "up", NOON + 6 * SECOND)
    assert (event.output, event.may_acknowledge) == ("out 5", False)
    assert await flapping_until(store, check) == NOON + 6 * SECOND + CALM
    found = await checks.get_check(store, user, "one")
    assert (found.flapping, found.flip_count) == (True, 6)


async def test_a_failure_that_begins_it_says_why(store: Store, user: User) -> None:
    check = await up_check(store, user, remind_every_minutes=1)
    await change(store, user, check, 3, now=NOON, flap=replace(FLAPS, threshold=3))
    *_, event = [entry.event for entry in await read_outbox(store, user.partition, 10)]
    assert (event.kind, event.status, event.reason) == ("flapping", "down", "fail")
    assert (event.down_since, event.failure_count, event.output) == (NOON + 2 * SECOND, 1, "out 2")
    assert not event.may_acknowledge
    assert await kinds(store, user) == ["down", "up", "flapping"]


@pytest.mark.parametrize(("age", "flapping"), [(0, True), (1, False)])
async def test_a_change_exactly_as_old_as_the_window_still_counts(
    store: Store, user: User, age: int, flapping: bool
) -> None:
    check = await up_check(store, user)
    first = NOON + SECOND
    await change(store, user, check, 5, now=first)
    await change(store, user, check, 1, now=first + FLAPS.window_ms + age)
    assert (await flapping_until(store, check) is not None) is flapping
    assert (await kinds(store, user))[-1] == ("flapping" if flapping else "up")


async def test_a_threshold_of_nothing_means_never(store: Store, user: User) -> None:
    check = await up_check(store, user)
    await change(store, user, check, 40, now=NOON, flap=replace(FLAPS, threshold=0))
    assert await kinds(store, user) == ["down", "up"] * 20
    assert await flapping_until(store, check) is None


async def test_what_does_not_change_the_status_is_not_counted(store: Store, user: User) -> None:
    check = await up_check(store, user)
    await change(store, user, check, 4, now=NOON)
    for number in range(20):
        await ping(store, user, check.id, now=NOON + 5 * SECOND + number)
    await change(store, user, check, 1, now=NOON + 6 * SECOND)
    for number in range(20):
        await ping(store, user, check.id, "fail", now=NOON + 7 * SECOND + number, reason="fail")
    assert await kinds(store, user) == ["down", "up", "down", "up", "down"]


async def test_the_first_change_of_a_new_check_and_those_before_a_pause_do_not_count(
    store: Store, user: User
) -> None:
    check = await make_check(store, user, slug="one", grace_seconds=86_400)
    three = replace(FLAPS, threshold=3)
    await change(store, user, check, 3, now=NOON, flap=three)  # new to up, down, up
    assert await kinds(store, user) == ["down", "up"]
    await checks.pause_check(store, user, "one", now=NOON + 4 * SECOND)
    await checks.resume_check(store, user, "one", now=NOON + 5 * SECOND)
    await change(store, user, check, 2, now=NOON + 6 * SECOND, flap=three)
    assert await kinds(store, user) == ["down", "up", "down", "up"]
    await change(store, user, check, 1, now=NOON + 8 * SECOND, flap=three)
    assert (await kinds(store, user))[-1] == "flapping"


async def test_while_it_flaps_nothing_is_told_and_each_change_prolongs_it(store: Store, user: User) -> None:
    check = await up_check(store, user, remind_every_minutes=1)
    await change(store, user, check, 6, now=NOON)
    told = await kinds(store, user)
    later = NOON + 5 * SECOND + CALM - 1
    assert await change(store, user, check, 5, now=later, step=MINUTE) == [0] * 5
    assert await flapping_until(store, check) == later + 4 * MINUTE + CALM
    assert (await fields(store, check))["flip_count"] == "11"
    # Down now, and failing again prolongs nothing.
    await ping(store, user, check.id, "fail", now=later + 5 * MINUTE, reason="fail")
    assert await watch(store, user, later + 6 * MINUTE) == [
        b"ok",
        str(later + 4 * MINUTE + CALM).encode(),
        0,
        b"",
    ]
    assert await kinds(store, user) == told
    assert await store.redis.exists(keys.reminders(user.partition)) == 0


async def test_it_settles_as_up_when_it_was_calm_and_not_a_millisecond_before(
    store: Store, user: User
) -> None:
    check = await up_check(store, user, notify_on_up=False)
    await change(store, user, check, 6, now=NOON)
    end = NOON + 5 * SECOND + CALM
    assert (await watch(store, user, end - 1))[1:] == [str(end).encode(), 0, b""]
    assert (await watch(store, user, end))[2] == 1
    assert (await watch(store, user, end + 1))[2] == 0
    assert await flapping_until(store, check) is None
    *_, event = [entry.event for entry in await read_outbox(store, user.partition, 10)]
    assert (event.kind, event.status, event.flips, event.at) == ("settled", "up", 6, end)
    assert (event.reason, event.down_since, event.output) == ("", None, "")
    assert (await fields(store, check))["flip_count"] == ""
    await ping(store, user, check.id, now=end + MINUTE)
    assert (await kinds(store, user))[-1] == "settled"
    await ping(store, user, check.id, "fail", now=end + 2 * MINUTE, reason="fail")
    assert (await kinds(store, user))[-1] == "down"


@pytest.mark.parametrize("needed", [None, 3])
async def test_it_settles_as_down_once_is_reminded_and_its_recovery_is_told(
    store: Store, user: User, needed: int | None
) -> None:
    check = await up_check(store, user, notify_after_failures=needed, remind_every_minutes=10)
    await change(store, user, check, 7, now=NOON)
    since, end = NOON + 6 * SECOND, NOON + 6 * SECOND + CALM
    # With a threshold of three, this one failure is not enough to be told, and it is armed meanwhile.
    assert (await armed(store, check) is None) is (needed is None)
    await watch(store, user, end)
    *_, event = [entry.event for entry in await read_outbox(store, user.partition, 20)]
    assert (event.kind, event.status, event.flips) == ("settled", "down", 7)
    assert (event.reason, event.down_since, event.down_ms) == ("fail", since, CALM)
    assert (event.output, event.may_acknowledge) == ("out 6", True)
    found = await checks.get_check(store, user, "one")
    assert (found.alerted, found.due, found.deadline, found.flapping) == (True, None, None, False)
    assert await armed(store, check) is None
    for number in range(5):
        await ping(store, user, check.id, "fail", now=end + MINUTE + number, reason="fail")
    await watch(store, user, end + 10 * MINUTE)
    await ping(store, user, check.id, now=end + 11 * MINUTE)
    assert (await kinds(store, user))[-3:] == ["settled", "reminder", "up"]
    assert (await kinds(store, user)).count("flapping") == 1


async def test_a_threshold_that_is_reached_while_it_flaps_is_told_only_at_its_end(
    store: Store, user: User
) -> None:
    check = await up_check(store, user, notify_after_failures=3)
    assert await change(store, user, check, 7, now=NOON) == [0, 0, 0, 0, 0, 1, 0]
    for number in range(5):
        answer = await ping(store, user, check.id, "fail", now=NOON + 7 * SECOND + number, reason="fail")
        assert answer[3] == 0
    assert await armed(store, check) is None
    assert (await fields(store, check))["alerted"] == "1"
    await ping(store, user, check.id, now=NOON + MINUTE)
    assert (await fields(store, check))["alerted"] == ""
    assert await armed(store, check) is not None
    await watch(store, user, NOON + MINUTE + CALM)
    assert await kinds(store, user) == ["flapping", "settled"]
    assert (await outbox(store, user.partition))[-1]["status"] == "up"


async def test_missed_runs_count_as_changes_and_the_deadline_of_the_same_look_comes_first(
    store: Store, user: User
) -> None:
    check = await make_check(store, user, slug="one", grace_seconds=120)
    flap = replace(FLAPS, window_ms=60 * MINUTE, threshold=2)
    await change(store, user, check, 3, now=NOON, step=1, flap=flap)  # up, down, up: flapping
    last = NOON + 2
    end = last + CALM
    assert await flapping_until(store, check) == await armed(store, check) == end
    await tick(store, user, end)
    await look(store, user, end, flap=flap)
    assert await flapping_until(store, check) == end + CALM
    assert await kinds(store, user) == ["down", "flapping"]
    await tick(store, user, end + CALM)
    await look(store, user, end + CALM, flap=flap)
    *_, event = [entry.event for entry in await read_outbox(store, user.partition, 20)]
    assert (event.kind, event.status, event.reason, event.flips) == ("settled", "down", "overdue", 3)
    assert (event.down_since, event.overdue_ms) == (end, 2 * MINUTE + CALM)


async def test_a_run_that_did_not_come_and_begins_it_is_told_with_the_last_output(
    store: Store, user: User
) -> None:
    check = await make_check(store, user, slug="one")
    flap = replace(FLAPS, window_ms=60 * MINUTE, threshold=3)
    await change(store, user, check, 3, now=NOON, flap=flap)  # up, down, up
    end = NOON + 2 * SECOND + 2 * MINUTE
    await tick(store, user, end)
    await look(store, user, end, flap=flap)
    *_, event = await outbox(store, user.partition)
    assert (event["kind"], event["reason"], event["output"]) == ("flapping", "overdue", "out 2")


async def test_a_look_with_more_deadlines_than_it_takes_ends_no_flapping_yet(
    store: Store, user: User
) -> None:
    check = await up_check(store, user)
    await change(store, user, check, 6, now=NOON)
    end = NOON + 5 * SECOND + CALM
    for _ in range(3):
        await make_check(store, user, now=end - 2 * MINUTE)
    answers = [await watch(store, user, end, limit=2) for _ in range(3)]
    assert [answer[:3:2] for answer in answers] == [[b"more", 2], [b"ok", 2], [b"ok", 0]]
    assert (await kinds(store, user))[-4:] == ["down", "down", "down", "settled"]


async def test_a_change_before_the_look_that_would_end_it_prolongs_it(store: Store, user: User) -> None:
    check = await up_check(store, user)
    await change(store, user, check, 6, now=NOON)
    late = NOON + 5 * SECOND + CALM + 400
    await change(store, user, check, 1, now=late)
    await watch(store, user, late)
    assert await flapping_until(store, check) == late + CALM
    assert (await kinds(store, user))[-1] == "flapping"


async def test_no_more_than_the_limit_settle_at_a_time(store: Store, user: User) -> None:
    for number in range(5):
        await change(store, user, await up_check(store, user, slug=f"c{number}"), 6, now=NOON)
    end = NOON + 5 * SECOND + CALM
    answers = [await watch(store, user, end, limit=2) for _ in range(4)]
    assert [answer[:3:2] for answer in answers] == [[b"more", 2], [b"more", 2], [b"ok", 1], [b"ok", 0]]


async def test_without_time_one_settles_at_a_time(store: Store, user: User) -> None:
    for number in range(3):
        await change(store, user, await up_check(store, user, slug=f"c{number}"), 6, now=NOON)
    end = NOON + 5 * SECOND + CALM
    await tick(store, user, end)
    answers = [await look(store, user, end, longest=0) for _ in range(4)]
    assert [answer[:3:2] for answer in answers] == [[b"more", 1], [b"more", 1], [b"ok", 1], [b"ok", 0]]


async def test_eight_clocks_at_once_settle_each_check_once(store: Store, user: User) -> None:
    for number in range(10):
        check = await up_check(store, user, slug=f"c{number}")
        await change(store, user, check, 6, now=NOON)
    end = NOON + 5 * SECOND + CALM
    await tick(store, user, end)
    await asyncio.gather(*(look(store, user, end, limit=4) for _ in range(8)))
    assert (await kinds(store, user)).count("settled") == 10


async def test_a_repeated_request_is_no_second_change(store: Store, user: User) -> None:
    check = await up_check(store, user)
    await change(store, user, check, 5, now=NOON + SECOND)
    args = {"now": NOON + 9 * SECOND, "request": "r"}
    assert (await ping(store, user, check.id, **args))[3] == 1  # type: ignore[arg-type]  # mixed values
    before = await dump(store)
    assert (await ping(store, user, check.id, **args))[3] == 0  # type: ignore[arg-type]  # mixed values
    assert await dump(store) == before


async def test_changes_at_once_begin_it_once(store: Store, user: User) -> None:
    check = await up_check(store, user)
    await asyncio.gather(
        *(
            ping(
                store,
                user,
                check.id,
                "success" if number % 2 else "fail",
                now=NOON + number,
                reason="" if number % 2 else "fail",
            )
            for number in range(60)
        )
    )
    assert (await kinds(store, user)).count("flapping") == 1
    assert (await kinds(store, user))[-1] == "flapping"


@pytest.mark.parametrize("what", ["pause", "delete"])
async def test_pause_and_deletion_end_it_silently(store: Store, user: User, what: str) -> None:
    check = await up_check(store, user)
    await change(store, user, check, 7, now=NOON)
    told = await kinds(store, user)
    if what == "pause":
        await checks.pause_check(store, user, "one", now=NOON + MINUTE)
        assert await flapping_until(store, check) is None
        assert (await fields(store, check))["flip_count"] == ""
        await checks.resume_check(store, user, "one", now=NOON + MINUTE + 1)
    else:
        await checks.delete_check(store, user, "one")
    assert await store.redis.exists(keys.flapping(user.partition)) == 0
    await watch(store, user, NOON + MINUTE + CALM)
    assert await kinds(store, user) == told


@pytest.mark.parametrize("later", [0, 10 * MINUTE])
async def test_after_it_settled_it_takes_the_full_threshold_to_begin_it_again(
    store: Store, user: User, later: int
) -> None:
    check = await up_check(store, user)
    long = replace(FLAPS, window_ms=60 * MINUTE)
    await change(store, user, check, 6, now=NOON, flap=long)
    end = NOON + 5 * SECOND + CALM
    await watch(store, user, end)
    await change(store, user, check, 5, now=end + later, flap=long)
    assert (await kinds(store, user))[-7:] == ["flapping", "settled", "down", "up", "down", "up", "down"]
    await change(store, user, check, 1, now=end + later + MINUTE, flap=long)
    assert (await kinds(store, user))[-1] == "flapping"
    assert (await fields(store, check))["flip_count"] == "6"


async def test_a_change_without_output_that_begins_it_tells_none_of_an_earlier_run(
    store: Store, user: User
) -> None:
    check = await up_check(store, user)
    await change(store, user, check, 5, now=NOON + SECOND)
    await ping(store, user, check.id, now=NOON + 9 * SECOND)
    *_, event = await outbox(store, user.partition)
    assert (event["kind"], event["output"]) == ("flapping", "")


async def test_a_check_that_waits_for_its_due_time_when_it_settles_is_not_armed_again(
    store: Store, user: User
) -> None:
    check = await make_check(store, user, slug="one", notify_after_failures=5)
    flap = replace(FLAPS, threshold=2, suppression_ms=MINUTE)
    await change(store, user, check, 4, now=NOON, flap=flap)  # up, down, up, down
    due = NOON + 3 * SECOND + MINUTE
    await store.redis.hset(keys.clock(user.partition), "tick", str(due + MINUTE))
    swept = await sweep(store, user.partition, now=due + MINUTE, pings_accepted=due + MINUTE, flap=flap)
    assert [one.check_id for one in swept.unarmed] == [check.id]
    assert (await kinds(store, user))[-1] == "settled"
    before = await dump(store)
    await arm(store, user.partition, swept.unarmed[0], due + 2 * MINUTE, now=due + MINUTE)
    assert await dump(store) == before


async def test_a_stray_member_of_the_set_is_put_right(store: Store, user: User) -> None:
    check, well = await up_check(store, user), await make_check(store, user)
    await change(store, user, check, 6, now=NOON)
    until = await flapping_until(store, check)
    stray = {str(check.id): NOON, str(well.id): NOON, "999": NOON}
    await store.redis.zadd(keys.flapping(user.partition), stray)
    await watch(store, user, NOON + 10)
    assert await flapping_until(store, check) == until
    assert await store.redis.zcard(keys.flapping(user.partition)) == 1
    assert (await kinds(store, user))[-1] == "flapping"
