"""The clock's looks: whose turn is when, and that a real Redis is looked at so."""

import asyncio
import itertools

import pytest

from tests.conftest import MASTER_KEY, eventually
from tests.lua.parts import FLAPS, MINUTE, NOON, fields, make_check, settings
from ttr import watch
from ttr.ending import end
from ttr.now import now_ms
from ttr.store import checks, deadlines, keys
from ttr.store.deadlines import Swept, read_ticks, tick_web
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store
from ttr.store.users import create_user
from ttr.watch import Turns

ALL = keys.PARTITIONS
NOTHING = Swept(blind=False, more=False, next_look=None, changed=0, delays=(), unarmed=())
BLIND = Swept(blind=True, more=False, next_look=None, changed=0, delays=(), unarmed=())
MORE = Swept(blind=False, more=True, next_look=None, changed=100, delays=(), unarmed=())


def until(moment: int) -> Swept:
    """A look that found nothing until then."""
    return Swept(blind=False, more=False, next_look=moment, changed=0, delays=(), unarmed=())


def looked(turns: Turns, now: int) -> dict[int, list[int]]:
    """Look wherever something is due for a minute, finding nothing: when each partition was looked at."""
    times: dict[int, list[int]] = {partition: [] for partition in range(ALL)}
    while True:
        partition, at = turns.next(now)
        if max(now, at) >= NOON + MINUTE:
            return times
        now = max(now, at)
        times[partition].append(now)
        turns.looked(partition, NOTHING, now)


def test_each_partition_is_looked_at_twice_a_second_and_at_no_two_at_once() -> None:
    times = looked(Turns(), NOON)
    for partition, found in times.items():
        pauses = [after - before for before, after in itertools.pairwise(found)]
        assert found[0] == NOON, partition
        assert max(pauses) <= 500
        assert len(found) in (120, 121)
    later = [moment for found in times.values() for moment in found[1:]]
    assert len(set(later)) == len(later)


def test_a_deadline_is_met_to_the_millisecond() -> None:
    turns = Turns()
    for partition in range(ALL):
        turns.looked(partition, until(NOON + 30 if partition == 9 else NOON + 90_000), NOON + 1)
    assert turns.next(NOON + 1) == (9, NOON + 30)


def test_who_has_more_to_do_comes_after_all_others_that_are_due() -> None:
    turns, order = Turns(), []
    for now in range(NOON, NOON + 3 * ALL):
        partition, _ = turns.next(now)
        order.append(partition)
        turns.looked(partition, MORE, now)
    assert order == [*range(ALL)] * 3


def test_a_clock_that_is_set_back_leaves_nobody_out() -> None:
    turns = Turns()
    looked(turns, NOON)
    times: dict[int, list[int]] = {partition: [] for partition in range(ALL)}
    now = NOON - MINUTE
    for _ in range(10 * ALL):
        partition, at = turns.next(now)
        now = max(now, int(at))
        times[partition].append(now)
        turns.looked(partition, NOTHING, now)
    for partition, found in times.items():
        assert len(found) >= 8, partition
        assert max(after - before for before, after in itertools.pairwise(found)) <= 500


def test_a_round_has_come_to_every_partition_and_seen() -> None:
    turns = Turns()
    for partition in range(1, ALL):
        turns.looked(partition, NOTHING, NOON)
    turns.looked(0, BLIND, NOON)
    assert not turns.is_round
    turns.looked(0, MORE, NOON)
    assert turns.is_round
    turns.begin_round()
    assert not turns.is_round


async def test_whatever_is_overdue_anywhere_is_found_and_the_clock_ticks(store: Store) -> None:
    start, made = now_ms(), []
    for _ in range(ALL + 1):
        user, _ = await create_user(store, now=start, master=MASTER_KEY)
        made += [await make_check(store, user, now=start - 2 * MINUTE) for _ in range(2)]
    await tick_web(store, start)
    wake = asyncio.Event()
    looking = asyncio.create_task(watch.watch(store, wake, FLAPS))

    async def found() -> bool:
        await tick_web(store, now_ms())
        states = [(await fields(store, check))["status"] for check in made]
        return set(states) == {"down"}

    async def ticked() -> bool:
        await tick_web(store, now_ms())
        return (await read_ticks(store))[1] >= start

    try:
        await eventually(found)
        await eventually(ticked)
    finally:
        await end(looking)
    assert wake.is_set()


