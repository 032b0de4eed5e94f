"""What a restore promises: nobody is told of a run that may have come while we were away, and who is dead is told one
run later. The clock's own sweep judges, at times of the test's."""

import pytest

from tests.archive.life import ping
from tests.lua.parts import FLAPS, MINUTE, NOON, armed, fields, make_check, make_user, outbox
from ttr.archive.database import Database
from ttr.archive.restore import restore
from ttr.archive.snapshot import snapshot
from ttr.domain.check import Check
from ttr.domain.schedule import Schedule
from ttr.store import checks, keys
from ttr.store.deadlines import sweep, tick_clock, tick_web
from ttr.store.redis import Store
from ttr.store.users import User
from ttr.watch import look_at

HOUR = 60 * MINUTE
BACK = NOON + 3 * HOUR
"""When the restore is done; the snapshot was taken soon after noon."""


@pytest.fixture
async def user(store: Store) -> User:
    """An account; a clock and a web process are at work at noon."""
    user = await make_user(store)
    await judge(store, NOON)
    return user


async def judge(store: Store, now: int) -> None:
    """One look of the clock in the middle of its work, until there is no more to do."""
    await tick_web(store, now)
    await tick_clock(store, now)
    for partition in range(keys.PARTITIONS):
        await store.redis.hset(keys.clock(partition), "tick", now)
    await look_everywhere(store, now)


async def look_everywhere(store: Store, now: int) -> None:
    """Look at each partition until there is no more to do."""
    for partition in range(keys.PARTITIONS):
        for _ in range(20):
            if not (await look_at(store, partition, now=now, pings_accepted=now, flap=FLAPS)).more:
                break
        else:
            raise AssertionError("it does not end")


async def lose_and_restore(store: Store, database: Database, *, start: int = BACK + 5_000) -> None:
    """Redis ends behind a snapshot; hours later it is restored, and then the processes start."""
    await snapshot(store, database)
    await store.redis.flushall()
    await restore(store, database, now=BACK, progress=lambda done, of: None)
    await tick_web(store, start)
    await look_everywhere(store, start)


async def told(store: Store, user: User, *, since: int = 0) -> list[tuple[str, str]]:
    """What was decided to be told: kind and reason."""
    events = await outbox(store, user.partition)
    return [(event["kind"], event.get("reason", "")) for event in events if int(event["at"]) >= since]


async def judged_until(store: Store, user: User, until: int) -> list[tuple[str, str]]:
    """Let the clock look every half minute from the restore on; what it told."""
    for now in range(BACK + 30_000, until + 1, 30_000):
        await judge(store, now)
    return await told(store, user, since=BACK)


async def nobody_is_told_until(store: Store, user: User, until: int) -> None:
    """The last moment at which nothing is told is one ms before `until`."""
    assert await judged_until(store, user, until - 1) == []
    await judge(store, until - 1)
    assert await told(store, user, since=BACK) == []
    await judge(store, until)


# A minute of interval, a minute of grace.
ONE_RUN_LATER = BACK + 2 * MINUTE


async def test_a_ping_between_the_snapshot_and_the_end(store: Store, database: Database, user: User) -> None:
    check = await make_check(store, user)
    await ping(store, user, check, NOON)
    await lose_and_restore(store, database)
    await nobody_is_told_until(store, user, ONE_RUN_LATER)
    assert await told(store, user, since=BACK) == [("down", "overdue")]


async def test_processes_that_start_long_after_the_restore(
    store: Store, database: Database, user: User
) -> None:
    await make_check(store, user)
    await lose_and_restore(store, database, start=BACK + HOUR)
    for now in (BACK + HOUR + MINUTE, ONE_RUN_LATER + HOUR - 1):
        await judge(store, now)
    assert await told(store, user, since=BACK) == []
    await judge(store, ONE_RUN_LATER + HOUR)
    assert await told(store, user, since=BACK) == [("down", "overdue")]


