"""Snapshots that die at their worst moments, each made to happen: no mark is lost, and the next one puts it right."""

import asyncio
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from tests.archive.deaths import Died, cut, failing
from tests.archive.keyspace import equal_after_restore
from tests.archive.life import ping
from tests.archive.rows import kept_numbers, rows
from tests.everywhere import key_names
from tests.lua.parts import MINUTE, NOON, make_check, make_user
from ttr.archive import snapshot as subject
from ttr.archive.database import Database
from ttr.archive.errors import ArchiveUnavailable
from ttr.archive.snapshot import Saved, snapshot
from ttr.store import keys, snapshots
from ttr.store.checks import Check
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store
from ttr.store.snapshots import Overtaken
from ttr.store.users import User


@pytest.fixture
async def user(store: Store, database: Database) -> User:
    """An account with a first snapshot behind it."""
    user = await make_user(store)
    await snapshot(store, database)
    return user


async def worked(store: Store, user: User, *, pings: int = 3) -> Check:
    """A check that has pinged since the last snapshot."""
    check = await make_check(store, user)
    for i in range(pings):
        await ping(store, user, check, NOON + i, body=b"out %d" % i)
    return check


async def no_comparison(store: Store, database: Database) -> None:
    """The next snapshot needs to read only what has changed."""
    saved = await snapshot(store, database)
    assert saved is not None
    assert not saved.compared


async def die(store: Store, database: Database) -> None:
    """A snapshot that dies."""
    with pytest.raises(Died):
        await snapshot(store, database)


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("moment", ["begin", "take", "end"])
async def test_death_around_each_step_loses_no_mark(
    store: Store, database: Database, user: User, monkeypatch: pytest.MonkeyPatch, moment: str, behind: bool
) -> None:
    check = await worked(store, user)
    failing(monkeypatch, snapshots, moment, after=user.partition, behind=behind)
    await die(store, database)
    await ping(store, user, check, NOON + MINUTE)
    await no_comparison(store, database)
    assert await kept_numbers(database, "pings", check.id) == [1, 2, 3, 4]
    assert await snapshots.waiting(store) == 0
    await equal_after_restore(store, database)


