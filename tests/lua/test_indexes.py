"""index.lua: whatever happens to a check, the lists of its account go by it at once; reindex.lua builds the same."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any
from unittest import mock

import pytest

from tests.lua.indexes import assert_indexed, held_indexes
from tests.lua.parts import FLAPS, MINUTE, NOON, make_check, make_user, ping, settings
from ttr.domain.schedule import Schedule
from ttr.store import checks, keys
from ttr.store.deadlines import sweep
from ttr.store.errors import StoreUnfit
from ttr.store.form import FORM, OPEN_TO, Form, set_form
from ttr.store.redis import Store
from ttr.store.reindex import INDEX_VERSION, ensure_indexes, reindex
from ttr.store.users import User

NIGHTLY = Schedule("cron", None, "0 3 * * *", "UTC")
WORDS = ("Backup", "ÜBER", "straße", "ﬁle", "a", "Z", "job 7", "  spaced  ", "İstanbul")


async def test_every_kind_of_change_is_followed(store: Store, user: User) -> None:
    check = await make_check(store, user, name="Straße", slug="one", tags=("DB", "Night"))
    await assert_indexed(store, user)
    await ping(store, user, check.id, "start", request="1")
    await assert_indexed(store, user)
    await ping(store, user, check.id, now=NOON + 5, request="2")
    await assert_indexed(store, user)
    assert (await held_indexes(store, user))["counters"]["duration_sum"] == 5
    change = settings(name="straße", slug="two", tags=("db",), schedule=NIGHTLY)
    await checks.update_check(store, user, "one", lambda _: change, now=NOON + 6)
    await assert_indexed(store, user)
    await checks.pause_check(store, user, "two", now=NOON + 7)
    await assert_indexed(store, user)
    await checks.resume_check(store, user, "two", now=NOON + 8)
    await assert_indexed(store, user)
    await ping(store, user, check.id, "fail", now=NOON + 9, request="3", revision="2", reason="fail")
    await assert_indexed(store, user)
    await checks.delete_check(store, user, "two")
    await assert_indexed(store, user)
    assert await store.redis.exists(keys.search(user.partition, user.id)) == 0


async def test_a_run_that_holds_the_deadline_is_not_late(store: Store, user: User) -> None:
    check = await make_check(store, user, max_runtime_seconds=600)
    assert (await held_indexes(store, user))["by_due"]
    await ping(store, user, check.id, "start", request="1")
    assert not (await held_indexes(store, user))["by_due"]
    await assert_indexed(store, user)


async def test_silence_is_followed(store: Store, user: User) -> None:
    for number in range(5):
        await make_check(store, user, slug=f"c{number}", notify_after_failures=number)
    later = NOON + 3 * MINUTE
    await sweep(store, user.partition, now=later, pings_accepted=later, flap=FLAPS)
    await assert_indexed(store, user)


async def test_many_changes_at_random_leave_the_indexes_right(store: Store, user: User) -> None:
    draw = random.Random(7)
    made: list[int] = []
    for step in range(300):
        now = NOON + step * 1_000
        kind = draw.choice(("make", "ping", "ping", "edit", "pause", "resume", "delete"))
        if kind == "make" or not made:
            schedule = draw.choice((Schedule("interval", draw.randint(1, 99), None, "UTC"), NIGHTLY))
            tags = tuple(draw.sample(("DB", "web", "ﬁx"), draw.randint(0, 3)))
            check = await make_check(
                store, user, now=now, name=draw.choice(WORDS), tags=tags, schedule=schedule
            )
            made.append(check.id)
            continue
        number = draw.choice(made)
        check = await checks.get_check(store, user, str(number))
        if kind == "ping":
            signal = draw.choice(("success", "start", "fail", "log"))
            await ping(store, user, number, signal, now=now, revision=check.revision, reason="fail")
        elif kind == "edit":
            change = settings(name=draw.choice(WORDS), max_runtime_seconds=draw.choice((None, 60)))
            await checks.update_check(store, user, str(number), lambda _, new=change: new, now=now)
        elif kind == "pause":
            await checks.pause_check(store, user, str(number), now=now)
        elif kind == "resume":
            await checks.resume_check(store, user, str(number), now=now)
        else:
            await checks.delete_check(store, user, str(number))
            made.remove(number)
        if step % 10 == 0:
            await assert_indexed(store, user)
    await assert_indexed(store, user)


async def test_creation_times_rise_with_the_numbers(store: Store, user: User) -> None:
    moments = (50, 10, 70, 70, 30, 90, 20)
    made = [await make_check(store, user, now=NOON + moment) for moment in moments]
    # A lower number whose script comes later than those of higher ones.
    await store.redis.set(keys.sequence("check"), 100)
    await make_check(store, user, now=NOON + 95)
    await store.redis.set(keys.sequence("check"), 50)
    made.append(await make_check(store, user, now=NOON + 200))
    await store.redis.set(keys.sequence("check"), 60)
    made.append(await make_check(store, user, now=NOON + 1))
    made.append(await checks.get_check(store, user, "101"))
    made.sort(key=lambda check: check.id)
    assert [check.created_at for check in made] == sorted(check.created_at for check in made)
    await assert_indexed(store, user)


async def test_old_indexes_are_built_anew_by_one_of_many(store: Store, user: User) -> None:
    other = await make_user(store)
    for number in range(120):
        check = await make_check(store, user, name=f"Job {number}", tags=("x",))
        if number % 3 == 0:
            await ping(store, user, check.id, "start", request="a")
            await ping(store, user, check.id, now=NOON + number, request="b")
    await make_check(store, other)
    for family in (keys.by_name, keys.by_status, keys.by_due, keys.search, keys.running):
        await store.redis.delete(family(user.partition, user.id))
    await store.redis.zadd(keys.by_last_ping(user.partition, user.id), {"0000009999": 5})
    await store.redis.hincrby(keys.user(user.partition, user.id), "interval_sum", 77)
    await store.redis.hdel(keys.meta(), "index_version")
    await asyncio.gather(*(ensure_indexes(store) for _ in range(3)))
    await assert_indexed(store, user)
    await assert_indexed(store, other)
    assert int(await store.redis.hget(keys.meta(), "index_version")) == INDEX_VERSION
    assert await store.redis.exists(keys.reindexing()) == 0


async def test_checks_of_before_the_indexes_get_their_folded_words(store: Store, user: User) -> None:
    for number in range(60):
        check = await make_check(store, user, name=f"Nightly BACKUP {number}", tags=("DB",))
        await store.redis.hdel(keys.check(user.partition, check.id), "folded", "folded_tags")
    await reindex(store, user.id)
    await assert_indexed(store, user)
    assert await store.redis.hget(keys.check(user.partition, check.id), "folded") == b"nightly backup 59"


async def test_what_happens_during_a_rebuild_is_counted_once(store: Store, user: User) -> None:
    made = [await make_check(store, user, name=f"Job {number}") for number in range(120)]
    really, calls = store.scripts.run, 0

    async def run(name: str, partition: int, args: Sequence[Any]) -> Any:
        nonlocal calls
        answer = await really(name, partition, args)
        if name == "reindex":
            calls += 1
            # One that is done and one that is not, and each call twice, as after a lost connection.
            for check in (made[calls], made[-calls]):
                await ping(store, user, check.id, "start", request="a", now=NOON + calls)
                await ping(store, user, check.id, now=NOON + 10 * calls, request="b")
            for check in (made[calls + 10], made[-calls - 10]):
                await checks.delete_check(store, user, str(check.id))
            await checks.update_check(
                store, user, str(made[-calls - 20].id), lambda _: settings(schedule=NIGHTLY), now=NOON
            )
            await make_check(store, user)
            answer = await really(name, partition, args)
        return answer

    with mock.patch.object(store.scripts, "run", run):
        await reindex(store, user.id)
    assert calls == 3
    await assert_indexed(store, user)


async def test_of_two_rebuilds_the_later_one_does_it(store: Store, user: User) -> None:
    for number in range(120):
        await make_check(store, user, name=f"Job {number}")
    really, stalled = store.scripts.run, asyncio.Event()

    async def run(name: str, partition: int, args: Sequence[Any]) -> Any:
        if name == "reindex" and args[1] != "0" and not stalled.is_set():
            stalled.set()
            await reindex(store, user.id)
        return await really(name, partition, args)

    with mock.patch.object(store.scripts, "run", run):
        await reindex(store, user.id)
    assert stalled.is_set()
    await assert_indexed(store, user)


@pytest.mark.parametrize("accounts", [1, 40])
async def test_a_rebuild_ends_when_the_data_is_closed_to_it(store: Store, user: User, accounts: int) -> None:
    """A newer version's migration does not wait for it: who starts says nothing of himself before he is through."""
    for _ in range(accounts - 1):
        await make_user(store)
    await store.redis.hdel(keys.meta(), "index_version")
    really, built = store.scripts.run, list[int]()

    async def run(name: str, partition: int, args: Sequence[Any]) -> Any:
        if name == "reindex":
            built.append(args[0])
            await set_form(store.scripts, Form(FORM, OPEN_TO), Form(FORM, FORM + 1))
        return await really(name, partition, args)

    with mock.patch.object(store.scripts, "run", run), pytest.raises(StoreUnfit, match="Run the newer ttr"):
        await ensure_indexes(store)
    assert len(built) == min(accounts, 16)


async def test_a_start_that_waits_for_another_s_rebuild_sees_that_the_data_is_closed(store: Store) -> None:
    await store.redis.hdel(keys.meta(), "index_version")
    await store.redis.set(keys.reindexing(), "another")
    await set_form(store.scripts, Form(FORM, OPEN_TO), Form(FORM, FORM + 1))
    with pytest.raises(StoreUnfit, match="Run the newer ttr"):
        await ensure_indexes(store)


async def test_current_indexes_are_left_alone(store: Store, user: User) -> None:
    await ensure_indexes(store)
    await make_check(store, user)
    await store.redis.delete(keys.search(user.partition, user.id))
    await ensure_indexes(store)
    assert await store.redis.exists(keys.search(user.partition, user.id)) == 0
    await reindex(store, user.id)
    await assert_indexed(store, user)