async def test_a_long_restore_arms_from_its_end(
    store: Store, database: Database, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An account and a check: with 5 minutes a record it takes 10 minutes, in which jobs are refused."""
    monkeypatch.setattr("ttr.archive.restore._MICROSECONDS_A_RECORD", 5 * MINUTE * 1_000)
    check = await make_check(store, user)
    await lose_and_restore(store, database, start=BACK + 10 * MINUTE)
    assert int((await fields(store, check))["due"]) == BACK + 11 * MINUTE
    await judge(store, BACK + 12 * MINUTE - 1)
    assert await told(store, user, since=BACK) == []
    await judge(store, BACK + 12 * MINUTE)
    assert await told(store, user, since=BACK) == [("down", "overdue")]


async def test_who_pings_again_in_time_is_never_told(store: Store, database: Database, user: User) -> None:
    check = await make_check(store, user)
    await ping(store, user, check, NOON)
    await lose_and_restore(store, database)
    for minute in range(1, 10):
        await judge(store, BACK + minute * MINUTE)
        await ping(store, user, check, BACK + minute * MINUTE)
    assert await told(store, user, since=BACK) == []


async def test_a_check_that_never_pinged(store: Store, database: Database, user: User) -> None:
    await make_check(store, user)
    await lose_and_restore(store, database)
    await nobody_is_told_until(store, user, ONE_RUN_LATER)
    assert await told(store, user, since=BACK) == [("down", "overdue")]


async def test_an_interval_that_was_not_over_begins_anew(
    store: Store, database: Database, user: User
) -> None:
    """It may have been begun anew by a ping behind the snapshot."""
    check = await make_check(store, user, schedule=Schedule("interval", 6 * 3600, None, "UTC"))
    assert await armed(store, check) == NOON + 6 * HOUR + MINUTE
    await lose_and_restore(store, database, start=BACK)
    assert await armed(store, check) == BACK + 6 * HOUR + MINUTE


async def test_a_run_under_way(store: Store, database: Database, user: User) -> None:
    check = await make_check(store, user, max_runtime_seconds=600)
    await ping(store, user, check, NOON, "start", rid="0f8fad5b-d9cb-469f-a165-70867728950e")
    await lose_and_restore(store, database)
    await judge(store, BACK + 100_000)
    await ping(store, user, check, BACK + 100_000, rid="0f8fad5b-d9cb-469f-a165-70867728950e")
    assert await told(store, user, since=BACK) == []
    assert (await fields(store, check))["last_duration_ms"] == str(BACK + 100_000 - NOON)


async def test_a_run_under_way_that_does_not_end(store: Store, database: Database, user: User) -> None:
    check = await make_check(store, user, max_runtime_seconds=600)
    await ping(store, user, check, NOON, "start")
    await lose_and_restore(store, database)
    await nobody_is_told_until(store, user, ONE_RUN_LATER)
    assert await told(store, user, since=BACK) == [("down", "overdue")]


async def test_one_that_is_down_and_told_is_not_told_again_and_reminded_later(
    store: Store, database: Database, user: User
) -> None:
    check = await make_check(store, user, remind_every_minutes=60)
    await ping(store, user, check, NOON, "fail")
    assert await told(store, user) == [("down", "fail")]
    await lose_and_restore(store, database)
    await nobody_is_told_until(store, user, BACK + HOUR)
    assert [kind for kind, _ in await told(store, user, since=BACK)] == ["reminder"]
    await ping(store, user, check, BACK + HOUR)
    assert [kind for kind, _ in await told(store, user, since=BACK)] == ["reminder", "up"]


async def test_one_below_its_threshold_counts_on(store: Store, database: Database, user: User) -> None:
    check = await make_check(store, user, notify_after_failures=3)
    await ping(store, user, check, NOON, "fail")
    await lose_and_restore(store, database)
    assert await judged_until(store, user, ONE_RUN_LATER - 1) == []
    assert (await fields(store, check))["failure_count"] == "1"
    await judge(store, ONE_RUN_LATER)
    assert (await fields(store, check))["failure_count"] == "2"
    assert await told(store, user, since=BACK) == []
    await judge(store, ONE_RUN_LATER + MINUTE)
    assert await told(store, user, since=BACK) == [("down", "overdue")]


async def test_one_whose_next_due_time_was_just_being_worked_out(
    store: Store, database: Database, user: User
) -> None:
    """It missed a run below its threshold, and the clock died before it was armed again."""
    check = await make_check(store, user, notify_after_failures=2)
    missed = NOON + 2 * MINUTE
    await store.redis.hset(keys.clock(user.partition), "tick", missed)
    await sweep(store, user.partition, now=missed, pings_accepted=missed, flap=FLAPS)
    assert (await fields(store, check))["unarmed"] == "1"
    await lose_and_restore(store, database)
    await nobody_is_told_until(store, user, ONE_RUN_LATER)
    assert await told(store, user, since=BACK) == [("down", "overdue")]


async def test_a_paused_one_stays_quiet(store: Store, database: Database, user: User) -> None:
    check = await make_check(store, user)
    await ping(store, user, check, NOON)
    await checks.pause_check(store, user, str(check.id), now=NOON)
    await lose_and_restore(store, database)
    assert await judged_until(store, user, BACK + 10 * MINUTE) == []
    await checks.resume_check(store, user, str(check.id), now=BACK + 10 * MINUTE)
    await judge(store, BACK + 12 * MINUTE - 1)
    assert await told(store, user, since=BACK) == []


async def test_a_flapping_one_settles_as_it_was_and_is_judged_anew(
    store: Store, database: Database, user: User
) -> None:
    check = await make_check(store, user)
    for i in range(7):
        await ping(store, user, check, NOON + i, "success" if i % 2 == 0 else "fail")
    assert (await fields(store, check))["flapping_until"] != ""
    await lose_and_restore(store, database)
    told_at_once = await told(store, user, since=BACK)
    assert "down" not in [kind for kind, _ in told_at_once]
    assert await judged_until(store, user, ONE_RUN_LATER - 1) == told_at_once
    await judge(store, ONE_RUN_LATER)
    assert (await told(store, user, since=BACK))[len(told_at_once) :] == [("down", "overdue")]


@pytest.mark.parametrize(
    ("expression", "runs"),
    [
        ("0 14 * * *", NOON + 26 * HOUR),  # 14:00 fell into the outage: tomorrow's counts
        ("30 15 * * *", BACK + HOUR // 2),  # 15:30 is still to come
    ],
)
async def test_a_calendar_keeps_to_its_runs(
    store: Store, database: Database, user: User, expression: str, runs: int
) -> None:
    schedule = Schedule("cron", None, expression, "UTC")
    check = await make_check(store, user, schedule=schedule)
    await lose_and_restore(store, database)
    assert int((await fields(store, check))["due"]) == runs
    for now in (BACK + MINUTE, runs, runs + MINUTE - 1):
        await judge(store, now)
    assert await told(store, user, since=BACK) == []
    await judge(store, runs + MINUTE)
    assert await told(store, user, since=BACK) == [("down", "overdue")]


async def test_the_time_without_us_is_known_and_counts_for_nobody(
    store: Store, database: Database, user: User
) -> None:
    check: Check = await make_check(store, user)
    await ping(store, user, check, NOON)
    await lose_and_restore(store, database)
    gaps = await store.redis.zrange(keys.gaps(user.partition), 0, -1)
    assert gaps == [b"%d:%d" % (NOON, BACK), b"%d:%d" % (BACK, BACK + 5_000)]
