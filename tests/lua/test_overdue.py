"""overdue.lua and arm.lua: batches, gaps that are moved in pieces, two clocks, crashes in between."""

import asyncio
from dataclasses import replace

import pytest

from tests.lua.clock import look, tick
from tests.lua.parts import FLAPS, MINUTE, NOON, armed, dump, fields, make_check, outbox, ping
from ttr.domain.check import Check
from ttr.domain.schedule import next_due
from ttr.store import checks, keys
from ttr.store.deadlines import Swept, Unarmed, arm, arm_all, read_gaps, sweep
from ttr.store.redis import Store
from ttr.store.users import User

DEADLINE = NOON + 2 * MINUTE


async def status(store: Store, check: Check) -> str:
    """A check's status as stored."""
    return (await fields(store, check))["status"]


async def test_nothing_is_overdue_a_millisecond_before_the_deadline(store: Store, user: User) -> None:
    check = await make_check(store, user)
    await tick(store, user, DEADLINE - 1)
    assert await look(store, user, DEADLINE - 1) == [b"ok", str(DEADLINE).encode(), 0, b""]
    assert await status(store, check) == "new"
    assert await look(store, user, DEADLINE) == [b"ok", b"", 1, b"0"]
    assert await status(store, check) == "down"
    (event,) = await outbox(store, user.partition)
    assert (event["reason"], event["overdue_ms"], event["at"]) == ("overdue", str(MINUTE), str(DEADLINE))


async def test_a_run_that_did_not_come_is_told_with_the_last_runs_output_or_none(
    store: Store, user: User
) -> None:
    silent, loud = await make_check(store, user), await make_check(store, user)
    for check, body in ((silent, b""), (loud, b"second")):
        await ping(store, user, check.id, now=NOON - 1, body=b"first")
        await ping(store, user, check.id, now=NOON, body=body)
    await tick(store, user, DEADLINE)
    await look(store, user, DEADLINE)
    told = {event["check_id"]: event["output"] for event in await outbox(store, user.partition)}
    assert told == {str(silent.id): "", str(loud.id): "second"}


async def test_no_more_than_the_limit_is_taken_at_a_time(store: Store, user: User) -> None:
    for _ in range(5):
        await make_check(store, user)
    await tick(store, user, DEADLINE)
    assert [(await look(store, user, DEADLINE, limit=2))[:3:2] for _ in range(4)] == [
        [b"more", 2],
        [b"more", 2],
        [b"ok", 1],
        [b"ok", 0],
    ]
    assert len(await outbox(store, user.partition)) == 5


async def test_without_time_one_check_is_dealt_with_at_a_time(store: Store, user: User) -> None:
    for _ in range(3):
        await make_check(store, user)
    await tick(store, user, DEADLINE)
    assert [(await look(store, user, DEADLINE, longest=0))[:3:2] for _ in range(4)] == [
        [b"more", 1],
        [b"more", 1],
        [b"ok", 1],
        [b"ok", 0],
    ]
    assert len(await outbox(store, user.partition)) == 3


async def test_a_call_ends_when_its_time_is_up(store: Store, user: User) -> None:
    for _ in range(100):
        await make_check(store, user)
    await tick(store, user, DEADLINE)
    most = 0
    while (answer := await look(store, user, DEADLINE, longest=1))[0] == b"more":
        most = max(most, int(answer[2]))
    # By the server's own processor time: 100 flips are work for several ms on any machine.
    assert 0 < most < 100
    assert len(await outbox(store, user.partition)) == 100


async def test_without_time_a_gap_is_moved_one_by_one_and_wholly(store: Store, user: User) -> None:
    made = [await make_check(store, user, now=NOON + number) for number in range(3)]
    await tick(store, user, NOON + MINUTE)
    end = NOON + 11 * MINUTE
    assert [(await look(store, user, end, longest=0))[:3:2] for _ in range(4)] == [
        [b"more", 1],
        [b"more", 1],
        [b"more", 1],
        [b"ok", 0],
    ]
    assert [await armed(store, check) for check in made] == [DEADLINE + n + 10 * MINUTE for n in range(3)]
    assert await store.redis.exists(keys.pending_gaps(user.partition)) == 0


async def test_while_pings_are_not_taken_nothing_is_written(store: Store, user: User) -> None:
    await make_check(store, user)
    await tick(store, user, DEADLINE)
    before = await dump(store)
    assert await look(store, user, DEADLINE + 5_000, accepted=DEADLINE + 2_999) == [b"blind"]
    assert await dump(store) == before
    assert (await look(store, user, DEADLINE + 1_000, accepted=DEADLINE - 1_000))[0] == b"ok"