async def test_a_deadline_that_is_earlier_than_all_that_were_known_is_met(store: Store) -> None:
    start = now_ms()
    user, _ = await create_user(store, now=start, master=MASTER_KEY)
    await make_check(store, user, now=start)  # in two minutes
    await tick_web(store, start)
    looking = asyncio.create_task(watch.watch(store, asyncio.Event(), FLAPS))
    try:
        await eventually(lambda: _is_looked_at(store, user.partition))
        quick = await checks.create_check(
            store, user, settings(grace_seconds=1), now=now_ms() - 60_500, most=10
        )

        async def found() -> bool:
            await tick_web(store, now_ms())
            return (await fields(store, quick))["status"] == "down"

        await eventually(found)
    finally:
        await end(looking)


async def _is_looked_at(store: Store, partition: int) -> bool:
    return await store.redis.hget(keys.clock(partition), "tick") is not None


async def test_while_no_web_process_takes_pings_nothing_is_judged_and_the_clock_does_not_tick(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    check = await make_check(store, user, now=now_ms() - 2 * MINUTE)
    looks = 0
    sweep = deadlines.sweep

    async def counted(*args: object, **kwargs: object) -> Swept:
        nonlocal looks
        looks += 1
        return await sweep(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they come

    monkeypatch.setattr(watch, "sweep", counted)
    looking = asyncio.create_task(watch.watch(store, asyncio.Event(), FLAPS))

    async def often() -> bool:
        return looks > 2 * ALL

    try:
        await eventually(often)
    finally:
        await end(looking)
    assert (await fields(store, check))["status"] == "new"
    assert await read_ticks(store) == (0, 0)


async def test_a_redis_that_was_away_is_looked_at_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    check = await make_check(store, user, now=now_ms() - 2 * MINUTE)
    await tick_web(store, now_ms())
    sweep, failed = deadlines.sweep, False

    async def away_once(*args: object, **kwargs: object) -> Swept:
        nonlocal failed
        if not failed:
            failed = True
            raise StoreUnavailable("away")
        return await sweep(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they come

    monkeypatch.setattr(watch, "sweep", away_once)
    looking = asyncio.create_task(watch.watch(store, asyncio.Event(), FLAPS))

    async def found() -> bool:
        await tick_web(store, now_ms())
        return (await fields(store, check))["status"] == "down"

    try:
        await eventually(found)
    finally:
        await end(looking)
    assert failed


@pytest.mark.parametrize("trouble", ["refuses", "hangs"])
async def test_a_partition_whose_node_is_away_holds_up_no_other_one_and_no_round(
    store: Store, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    start, made = now_ms(), []
    for _ in range(4):
        user, _ = await create_user(store, now=start, master=MASTER_KEY)
        made.append((user.partition, await make_check(store, user, now=start - 2 * MINUTE)))
    (away, away_check), *others = made
    sweep, back, unreachable = deadlines.sweep, asyncio.Event(), set[int]()

    async def one_away(store: Store, partition: int, **kwargs: object) -> Swept:
        if partition == away and not back.is_set():
            if trouble == "refuses":
                raise StoreUnavailable("away")
            await back.wait()
            raise StoreUnavailable("away")
        return await sweep(store, partition, **kwargs)  # type: ignore[arg-type]  # passed on as they come

    monkeypatch.setattr(watch, "sweep", one_away)
    await tick_web(store, start)
    looking = asyncio.create_task(watch.watch(store, asyncio.Event(), FLAPS, unreachable))

    async def states(*checks: object) -> set[str]:
        await tick_web(store, now_ms())
        return {(await fields(store, check))["status"] for check in checks}

    async def others_found() -> bool:
        return await states(*(check for _, check in others)) == {"down"}

    async def ticked() -> bool:
        await tick_web(store, now_ms())
        return (await read_ticks(store))[1] >= start

    async def all_found() -> bool:
        return await states(*(check for _, check in made)) == {"down"} and not unreachable

    try:
        await eventually(others_found)
        assert await states(away_check) == {"new"}
        assert unreachable == ({away} if trouble == "refuses" else set())
        await eventually(ticked)
        back.set()
        await eventually(all_found)
        await eventually(ticked)
    finally:
        await end(looking)
