"""Reminders and acknowledgement: overdue.lua, acknowledge.lua and whatever ends a reminder."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.lua.clock import look, tick, watch
from tests.lua.parts import FLAPS, MINUTE, NOON, dump, fields, make_check, make_user, outbox, ping
from ttr.domain.check import Check
from ttr.store import checks, keys
from ttr.store.check_list import list_checks
from ttr.store.deadlines import arm, sweep
from ttr.store.errors import NotFound
from ttr.store.outbox import read_outbox
from ttr.store.redis import Store
from ttr.store.users import User

DOWN = NOON + MINUTE
"""When `down_check` goes down."""


async def down_check(store: Store, user: User, **changes: Any) -> Check:
    """A check that failed a minute after noon, with reminders every 5 minutes."""
    wanted = {"slug": "one", "remind_every_minutes": 5, **changes}
    check = await make_check(store, user, **wanted)
    await ping(store, user, check.id, "fail", now=DOWN, reason="exit_status", body=b"no space left")
    return check


async def remind_at(store: Store, check: Check) -> int | None:
    """When the next reminder is due."""
    score = await store.redis.zscore(keys.reminders(keys.partition_of(check.user_id)), str(check.id))
    return None if score is None else int(score)


async def kinds(store: Store, user: User) -> list[str]:
    """The kinds of all events so far."""
    return [event["kind"] for event in await outbox(store, user.partition)]


async def test_a_reminder_goes_out_at_its_time_and_not_a_millisecond_before(store: Store, user: User) -> None:
    check = await down_check(store, user)
    due = DOWN + 5 * MINUTE
    assert await watch(store, user, due - 1) == [b"ok", str(due).encode(), 0, b""]
    assert await watch(store, user, due) == [b"ok", str(due + 5 * MINUTE).encode(), 1, b""]
    assert await watch(store, user, due + 5 * MINUTE + 300) == [
        b"ok",
        str(due + 10 * MINUTE + 300).encode(),
        1,
        b"",
    ]
    assert await watch(store, user, due + 6 * MINUTE) == [
        b"ok",
        str(due + 10 * MINUTE + 300).encode(),
        0,
        b"",
    ]
    down, first, second = [entry.event for entry in await read_outbox(store, user.partition, 10)]
    assert (down.kind, down.may_acknowledge, down.reminders) == ("down", True, 0)
    assert (first.kind, first.at, first.reminders, first.may_acknowledge) == ("reminder", due, 1, True)
    assert (first.reason, first.down_since, first.failure_count) == ("exit_status", DOWN, 1)
    assert (first.output, first.overdue_ms) == ("no space left", None)
    assert second.reminders == 2
    assert len({down.id, first.id, second.id}) == 3
    assert (await fields(store, check))["reminders"] == "2"


async def test_a_reminder_of_a_run_that_did_not_come_says_how_late_it_is(store: Store, user: User) -> None:
    check = await make_check(store, user, remind_every_minutes=5)
    await watch(store, user, NOON + 2 * MINUTE)
    await watch(store, user, NOON + 7 * MINUTE)
    _, event = [entry.event for entry in await read_outbox(store, user.partition, 10)]
    assert (event.kind, event.reason, event.overdue_ms) == ("reminder", "overdue", 6 * MINUTE)
    assert (event.down_since, event.last_ping) == (NOON + 2 * MINUTE, None)
    assert (await fields(store, check))["missed_due"] == str(NOON + MINUTE)


async def test_a_reminder_tells_the_newest_failure_with_its_output(store: Store, user: User) -> None:
    check = await make_check(store, user, slug="one", remind_every_minutes=5)
    await watch(store, user, NOON + 2 * MINUTE)
    args: dict[str, Any] = {"reason": "exit_status", "detail": "7", "body": b"disk full"}
    await ping(store, user, check.id, "fail", now=NOON + 4 * MINUTE, **args)
    await watch(store, user, NOON + 7 * MINUTE)
    _, event = [entry.event for entry in await read_outbox(store, user.partition, 10)]
    assert (event.kind, event.reason, event.reason_detail) == ("reminder", "exit_status", "7")
    assert (event.overdue_ms, event.output, event.failure_count) == (None, "disk full", 2)
    assert event.down_since == NOON + 2 * MINUTE
    found = await checks.get_check(store, user, "one")
    assert (found.reason, found.reason_detail, found.status_since) == (
        "exit_status",
        "7",
        NOON + 2 * MINUTE,
    )
    newest, *_ = await store.redis.lrange(keys.flips(user.partition, check.id), 0, -1)
    assert newest == f"{NOON + 2 * MINUTE}|new|down|{2 * MINUTE}|overdue|".encode()


@pytest.mark.parametrize(
    ("runtime", "reason", "detail", "overdue_ms"),
    [(None, "overdue", "", 6 * MINUTE), (30, "over_runtime", "30", None)],
)
async def test_a_failure_that_time_makes_of_a_check_that_is_down_is_its_newest(
    store: Store, user: User, runtime: int | None, reason: str, detail: str, overdue_ms: int | None
) -> None:
    check = await down_check(store, user, notify_after_failures=2, max_runtime_seconds=runtime)
    if runtime:
        await ping(store, user, check.id, "start", now=DOWN + 90_000)
    await watch(store, user, DOWN + 2 * MINUTE)
    await watch(store, user, DOWN + 7 * MINUTE)
    down, event = [entry.event for entry in await read_outbox(store, user.partition, 10)]
    assert (down.kind, down.reason, down.reason_detail) == ("down", reason, detail)
    assert (event.kind, event.reason, event.reason_detail) == ("reminder", reason, detail)
    assert (event.overdue_ms, event.down_since, event.failure_count) == (overdue_ms, DOWN, 2)


async def test_of_several_missed_runs_a_reminder_tells_of_the_newest(store: Store, user: User) -> None:
    check = await make_check(store, user, notify_after_failures=2, remind_every_minutes=5)
    await tick(store, user, NOON + 2 * MINUTE)
    args = {"pings_accepted": NOON + 2 * MINUTE, "flap": FLAPS}
    swept = await sweep(store, user.partition, now=NOON + 2 * MINUTE, **args)  # type: ignore[arg-type]  # mixed values
    await arm(store, user.partition, swept.unarmed[0], NOON + 2 * MINUTE, now=NOON + 2 * MINUTE)
    await watch(store, user, NOON + 3 * MINUTE)
    await watch(store, user, NOON + 8 * MINUTE)
    told = [(event["kind"], event["overdue_ms"]) for event in await outbox(store, user.partition)]
    assert told == [("down", str(MINUTE)), ("reminder", str(6 * MINUTE))]
    assert (await fields(store, check))["missed_due"] == str(NOON + 2 * MINUTE)


@pytest.mark.parametrize(
    ("since", "output"),
    [
        ([], "no space left"),
        ([("fail", b"")], ""),
        ([("success", b""), ("fail", b"")], ""),
        ([("fail", b""), ("log", b"what else it said")], "what else it said"),
        ([("fail", b"quota"), ("start", b""), ("log", b"")], "quota"),
    ],
)
async def test_a_reminder_carries_no_output_of_an_earlier_run(
    store: Store, user: User, since: list[tuple[str, bytes]], output: str
) -> None:
    check = await down_check(store, user)
    for number, (kind, body) in enumerate(since):
        reason = "fail" if kind == "fail" else ""
        await ping(store, user, check.id, kind, now=DOWN + number + 1, reason=reason, body=body)
    await watch(store, user, DOWN + 6 * MINUTE)
    *_, event = await outbox(store, user.partition)
    assert (event["kind"], event["output"]) == ("reminder", output)


async def test_a_body_that_found_no_room_leaves_a_reminder_without_output(store: Store, user: User) -> None:
    check = await down_check(store, user)
    args: dict[str, Any] = {"reason": "fail", "body": b"quota", "caps": (100, 0, 0)}
    await ping(store, user, check.id, "fail", now=DOWN + 1, **args)
    await watch(store, user, DOWN + 6 * MINUTE)
    *_, event = await outbox(store, user.partition)
    assert (event["kind"], event["output"]) == ("reminder", "")


async def test_without_the_setting_a_failure_is_told_once(store: Store, user: User) -> None:
    check = await down_check(store, user, remind_every_minutes=None)
    assert await watch(store, user, DOWN + 10_000 * MINUTE) == [b"ok", b"", 0, b""]
    (event,) = await outbox(store, user.partition)
    assert (event["kind"], event["may_acknowledge"]) == ("down", "")
    assert await remind_at(store, check) is None


async def test_below_the_threshold_nobody_is_reminded_of_what_was_not_told(store: Store, user: User) -> None:
    check = await down_check(store, user, notify_after_failures=2)
    assert await remind_at(store, check) is None
    await ping(store, user, check.id, "fail", now=DOWN + 30_000, reason="fail")
    assert await remind_at(store, check) == DOWN + 30_000 + 5 * MINUTE


async def test_a_clock_that_was_away_for_a_day_sends_one_reminder(store: Store, user: User) -> None:
    check = await down_check(store, user)
    now = DOWN + 1_440 * MINUTE
    await tick(store, user, DOWN)
    while (await look(store, user, now))[0] == b"more":
        pass
    assert await kinds(store, user) == ["down", "reminder"]
    assert await remind_at(store, check) == now + 5 * MINUTE


async def test_while_pings_are_not_taken_nobody_is_reminded(store: Store, user: User) -> None:
    await down_check(store, user)
    now = DOWN + 5 * MINUTE
    await tick(store, user, now)
    assert await look(store, user, now + 3_000, accepted=now) == [b"blind"]
    assert await kinds(store, user) == ["down"]


async def test_reminders_come_in_batches_and_only_when_no_deadline_is_left(store: Store, user: User) -> None:
    for number in range(3):
        await down_check(store, user, slug=f"c{number}")
    due = DOWN + 5 * MINUTE
    for _ in range(2):
        await make_check(store, user, now=due - 3 * MINUTE)
    assert (await watch(store, user, due, limit=2))[:3:2] == [b"more", 2]
    assert await kinds(store, user) == ["down"] * 5
    answers = [(await look(store, user, due, limit=2))[:3:2] for _ in range(3)]
    assert answers == [[b"more", 2], [b"ok", 1], [b"ok", 0]]
    assert sorted(await kinds(store, user)) == ["down"] * 5 + ["reminder"] * 3


async def test_without_time_one_is_reminded_at_a_time(store: Store, user: User) -> None:
    for number in range(3):
        await down_check(store, user, slug=f"c{number}")
    due = DOWN + 5 * MINUTE
    await tick(store, user, due)
    answers = [(await look(store, user, due, longest=0))[:3:2] for _ in range(4)]
    assert answers == [[b"more", 1], [b"more", 1], [b"ok", 1], [b"ok", 0]]


async def test_eight_clocks_at_once_remind_once(store: Store, user: User) -> None:
    for number in range(20):
        await down_check(store, user, slug=f"c{number}")
    due = DOWN + 5 * MINUTE
    await tick(store, user, due)
    answers = await asyncio.gather(*(look(store, user, due, limit=7) for _ in range(8)))
    assert sum(int(answer[2]) for answer in answers) == 20
    assert (await kinds(store, user)).count("reminder") == 20


@pytest.mark.parametrize("what", ["success", "pause", "delete", "acknowledge", "clear"])
async def test_reminders_end(store: Store, user: User, what: str) -> None:
    check = await down_check(store, user, notify_on_up=False)
    now = DOWN + 2 * MINUTE
    match what:
        case "success":
            await ping(store, user, check.id, now=now)
        case "pause":
            await checks.pause_check(store, user, "one", now=now)
        case "delete":
            await checks.delete_check(store, user, "one")
        case "acknowledge":
            assert await checks.acknowledge_check(store, user, "one", now=now)
        case "clear":
            await checks.update_check(
                store, user, "one", lambda old: replace(old, remind_every_minutes=None), now=now
            )
    assert await remind_at(store, check) is None
    await watch(store, user, now + 3_000 * MINUTE)
    assert "reminder" not in await kinds(store, user)


async def test_a_new_interval_counts_from_the_edit_and_another_edit_moves_nothing(
    store: Store, user: User
) -> None:
    check = await down_check(store, user)
    now = DOWN + 2 * MINUTE
    await checks.update_check(store, user, "one", lambda old: replace(old, name="new"), now=now)
    assert await remind_at(store, check) == DOWN + 5 * MINUTE
    await checks.update_check(store, user, "one", lambda old: replace(old, remind_every_minutes=7), now=now)
    assert await remind_at(store, check) == now + 7 * MINUTE


async def test_reminders_can_be_asked_for_while_it_is_down_and_before(store: Store, user: User) -> None:
    check = await down_check(store, user, remind_every_minutes=None)
    well = await make_check(store, user)
    for reference in ("one", str(well.id)):
        await checks.update_check(
            store, user, reference, lambda old: replace(old, remind_every_minutes=3), now=DOWN + 9
        )
    assert await remind_at(store, check) == DOWN + 9 + 3 * MINUTE
    assert await remind_at(store, well) is None


async def test_the_next_failure_counts_its_reminders_anew(store: Store, user: User) -> None:
    check = await down_check(store, user)
    await watch(store, user, DOWN + 5 * MINUTE)
    await ping(store, user, check.id, now=DOWN + 6 * MINUTE)
    await ping(store, user, check.id, "fail", now=DOWN + 7 * MINUTE, reason="fail")
    await watch(store, user, DOWN + 12 * MINUTE)
    told = [(event["kind"], event["reminders"]) for event in await outbox(store, user.partition)]
    assert told == [("down", ""), ("reminder", "1"), ("up", ""), ("down", ""), ("reminder", "1")]


async def test_acknowledging_twice_is_as_good_as_once_and_recovery_is_still_told(
    store: Store, user: User
) -> None:
    check = await down_check(store, user)
    version = (await list_checks(store, user, size=1, now=NOON)).version
    assert await checks.acknowledge_check(store, user, "one", now=DOWN + 10, down_since=DOWN)
    assert (await list_checks(store, user, size=1, now=NOON)).version == version + 1
    before = await dump(store)
    assert await checks.acknowledge_check(store, user, "one", now=DOWN + 20, down_since=DOWN)
    assert await dump(store) == before
    assert (await checks.get_check(store, user, "one")).acknowledged
    await ping(store, user, check.id, "fail", now=DOWN + MINUTE, reason="fail")
    assert await remind_at(store, check) is None
    await ping(store, user, check.id, now=DOWN + 2 * MINUTE)
    assert await kinds(store, user) == ["down", "up"]
    assert not (await checks.get_check(store, user, "one")).acknowledged
    await ping(store, user, check.id, "fail", now=DOWN + 3 * MINUTE, reason="fail")
    assert await remind_at(store, check) == DOWN + 8 * MINUTE


async def test_a_link_of_an_earlier_failure_acknowledges_nothing(store: Store, user: User) -> None:
    check = await down_check(store, user)
    before = await dump(store)
    assert not await checks.acknowledge_check(store, user, "one", now=DOWN + 10, down_since=DOWN - 1)
    assert await dump(store) == before
    await ping(store, user, check.id, now=DOWN + MINUTE)
    before = await dump(store)
    assert not await checks.acknowledge_check(store, user, "one", now=DOWN + 2 * MINUTE)
    assert not await checks.acknowledge_check(store, user, "one", now=DOWN + 2 * MINUTE, down_since=DOWN)
    assert await dump(store) == before


async def test_a_failure_can_be_acknowledged_before_it_is_told(store: Store, user: User) -> None:
    check = await down_check(store, user, notify_after_failures=2)
    assert await checks.acknowledge_check(store, user, "one", now=DOWN + 10)
    await ping(store, user, check.id, "fail", now=DOWN + MINUTE, reason="fail")
    (event,) = await outbox(store, user.partition)
    assert (event["kind"], event["may_acknowledge"]) == ("down", "")
    assert await remind_at(store, check) is None


async def test_nobody_acknowledges_what_is_not_theirs(store: Store, user: User) -> None:
    check = await down_check(store, user)
    while (other := await make_user(store)).partition != user.partition:
        pass
    before = await dump(store)
    for owner, number in ((other.id, check.id), (user.id, 99)):
        answer = await store.scripts.run("acknowledge", user.partition, [owner, number, "", DOWN])
        assert answer == -1
    with pytest.raises(NotFound):
        await checks.acknowledge_check(store, other, str(check.id), now=DOWN)
    assert await dump(store) == before


async def test_a_stray_member_of_the_set_reminds_nobody(store: Store, user: User) -> None:
    check = await make_check(store, user, remind_every_minutes=5)
    await store.redis.zadd(keys.reminders(user.partition), {str(check.id): NOON, "999": NOON})
    await watch(store, user, NOON + 10)
    assert await store.redis.zcard(keys.reminders(user.partition)) == 0
    assert await outbox(store, user.partition) == []