async def test_the_first_look_ever_is_no_gap(store: Store, user: User) -> None:
    check = await make_check(store, user)
    await look(store, user, DEADLINE)
    assert await status(store, check) == "down"
    assert await read_gaps(store, user.partition) == []


@pytest.mark.parametrize(("silence", "gap"), [(2_000, False), (2_001, True)])
async def test_more_than_two_seconds_of_silence_are_a_gap(
    store: Store, user: User, silence: int, gap: bool
) -> None:
    check = await make_check(store, user)
    await tick(store, user, DEADLINE - 1)
    now = DEADLINE - 1 + silence
    while (await look(store, user, now))[0] == b"more":
        pass
    assert await read_gaps(store, user.partition) == ([(DEADLINE - 1, now)] if gap else [])
    assert await status(store, check) == ("new" if gap else "down")
    assert await armed(store, check) == (DEADLINE + silence if gap else None)


async def test_a_gap_moves_what_lies_inside_it_once_though_the_clock_dies_between_batches(
    store: Store, user: User
) -> None:
    inside = [await make_check(store, user, now=NOON + 10 * number) for number in range(5)]
    before = await make_check(store, user, now=NOON - MINUTE)
    behind = await make_check(store, user, now=NOON + 30 * MINUTE)
    runner = await make_check(store, user, max_runtime_seconds=90)
    await ping(store, user, runner.id, "start", now=NOON)
    start, end = NOON + MINUTE, NOON + 11 * MINUTE
    await tick(store, user, start)
    length = end - start

    assert (await look(store, user, end, limit=2))[0] == b"more"  # and now the clock dies
    assert await outbox(store, user.partition) == []
    # A moment later another one goes on; meanwhile one of the checks was pinged.
    await ping(store, user, inside[4].id, now=end + 100)
    while (await look(store, user, end + 500, limit=2))[0] == b"more":
        pass

    assert await read_gaps(store, user.partition) == [(start, end)]
    assert await store.redis.exists(keys.pending_gaps(user.partition)) == 0
    for number in range(4):
        assert await armed(store, inside[number]) == DEADLINE + 10 * number + length
        assert (await fields(store, inside[number]))["deadline"] == str(DEADLINE + 10 * number + length)
    assert await armed(store, inside[4]) == end + 100 + 2 * MINUTE
    assert await armed(store, behind) == DEADLINE + 30 * MINUTE
    assert await armed(store, runner) == NOON + 90_000 + length
    assert (await fields(store, runner))["runs"] == f",{NOON},{NOON + length}"
    # Its deadline was the gap's first moment: it was late before we went blind.
    assert await status(store, before) == "down"
    assert len(await outbox(store, user.partition)) == 1


async def test_a_second_gap_before_the_first_is_moved_moves_by_both(store: Store, user: User) -> None:
    made = [await make_check(store, user) for _ in range(3)]
    await tick(store, user, NOON + MINUTE)
    await look(store, user, NOON + 10 * MINUTE, limit=1)
    while (await look(store, user, NOON + 30 * MINUTE, limit=1))[0] == b"more":
        pass
    assert await read_gaps(store, user.partition) == [
        (NOON + 10 * MINUTE, NOON + 30 * MINUTE),
        (NOON + MINUTE, NOON + 10 * MINUTE),
    ]
    assert [await armed(store, check) for check in made] == [NOON + 31 * MINUTE] * 3


async def test_the_last_twenty_gaps_are_read(store: Store, user: User) -> None:
    await look(store, user, NOON)
    for number in range(1, 24):
        while (await look(store, user, NOON + number * MINUTE))[0] == b"more":
            pass
    gaps = await read_gaps(store, user.partition)
    assert len(gaps) == 20
    assert gaps[0] == (NOON + 22 * MINUTE, NOON + 23 * MINUTE)
    assert await store.redis.zcard(keys.gaps(user.partition)) == 23


async def test_gaps_are_kept_for_a_hundred_days_and_two_thousand_of_them(store: Store, user: User) -> None:
    days = 86_400_000
    key, end = keys.gaps(user.partition), NOON - 3_000
    made = {f"{at - 2_500}:{at}": at for at in range(end - 1_999 * 5_000, end + 1, 5_000)}
    await store.redis.zadd(key, made)
    await tick(store, user, end)
    await look(store, user, NOON)
    kept = await store.redis.zrange(key, 0, -1)
    assert (len(kept), kept[-1]) == (2_000, f"{end}:{NOON}".encode())
    assert kept[0] == list(made)[1].encode()
    await tick(store, user, NOON + 100 * days - 5_000)
    while (await look(store, user, NOON + 100 * days - 1))[0] == b"more":
        pass
    assert await store.redis.zrange(key, 0, 0) == [f"{end}:{NOON}".encode()]
    await tick(store, user, NOON + 100 * days + 5_000)
    while (await look(store, user, NOON + 100 * days + 8_000))[0] == b"more":
        pass
    assert await store.redis.zcard(key) == 2


