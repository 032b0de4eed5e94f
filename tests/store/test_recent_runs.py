"""The newest pings of many checks, read at once."""

from tests.lua.parts import NOON, make_check, make_user, ping
from ttr.store.recent_runs import RUNS, RecentPing, recent_runs
from ttr.store.redis import Store


async def test_pings_come_oldest_first_and_ended_starts_are_left_out(store: Store) -> None:
    user = await make_user(store)
    check, silent = await make_check(store, user), await make_check(store, user)
    for n, kind in enumerate(("start", "success", "fail", "start", "fail", "log", "start")):
        await ping(store, user, check.id, kind, now=NOON + n * 1_000)
    found = await recent_runs(store, user, [check.id, silent.id])
    assert found[silent.id] == []
    assert found[check.id] == [
        RecentPing("success", 1_000),
        RecentPing("fail", None),
        RecentPing("fail", 1_000),
        RecentPing("log", None),
        RecentPing("start", None),
    ]


async def test_no_more_than_the_strip_shows(store: Store) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    for n in range(RUNS + 5):
        await ping(store, user, check.id, "success", now=NOON + n)
    assert len((await recent_runs(store, user, [check.id]))[check.id]) == RUNS


async def test_nothing_asked_is_nothing_read(store: Store) -> None:
    assert await recent_runs(store, await make_user(store), []) == {}
