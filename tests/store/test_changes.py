"""One subscription a process: who hears what, and what happens when Redis goes away."""

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.conftest import MASTER_KEY, RedisServer, eventually
from tests.everywhere import everywhere
from tests.lua.parts import NOON, make_channel, make_check, settings
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.changes import Changes, News, Watcher
from ttr.store.checks import create_check, pause_check
from ttr.store.redis import Store
from ttr.store.users import User, create_user


@pytest.fixture
async def changes(store: Store) -> AsyncIterator[Changes]:
    changes = Changes(store)
    yield changes
    await changes.close()


@pytest.fixture
async def user(account: tuple[User, str]) -> User:
    return account[0]


async def heard(watcher: Watcher) -> News:
    """What comes next."""
    async with asyncio.timeout(10):
        await watcher.woken.wait()
    return watcher.take()


async def ready(watcher: Watcher) -> None:
    """Wait until the subscription holds."""
    assert (await heard(watcher)).missed


async def test_each_watcher_hears_of_what_it_asked_for(changes: Changes, store: Store, user: User) -> None:
    one, other = await make_check(store, user), await make_check(store, user)
    with (
        changes.watch(user.id, frozenset({one.id}), whole=False, account=False) as row,
        changes.watch(user.id, frozenset(), whole=True, account=False) as lists,
        changes.watch(user.id, frozenset(), whole=False, account=True) as account,
    ):
        for watcher in (row, lists, account):
            await ready(watcher)
        await pause_check(store, user, str(other.id), now=NOON)
        await pause_check(store, user, str(one.id), now=NOON)
        news = await heard(row)
        assert (news.checks, news.whole, news.account) == ({one.id}, False, False)
        assert news.version == int(await store.redis.hget(keys.user(user.partition, user.id), "version"))
        assert (await heard(lists)).whole
        assert not account.news
        await make_channel(store, user)
        assert (await heard(account)).account
        assert not row.news
        assert not lists.news


async def test_nobody_hears_of_another_account(changes: Changes, store: Store, user: User) -> None:
    strangers = [(await create_user(store, now=NOON, master=MASTER_KEY))[0] for _ in range(17)]
    neighbour = next(other for other in strangers if other.partition == user.partition)
    with changes.watch(user.id, frozenset({1, 2, 3}), whole=True, account=True) as watcher:
        await ready(watcher)
        check = await make_check(store, neighbour)
        await pause_check(store, neighbour, str(check.id), now=NOON)
        await make_channel(store, neighbour)
        mine = await make_check(store, user)
        news = await heard(watcher)
        assert news.whole
        assert not news.account
        assert mine.id != check.id
        assert check.id not in news.checks


async def test_a_check_that_becomes_late_is_told_of(changes: Changes, store: Store, user: User) -> None:
    soon = replace(settings(), schedule=replace(settings().schedule, interval_seconds=60))
    check = await create_check(store, user, soon, now=now_ms() - 59_000, most=10)
    with changes.watch(user.id, frozenset({check.id}), whole=True, account=False) as watcher:
        await ready(watcher)
        news = await heard(watcher)
        assert news.checks == {check.id}
        assert news.whole


async def test_after_redis_was_away_watchers_are_told_that_they_may_have_missed_something(
    changes: Changes, store: Store, user: User
) -> None:
    check = await make_check(store, user)
    with changes.watch(user.id, frozenset({check.id}), whole=False, account=False) as watcher:
        await ready(watcher)
        await everywhere(store, lambda primary: primary.execute_command("CLIENT", "KILL", "TYPE", "pubsub"))
        await ready(watcher)
        await pause_check(store, user, str(check.id), now=NOON)
        assert (await heard(watcher)).checks == {check.id}


@pytest.mark.single_redis
async def test_a_subscription_that_is_not_answered_begins_again(
    changes: Changes, user: User, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttr.store.changes._QUIET_SECONDS", 0.1)
    monkeypatch.setattr("ttr.store.changes._ANSWER_SECONDS", 0.5)
    broken = asyncio.Event()
    monkeypatch.setattr("ttr.store.changes.log.warning", lambda *_: broken.set())
    with changes.watch(user.id, frozenset({1}), whole=False, account=False) as watcher:
        await ready(watcher)
        redis_server.process.send_signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(20):
                await broken.wait()
        finally:
            redis_server.process.send_signal(signal.SIGCONT)
        await ready(watcher)


@pytest.mark.single_redis
async def test_a_subscription_on_which_nothing_happens_stays(
    changes: Changes, store: Store, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttr.store.changes._QUIET_SECONDS", 0.05)

    async def asked() -> int:
        return int((await store.redis.info("commandstats")).get("cmdstat_ping", {}).get("calls", 0))

    with changes.watch(user.id, frozenset({1}), whole=False, account=False) as watcher:
        await ready(watcher)
        before = await asked()

        async def asked_again() -> bool:
            return await asked() >= before + 3

        await eventually(asked_again)
        assert not watcher.take()


async def test_one_connection_serves_all_and_goes_with_the_last(
    changes: Changes, store: Store, user: User, redis_server: RedisServer
) -> None:
    async def subscribed() -> int:
        return sum(map(len, await everywhere(store, lambda primary: primary.client_list(_type="pubsub"))))

    before = await subscribed()
    with (
        changes.watch(user.id, frozenset({1}), whole=True, account=False) as first,
        changes.watch(user.id + 1, frozenset({1}), whole=True, account=False) as second,
    ):
        await ready(first)
        await ready(second)
        assert await subscribed() == before + 1
        assert changes.count() == 2
        assert changes.count(user.id) == 1
    assert changes.count() == 0
    await changes.close()

    async def gone() -> bool:
        return await subscribed() == before

    await eventually(gone)


async def test_what_a_watcher_remembers_has_a_bound(user: User) -> None:
    watcher = Watcher(user.id, frozenset(range(100)), True, True)
    for number in range(10_000):
        watcher.hear(number, number, "wa")
    news = watcher.take()
    assert news.checks == set(range(100))
    assert news.version == 9_999
    assert not watcher.take()