async def test_of_a_clock_that_was_set_back_no_time_is_blind_twice(store: Store, user: User) -> None:
    await tick(store, user, NOON)
    await look(store, user, NOON + 10 * MINUTE)
    await tick(store, user, NOON + 5 * MINUTE)
    await look(store, user, NOON + 8 * MINUTE)
    await tick(store, user, NOON + 8 * MINUTE)
    await look(store, user, NOON + 12 * MINUTE)
    assert await read_gaps(store, user.partition) == [
        (NOON + 10 * MINUTE, NOON + 12 * MINUTE),
        (NOON, NOON + 10 * MINUTE),
    ]


async def test_a_clock_that_is_behind_does_not_turn_the_tick_back(store: Store, user: User) -> None:
    await look(store, user, NOON)
    await look(store, user, NOON - 1_000)
    assert await store.redis.hget(keys.clock(user.partition), "tick") == str(NOON).encode()


async def test_two_sweeps_at_once_tell_once(store: Store, user: User) -> None:
    for _ in range(30):
        await make_check(store, user)
    await tick(store, user, DEADLINE)
    answers = await asyncio.gather(*(look(store, user, DEADLINE, limit=10) for _ in range(8)))
    assert sum(int(answer[2]) for answer in answers) == 30
    told = [event["check_id"] for event in await outbox(store, user.partition)]
    assert sorted(told, key=int) == [str(number) for number in range(1, 31)]


async def test_two_sweeps_at_once_count_a_missed_run_once(store: Store, user: User) -> None:
    check = await make_check(store, user, notify_after_failures=3)
    await tick(store, user, DEADLINE)
    swept = await asyncio.gather(
        *(sweep(store, user.partition, now=DEADLINE, pings_accepted=DEADLINE, flap=FLAPS) for _ in range(8))
    )
    waiting = [part.unarmed for part in swept if part.unarmed]
    assert len(waiting) == 1
    assert (await fields(store, check))["failure_count"] == "1"


async def waiting_check(store: Store, user: User) -> tuple[Check, Unarmed]:
    """A check that has missed a run below its threshold, and what the clock was told of it."""
    check = await make_check(store, user, slug="one", notify_after_failures=3)
    await tick(store, user, DEADLINE)
    swept: Swept = await sweep(store, user.partition, now=DEADLINE, pings_accepted=DEADLINE, flap=FLAPS)
    assert swept.unarmed[0].due == NOON + MINUTE
    assert swept.unarmed[0].leased_until == DEADLINE + 2_000
    return check, swept.unarmed[0]


async def test_a_clock_that_dies_before_arming_counts_nothing_twice(store: Store, user: User) -> None:
    check, first = await waiting_check(store, user)
    nothing = await sweep(
        store, user.partition, now=DEADLINE + 1_999, pings_accepted=DEADLINE + 1_999, flap=FLAPS
    )
    assert (nothing.changed, nothing.unarmed) == (0, ())
    again = await sweep(
        store, user.partition, now=DEADLINE + 2_000, pings_accepted=DEADLINE + 2_000, flap=FLAPS
    )
    assert [(one.check_id, one.due) for one in again.unarmed] == [(first.check_id, first.due)]
    assert (await fields(store, check))["failure_count"] == "1"
    # The first clock wakes up: the check waits under another's lease now.
    before = await dump(store)
    await arm(store, user.partition, first, NOON + 50 * MINUTE, now=DEADLINE)
    assert await dump(store) == before
    await arm(store, user.partition, again.unarmed[0], NOON + 2 * MINUTE, now=DEADLINE + 2_000)
    assert await armed(store, check) == NOON + 3 * MINUTE


async def test_many_are_armed_at_once_by_a_redis_that_has_not_got_the_script(
    store: Store, user: User
) -> None:
    made = [await make_check(store, user, notify_after_failures=3) for _ in range(60)]
    await tick(store, user, DEADLINE)
    found: list[Unarmed] = []
    more = True
    while more:
        swept = await sweep(store, user.partition, now=DEADLINE, pings_accepted=DEADLINE, flap=FLAPS)
        found, more = [*found, *swept.unarmed], swept.more
    in_order = sorted(found, key=lambda waiting: waiting.check_id)
    waiting = [
        (check, NOON + (2 + number) * MINUTE if number else None) for number, check in enumerate(in_order)
    ]
    await store.redis.script_flush()
    await arm_all(store, user.partition, waiting, now=DEADLINE)
    deadlines = [await armed(store, check) for check in made]
    assert deadlines == [None, *(NOON + (3 + number) * MINUTE for number in range(1, 60))]
    (event,) = await outbox(store, user.partition)
    assert (event["check_id"], event["kind"]) == (str(made[0].id), "down")


