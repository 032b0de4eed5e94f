"""Chores: one at a time, journalled before each step, taken over when their owner is silent, undone once."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.lua.indexes import assert_indexed
from tests.lua.parts import (
    MINUTE,
    NOON,
    besides_marks,
    draft,
    dump,
    fields,
    make_channel,
    make_check,
    make_user,
    outbox,
    ping,
    settings,
)
from ttr.changes import all_or_nothing, changed_check, made_channel, made_check, undo, undo_entry
from ttr.domain.check import Check
from ttr.domain.content import ContentRule
from ttr.domain.invalid import Contradiction, FieldError
from ttr.domain.schedule import Schedule
from ttr.now import now_ms
from ttr.store import channels, checks, chores, keys
from ttr.store.errors import Busy, ChoreLost, NotFound
from ttr.store.numbers import draw_numbers
from ttr.store.redis import Store
from ttr.store.users import User

LATER = NOON + chores.LEASE_MS


@pytest.fixture
async def user(store: Store) -> User:
    """An account without checks."""
    return await make_user(store)


async def changed(store: Store, user: User, check: Check, **changes: Any) -> Check:
    """The check with other settings."""
    return await checks.update_check(
        store, user, str(check.id), lambda before: replace(before, **changes), now=NOON
    )


async def make_as(store: Store, user: User, number: int, **changes: Any) -> Check:
    """A check made at noon under a number that was drawn before."""
    return await checks.create_check(store, user, settings(**changes), now=NOON, most=100, number=number)


async def test_an_account_has_one_chore_at_a_time(store: Store, user: User) -> None:
    other = await make_user(store)
    chore = await chores.begin(store, user.id, "change", now=NOON)
    for kind in ("change", "delete"):
        with pytest.raises(Busy):
            await chores.begin(store, user.id, kind, now=LATER + 1)
    await chores.end(store, await chores.begin(store, other.id, "change", now=NOON))
    await chores.end(store, chore)
    await chores.end(store, await chores.begin(store, user.id, "delete", now=NOON))


async def test_of_twenty_that_begin_at_once_one_does(store: Store, user: User) -> None:
    begun = await asyncio.gather(
        *(chores.begin(store, user.id, "change", now=NOON) for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(one, Busy) for one in begun) == 19


async def test_what_is_over_leaves_nothing_behind(store: Store, user: User) -> None:
    before = besides_marks(await dump(store))
    chore = await chores.begin(store, user.id, "change", now=NOON)
    await chores.note(store, chore, made_check(1), now=NOON)
    await chores.end(store, chore)
    assert besides_marks(await dump(store)) == before


async def test_a_journal_is_read_newest_first_page_by_page(store: Store, user: User) -> None:
    chore = await chores.begin(store, user.id, "change", now=NOON)
    assert await chores.last_entries(store, chore) == []
    for start in range(0, 450, 90):
        await chores.note(store, chore, *({"made_check": n} for n in range(start, start + 90)), now=NOON)
    read: list[int] = []
    while page := await chores.last_entries(store, chore, len(read)):
        read += [entry["made_check"] for entry in page]
    assert read == list(reversed(range(450)))


async def test_only_what_was_silent_for_a_whole_lease_is_taken_over_and_by_one(
    store: Store, user: User
) -> None:
    chore = await chores.begin(store, user.id, "change", now=NOON)
    assert await chores.lapsed(store, now=LATER - 1) == []
    await chores.note(store, chore, now=NOON + 10_000)
    assert await chores.lapsed(store, now=LATER) == []
    await asyncio.gather(*(store.redis.ping() for _ in range(20)))  # each taker finds a connection
    takers = await asyncio.gather(*(chores.lapsed(store, now=LATER + 10_000) for _ in range(20)))
    (taken,) = [chore for found in takers for chore in found]
    assert (taken.user_id, taken.kind) == (user.id, "change")
    assert taken.token != chore.token
    for attempt in (chores.note(store, chore, now=LATER), chores.end(store, chore)):
        with pytest.raises(ChoreLost):
            await attempt
    with pytest.raises(ChoreLost):
        await chores.retake(store, chore, now=LATER)
    # Whoever took it over may die as well.
    (again,) = await chores.lapsed(store, now=LATER + 10_000 + chores.LEASE_MS)
    await chores.end(store, again)
    assert await chores.lapsed(store, now=LATER * 2) == []


async def test_a_stalled_owner_changes_nothing_any_more(store: Store, user: User) -> None:
    check, channel = await make_check(store, user), await make_channel(store, user)
    chore = await chores.begin(store, user.id, "change", now=NOON)
    steps = chores.fenced(store, chore)
    made = await make_check(steps, user, name="made in time")
    await checks.pause_check(steps, user, str(made.id), now=NOON)
    (number,) = await draw_numbers(store, "check")
    await chores.note(store, chore, made_check(number), now=NOON)
    (taken,) = await chores.lapsed(store, now=LATER)
    before = await dump(store)
    stalled = [
        checks.update_check(steps, user, str(check.id), lambda now_set: now_set, now=NOON),
        checks.pause_check(steps, user, str(check.id), now=NOON),
        checks.delete_check(steps, user, str(check.id)),
        channels.delete_channel(steps, user, channel.id),
        make_channel(steps, user),
        make_check(steps, user),
    ]
    for step in stalled:
        with pytest.raises(ChoreLost):
            await step
    after = await dump(store)
    changed_keys = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    # A number drawn and a UUID claimed for nothing are of no harm.
    assert all(b"sequence" in key or b"check-uuid" in key for key in changed_keys)
    await chores.end(store, taken)


async def test_undoing_deletes_what_was_made_and_puts_back_what_was_changed(store: Store, user: User) -> None:
    now = now_ms()
    own = await make_channel(store, user)
    check = await make_check(
        store,
        user,
        name='Übung \\ "%s"',
        now=now,
        slug="nightly",
        tags=("db", "prod"),
        channels=(own.id,),
        description="two\nlines",
        schedule=Schedule("cron", None, "0 3 * * *", "Europe/Berlin"),
        rule=ContentRule("ok|done", "absent", True),
        max_runtime_seconds=90,
        notify_after_failures=3,
        remind_every_minutes=5,
        post_only=True,
    )
    before = await fields(store, check)
    chore = await chores.begin(store, user.id, "change", now=NOON)
    steps = chores.fenced(store, chore)

    (number,) = await draw_numbers(store, "channel")
    await chores.note(store, chore, made_channel(number), now=NOON)
    channel = await channels.create_channel(
        steps, user, draft(), own_check=None, now=NOON, most=100, number=number
    )
    assert channel == number
    await chores.note(store, chore, changed_check(check), now=NOON)
    await changed(
        steps,
        user,
        check,
        name="x",
        slug="other",
        tags=("z",),
        channels=(number,),
        description="",
        schedule=Schedule("interval", 60, None, "UTC"),
        rule=None,
        max_runtime_seconds=None,
        notify_after_failures=None,
        remind_every_minutes=None,
        post_only=False,
    )
    (number,) = await draw_numbers(store, "check")
    await chores.note(store, chore, made_check(number), now=NOON)
    made = await make_as(steps, user, number, slug="nightly")

    (taken,) = await chores.lapsed(store, now=LATER)
    await undo(store, taken)
    after = await fields(store, check)
    moves = {"revision", "edited_at", "folded_tags", "tags"}
    assert {k: v for k, v in after.items() if k not in moves} == {
        k: v for k, v in before.items() if k not in moves
    }
    assert [name for _, name in json.loads(after["tags"])] == ["db", "prod"]
    for gone in (checks.get_check(store, user, str(made.id)), channels.get_channel(store, user, channel)):
        with pytest.raises(NotFound):
            await gone
    with pytest.raises(NotFound):
        await checks.get_check(store, user, made.uuid)
    assert await store.redis.exists(keys.check_uuid(made.uuid)) == 0
    assert (await checks.get_check(store, user, "nightly")).id == check.id
    assert await chores.lapsed(store, now=LATER * 2) == []


async def test_undoing_twice_or_over_again_is_as_good_as_once(store: Store, user: User) -> None:
    check = await make_check(store, user, name="before")
    chore = await chores.begin(store, user.id, "change", now=NOON)
    (number,) = await draw_numbers(store, "check")
    for entry in (changed_check(check), made_check(number), made_check(number), changed_check(check)):
        await chores.note(store, chore, entry, now=NOON)
    await make_as(store, user, number)
    await changed(store, user, check, name="after")
    # One clock took some of it back and died.
    for entry in await chores.last_entries(store, chore):
        await undo_entry(store, user, entry, now=NOON)
    (taken,) = await chores.lapsed(store, now=LATER)
    await undo(store, taken)
    assert (await checks.get_check(store, user, str(check.id))).name == "before"
    with pytest.raises(NotFound):
        await checks.get_check(store, user, str(number))


async def test_what_the_owner_did_meanwhile_is_not_lost(store: Store, user: User) -> None:
    noted_only = await make_check(store, user, name="noted only")
    gone = await make_check(store, user, name="gone")
    moved = await make_check(store, user, slug="wanted")
    channel = await make_channel(store, user)
    used = await make_check(store, user, channels=(channel.id,))
    entries = [changed_check(check) for check in (noted_only, gone, moved, used)]
    await changed(store, user, noted_only, name="by its owner", slug="mine")
    entries[0] = {**entries[0], "revision": (await checks.get_check(store, user, "mine")).revision}
    await changed(store, user, gone, name="x")
    await changed(store, user, moved, slug="elsewhere", name="x")
    await changed(store, user, used, name="x", channels=())
    await checks.delete_check(store, user, str(gone.id))
    taker = await make_check(store, user, slug="wanted")
    await channels.delete_channel(store, user, channel.id)
    for entry in [*entries, {"of a newer version": 1}]:
        await undo_entry(store, user, entry, now=NOON)
    assert (await checks.get_check(store, user, "mine")).name == "by its owner"
    assert (await checks.get_check(store, user, "wanted")).id == taker.id
    restored = await checks.get_check(store, user, str(moved.id))
    assert (restored.name, restored.settings.slug) == ("backup", "elsewhere")
    assert (await checks.get_check(store, user, str(used.id))).channels == ()


async def test_a_deadline_that_passed_in_the_pause_is_overdue_at_the_next_look(
    store: Store, user: User
) -> None:
    check = await make_check(store, user)
    await checks.pause_check(store, user, str(check.id), now=NOON + 1)
    await undo_entry(store, user, changed_check(check), now=NOON + 2 * MINUTE)
    back = await checks.get_check(store, user, str(check.id))
    assert (back.status, back.deadline) == ("new", NOON + 2 * MINUTE)


async def pause_and_undo(store: Store, user: User, check: Check, *between: str) -> Check:
    """Pause a check by a change that is taken back a second later; pings of these kinds come between."""
    check = await checks.get_check(store, user, str(check.id))
    entry = changed_check(check)
    await checks.pause_check(store, user, str(check.id), now=NOON + MINUTE)
    for kind in between:
        await ping(store, user, check.id, kind, now=NOON + MINUTE + 500, request=f"between {kind}")
    await undo_entry(store, user, json.loads(json.dumps(entry)), now=NOON + MINUTE + 1_000)
    return await checks.get_check(store, user, str(check.id))


async def test_a_pause_that_is_taken_back_tells_nobody_anything_twice(store: Store, user: User) -> None:
    up, new, down, quiet = [
        await make_check(store, user, slug=slug, remind_every_minutes=5, notify_after_failures=after)
        for slug, after in (("up", None), ("new", None), ("down", None), ("quiet", 3))
    ]
    await ping(store, user, up.id)
    await ping(store, user, down.id, "fail", reason="fail", detail="exit 3")
    await ping(store, user, quiet.id, "fail", reason="fail")
    told = len(await outbox(store, user.partition))
    assert told == 1
    back = {check.settings.slug: await pause_and_undo(store, user, check) for check in (up, new, down, quiet)}
    await assert_indexed(store, user)
    assert {slug: check.status for slug, check in back.items()} == {
        "up": "up",
        "new": "new",
        "down": "down",
        "quiet": "down",
    }
    assert (back["down"].reason, back["down"].reason_detail, back["down"].alerted) == ("fail", "exit 3", True)
    assert back["down"].deadline is None
    assert (back["quiet"].failure_count, back["quiet"].alerted) == (1, False)
    for slug in ("up", "new", "quiet"):
        assert back[slug].deadline == NOON + 2 * MINUTE
    assert await store.redis.zscore(keys.reminders(user.partition), down.id) is not None
    assert await store.redis.zscore(keys.reminders(user.partition), up.id) is None
    await ping(store, user, down.id, "fail", now=NOON + 2 * MINUTE, request="again")
    assert len(await outbox(store, user.partition)) == told
    await ping(store, user, down.id, now=NOON + 3 * MINUTE, request="recovers")
    assert [event["kind"] for event in await outbox(store, user.partition)] == ["down", "up"]


async def test_reminders_that_were_ended_stay_so(store: Store, user: User) -> None:
    check = await make_check(store, user, remind_every_minutes=5)
    await ping(store, user, check.id, "fail", reason="fail")
    assert await checks.acknowledge_check(store, user, str(check.id), now=NOON)
    back = await pause_and_undo(store, user, check)
    assert back.acknowledged
    assert await store.redis.zscore(keys.reminders(user.partition), check.id) is None


async def test_pings_between_are_minded(store: Store, user: User) -> None:
    check = await make_check(store, user)
    assert (await pause_and_undo(store, user, check, "success")).status == "up"
    other = await make_check(store, user)
    await ping(store, user, other.id)
    back = await pause_and_undo(store, user, other, "fail")
    assert (back.status, back.alerted, back.deadline) == ("down", True, None)
    assert [event["kind"] for event in await outbox(store, user.partition)] == ["down"]


async def test_what_was_told_between_the_entry_and_the_pause_silences_no_later_failure(
    store: Store, user: User
) -> None:
    check = await make_check(store, user)
    await ping(store, user, check.id)
    entry = changed_check(await checks.get_check(store, user, str(check.id)))
    await ping(store, user, check.id, "fail", now=NOON + 1, reason="fail")
    await checks.pause_check(store, user, str(check.id), now=NOON + 2)
    await undo_entry(store, user, entry, now=NOON + 3)
    back = await checks.get_check(store, user, str(check.id))
    assert (back.status, back.alerted, back.deadline) == ("down", True, None)
    for number, kind in enumerate(("fail", "success", "fail")):
        await ping(store, user, check.id, kind, now=NOON + 10 + number, reason="fail")
    assert [event["kind"] for event in await outbox(store, user.partition)] == ["down", "up", "down"]


async def test_a_recovery_in_the_pause_is_told_and_nobody_is_reminded_of_what_is_over(
    store: Store, user: User
) -> None:
    check = await make_check(store, user, remind_every_minutes=1)
    await ping(store, user, check.id, "fail", reason="fail")
    back = await pause_and_undo(store, user, check, "success")
    assert (back.status, back.reason, back.deadline) == ("up", "", NOON + 3 * MINUTE + 500)
    assert await store.redis.zscore(keys.reminders(user.partition), check.id) is None
    assert [event["kind"] for event in await outbox(store, user.partition)] == ["down", "up"]


@pytest.mark.parametrize(("resume_status", "status"), [("up", "up"), ("new", "new"), ("down", "down")])
async def test_a_pause_of_an_older_version_is_taken_back_as_far_as_it_is_known(
    store: Store, user: User, resume_status: str, status: str
) -> None:
    check = await make_check(store, user)
    await ping(store, user, check.id, "fail", reason="fail")
    entry = changed_check(check)
    await checks.pause_check(store, user, str(check.id), now=NOON + 1)
    key = keys.check(user.partition, check.id)
    await store.redis.hdel(key, "before_pause", "in_pause")
    await store.redis.hset(key, "resume_status", resume_status)
    await undo_entry(store, user, entry, now=NOON + 2)
    back = await checks.get_check(store, user, str(check.id))
    assert (back.status, back.alerted) == (status, status == "down")
    assert (back.deadline is None) == (status == "down")


async def test_nothing_is_kept_of_a_pause_that_is_over(store: Store, user: User) -> None:
    check = await make_check(store, user)
    for end in ("resumed", "taken back"):
        await checks.pause_check(store, user, str(check.id), now=NOON)
        await ping(store, user, check.id, request=end)
        kept = await fields(store, check)
        assert kept["before_pause"]
        assert kept["in_pause"]
        if end == "resumed":
            await checks.resume_check(store, user, str(check.id), now=NOON)
        else:
            await checks.undo_pause(store, user, str(check.id), now=NOON)
        kept = await fields(store, check)
        assert (kept["before_pause"], kept["in_pause"]) == ("", "")


async def test_a_resumption_that_is_taken_back_leaves_the_check_paused(store: Store, user: User) -> None:
    check = await make_check(store, user)
    paused = await checks.pause_check(store, user, str(check.id), now=NOON)
    await checks.resume_check(store, user, str(check.id), now=NOON)
    await undo_entry(store, user, changed_check(paused), now=NOON)
    back = await checks.get_check(store, user, str(check.id))
    assert (back.paused, back.deadline) == (True, None)


async def test_a_change_that_fails_or_is_cancelled_leaves_everything_as_it_was(
    store: Store, user: User
) -> None:
    async def make_two(fail: BaseException) -> None:
        async with all_or_nothing(store, user) as change:
            for number in await draw_numbers(store, "check", 2):
                await change.note(made_check(number))
                await make_as(change.store, user, number)
            raise fail

    for error in (NotFound("x"), asyncio.CancelledError(), RuntimeError()):
        with pytest.raises(type(error)):
            await make_two(error)
        assert await store.redis.zcard(keys.user_checks(user.partition, user.id)) == 0
        assert await store.redis.exists(keys.user_chore(user.partition, user.id)) == 0
    async with all_or_nothing(store, user) as change:
        with pytest.raises(Busy):
            async with all_or_nothing(store, user):
                pass
        await change.note()
    assert await store.redis.exists(keys.user_chore(user.partition, user.id)) == 0


async def test_a_change_taken_back_by_the_clock_says_so_when_its_owner_wakes(
    store: Store, user: User
) -> None:
    async def stall() -> None:
        async with all_or_nothing(store, user) as change:
            (number,) = await draw_numbers(store, "check")
            await change.note(made_check(number))
            (taken,) = await chores.lapsed(store, now=LATER + 10**13)
            await undo(store, taken)
            await make_as(change.store, user, number)

    with pytest.raises(ChoreLost):
        await stall()
    assert await store.redis.zcard(keys.user_checks(user.partition, user.id)) == 0


async def test_an_owner_who_wakes_and_finds_his_check_gone_hears_that_it_was_taken_back(
    store: Store, user: User
) -> None:
    async def stall() -> None:
        async with all_or_nothing(store, user) as change:
            (number,) = await draw_numbers(store, "check")
            await change.note(made_check(number))
            await make_as(change.store, user, number)
            (taken,) = await chores.lapsed(store, now=LATER + 10**13)
            await undo(store, taken)
            try:
                await checks.get_check(change.store, user, str(number))
            except NotFound as error:
                raise Contradiction([FieldError("checks.0", str(error))]) from None

    with pytest.raises(ChoreLost):
        await stall()
    assert await store.redis.zcard(keys.user_checks(user.partition, user.id)) == 0