async def test_two_deaths_at_different_moments_need_no_comparison(
    store: Store, database: Database, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = await worked(store, user)
    with monkeypatch.context() as patch:
        failing(patch, snapshots, "end", after=user.partition)  # its commit is there
        await die(store, database)
    await ping(store, user, check, NOON + MINUTE)
    with monkeypatch.context() as patch:
        failing(patch, subject, "merge", after=user.partition)  # this one's is not
        await die(store, database)
    await no_comparison(store, database)
    await equal_after_restore(store, database)


async def test_death_in_the_middle_of_the_rows(
    store: Store, database: Database, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await worked(store, user)
    monkeypatch.setattr(snapshots, "_RECORDS", 2)
    failing(monkeypatch, snapshots, "take", after=user.partition + 1, behind=True)
    await die(store, database)
    assert await rows(database, "select count(*) from checks") == [(0,)]
    await no_comparison(store, database)
    await equal_after_restore(store, database)


async def test_changes_between_two_reads_are_in_the_same_snapshot(
    store: Store, database: Database, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [await worked(store, user) for _ in range(3)]
    monkeypatch.setattr(snapshots, "_RECORDS", 2)
    real, turns = snapshots.take, 0

    async def take(*args: Any, **kwargs: Any) -> snapshots.Taken:
        nonlocal turns
        turns += 1
        taken = await real(*args, **kwargs)
        if turns == user.partition + 1:
            for check in checks:
                await ping(store, user, check, NOON + MINUTE, "fail", body=b"meanwhile")
        return taken

    monkeypatch.setattr(snapshots, "take", take)
    await snapshot(store, database)
    for check in checks:
        assert await kept_numbers(database, "pings", check.id) == [1, 2, 3, 4]
    await equal_after_restore(store, database)


async def test_a_repeated_read_is_refused_for_what_the_first_one_answered_is_lost(
    store: Store, database: Database, user: User
) -> None:
    await worked(store, user)
    begun = await snapshots.begin(store, user.partition, "again")
    await snapshots.take(store, replace(begun), whole_logs=False)
    with pytest.raises(Overtaken):
        await snapshots.take(store, begun, whole_logs=False)
    await snapshot(store, database)
    await equal_after_restore(store, database)


async def test_a_repeated_end_is_the_same_end(store: Store, database: Database, user: User) -> None:
    begun = await snapshots.begin(store, user.partition, "again")
    await snapshots.take(store, begun, whole_logs=False)
    await snapshots.end(store, begun)
    await snapshots.end(store, begun)
    assert await snapshots.begin(store, user.partition, "next")
    with pytest.raises(Overtaken):
        await snapshots.end(store, begun)


async def test_a_redis_that_loses_its_last_moment_under_a_snapshot_is_compared(
    store: Store, database: Database, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snapshot begins, a ping comes and is read, Postgres has it; a crash takes the ping and its reading."""
    check = await worked(store, user)
    await snapshot(store, database)
    real = snapshots.begin
    lost: dict[str, bytes] = {}

    async def begin(store: Store, partition: int, token: str, **saved: str) -> snapshots.Begun:
        begun = await real(store, partition, token, **saved)
        if partition == user.partition:
            for key in await key_names(store, "*"):
                lost[key] = await store.redis.dump(key)
            await ping(store, user, check, NOON + MINUTE, body=b"lost")
        return begun

    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "begin", begin)
        failing(patch, snapshots, "end", after=user.partition)
        await die(store, database)
    assert await kept_numbers(database, "pings", check.id) == [1, 2, 3, 4]
    await store.redis.flushall()
    for key, value in lost.items():
        await store.redis.restore(key, 0, value)

    saved = await snapshot(store, database)
    assert saved is not None
    assert saved.compared
    assert await kept_numbers(database, "pings", check.id) == [1, 2, 3]
    assert await kept_numbers(database, "bodies", check.id) == [1, 2, 3]
    await equal_after_restore(store, database)


async def test_a_connection_that_is_cut_between_two_batches(
    store: Store, database: Database, database_url: str, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await worked(store, user)
    monkeypatch.setattr(snapshots, "_RECORDS", 2)
    real, turns = snapshots.take, 0

    async def take(*args: Any, **kwargs: Any) -> snapshots.Taken:
        nonlocal turns
        turns += 1
        if turns == user.partition + 2:
            cut(database_url)
        return await real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "take", take)
        with pytest.raises(ArchiveUnavailable):
            await snapshot(store, database)
    await no_comparison(store, database)
    await equal_after_restore(store, database)


async def test_a_commit_whose_answer_is_lost(
    store: Store, database: Database, database_url: str, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = await worked(store, user)
    real = psycopg.AsyncConnection.commit
    merged = False

    async def merge(*args: Any, **kwargs: Any) -> None:
        nonlocal merged
        await real_merge(*args, **kwargs)
        merged = args[2] == user.partition

    async def commit(self: psycopg.AsyncConnection[Any]) -> None:
        await real(self)
        if merged:
            cut(database_url)
            await self.execute("select 1")

    real_merge = subject.merge
    with monkeypatch.context() as patch:
        patch.setattr(subject, "merge", merge)
        patch.setattr(psycopg.AsyncConnection, "commit", commit)
        with pytest.raises(ArchiveUnavailable):
            await snapshot(store, database)
    assert await kept_numbers(database, "pings", check.id) == [1, 2, 3]
    await ping(store, user, check, NOON + MINUTE)
    await no_comparison(store, database)
    assert await kept_numbers(database, "pings", check.id) == [1, 2, 3, 4]
    await equal_after_restore(store, database)


async def test_of_two_snapshotters_one_steps_back(
    store: Store, database: Database, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    await worked(store, user)
    real = subject.merge
    second: list[Saved | None] = []

    async def merge(*args: Any, **kwargs: Any) -> None:
        second.append(await snapshot(store, database))
        await real(*args, **kwargs)

    monkeypatch.setattr(subject, "merge", merge)
    assert await snapshot(store, database) is not None
    assert second == [None] * keys.PARTITIONS
    monkeypatch.undo()
    await equal_after_restore(store, database)


async def test_one_that_stalled_while_its_connection_died_is_overtaken(
    store: Store, database: Database, database_url: str, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = await worked(store, user)
    real = snapshots.take
    first = True

    async def take(store: Store, begun: snapshots.Begun, *args: Any, **kwargs: Any) -> snapshots.Taken:
        nonlocal first
        if first and begun.partition == user.partition:
            first = False
            cut(database_url)
            assert await snapshot(store, database) is not None
            await ping(store, user, check, NOON + MINUTE)
        return await real(store, begun, *args, **kwargs)

    monkeypatch.setattr(snapshots, "take", take)
    with pytest.raises((Overtaken, ArchiveUnavailable)):
        await snapshot(store, database)
    monkeypatch.undo()
    assert await kept_numbers(database, "pings", check.id) == [1, 2, 3]
    await no_comparison(store, database)
    assert await kept_numbers(database, "pings", check.id) == [1, 2, 3, 4]
    await equal_after_restore(store, database)


@pytest.mark.parametrize("moment", ["take", "merge"])
async def test_one_that_is_cancelled(
    store: Store, database: Database, user: User, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The clock stops in the middle of a snapshot."""
    await worked(store, user)
    there = asyncio.Event()

    async def stalled(*args: Any, **kwargs: Any) -> None:
        there.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(*((snapshots, "take") if moment == "take" else (subject, "merge")), stalled)
        task = asyncio.create_task(snapshot(store, database))
        await there.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await no_comparison(store, database)  # so the lock is free
    await equal_after_restore(store, database)


async def test_a_redis_that_goes_away_in_the_middle(
    store: Store, database: Database, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    await worked(store, user)
    real = snapshots.take

    async def take(*args: Any, **kwargs: Any) -> snapshots.Taken:
        await real(*args, **kwargs)
        raise StoreUnavailable("Connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "take", take)
        with pytest.raises(StoreUnavailable):
            await snapshot(store, database)
    await no_comparison(store, database)
    await equal_after_restore(store, database)