async def test_a_check_whose_calendar_has_run_out_is_told_below_its_threshold_once(
    store: Store, user: User
) -> None:
    check, unarmed = await waiting_check(store, user)
    await ping(store, user, check.id, "log", now=DEADLINE, body=b"what it said last")
    await arm(store, user.partition, unarmed, None, now=DEADLINE + 5)
    (event,) = await outbox(store, user.partition)
    assert (event["kind"], event["reason"], event["failure_count"]) == ("down", "overdue", "1")
    assert (event["overdue_ms"], event["down_since"]) == (str(MINUTE + 5), str(DEADLINE))
    assert event["output"] == "what it said last"
    assert await armed(store, check) is None
    before = await dump(store)
    await arm(store, user.partition, unarmed, None, now=DEADLINE + 9)
    assert await dump(store) == before
    await ping(store, user, check.id, now=DEADLINE + MINUTE, due="")
    assert [event["kind"] for event in await outbox(store, user.partition)] == ["down", "up"]


@pytest.mark.parametrize("what", ["success", "fail", "edit", "rename", "pause", "delete"])
async def test_arming_gives_way_to_whatever_came_in_between(store: Store, user: User, what: str) -> None:
    check, unarmed = await waiting_check(store, user)
    now = DEADLINE + 10
    if what in ("success", "fail"):
        await ping(store, user, check.id, what, now=now, reason="fail" if what == "fail" else "")
    elif what == "edit":
        await checks.update_check(store, user, "one", lambda old: replace(old, grace_seconds=5), now=now)
    elif what == "rename":
        await checks.update_check(store, user, "one", lambda old: replace(old, name="new"), now=now)
    elif what == "pause":
        await checks.pause_check(store, user, "one", now=now)
    else:
        await checks.delete_check(store, user, "one")
    before = await dump(store)
    await arm(store, user.partition, unarmed, NOON + 50 * MINUTE, now=DEADLINE)
    assert await dump(store) == before
    if what == "rename":
        # The new name has made the clock's answer stale; the next look gives it a fresh one.
        swept = await sweep(
            store, user.partition, now=DEADLINE + 2_000, pings_accepted=DEADLINE + 2_000, flap=FLAPS
        )
        await arm(
            store,
            user.partition,
            swept.unarmed[0],
            next_due(check.settings.schedule, DEADLINE),
            now=DEADLINE + 2_000,
        )
        assert await armed(store, check) == DEADLINE + 2 * MINUTE


async def test_a_ping_that_lands_before_the_sweep_saves_the_check(store: Store, user: User) -> None:
    check = await make_check(store, user)
    await tick(store, user, DEADLINE)
    await ping(store, user, check.id, now=DEADLINE + 100)
    assert await look(store, user, DEADLINE + 200) == [
        b"ok",
        str(DEADLINE + 100 + 2 * MINUTE).encode(),
        0,
        b"",
    ]
    assert await status(store, check) == "up"


async def test_a_stray_member_of_the_set_is_put_right(store: Store, user: User) -> None:
    check, paused = await make_check(store, user), await make_check(store, user)
    await checks.pause_check(store, user, str(paused.id), now=NOON)
    stray = {str(check.id): NOON + 1, str(paused.id): NOON + 1, "999": NOON + 1}
    await store.redis.zadd(keys.deadlines(user.partition), stray)
    await tick(store, user, NOON + 10)
    await look(store, user, NOON + 10)
    assert await store.redis.zrange(keys.deadlines(user.partition), 0, -1) == [str(check.id).encode()]
    assert await armed(store, check) == DEADLINE
    assert await outbox(store, user.partition) == []


async def test_a_stray_member_does_not_stop_a_gap(store: Store, user: User) -> None:
    paused = await make_check(store, user)
    await checks.pause_check(store, user, str(paused.id), now=NOON)
    await store.redis.zadd(keys.deadlines(user.partition), {str(paused.id): NOON + 1, "999": NOON + 1})
    await tick(store, user, NOON)
    while (await look(store, user, NOON + 10 * MINUTE))[0] == b"more":
        pass
    assert await store.redis.zcard(keys.deadlines(user.partition)) == 0
