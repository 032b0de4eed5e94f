"""A restore that is killed, wherever: no process starts, and run again it gives the same."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.archive.deaths import Died, failing
from tests.archive.keyspace import compare, read_keyspace
from tests.archive.life import live
from tests.conftest import MASTER_KEY, RedisServer
from tests.journeys.stack import environment
from tests.lua.parts import make_check, make_user
from tests.ports import free_port
from ttr.archive import restore as subject
from ttr.archive.database import Database
from ttr.archive.errors import ArchiveUnavailable
from ttr.archive.guard import refuse_lost_redis
from ttr.archive.restore import restore
from ttr.archive.snapshot import snapshot
from ttr.store import restoring
from ttr.store.errors import StoreUnavailable, StoreUnfit
from ttr.store.redis import Store


def nobody(done: int, of: int) -> None:
    """Hears of progress."""


@pytest.mark.parametrize("kind", subject._ORDER)
async def test_killed_behind_a_page_of_each_kind(
    store: Store, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The first time before the page is noted, the second time behind that."""
    await live(store)
    before = await _lose(store, database)
    monkeypatch.setattr(subject, "_PAGE", 1)
    real: Callable[..., Awaitable[None]] = restoring.note_progress
    for noted in (False, True):

        async def note(store: Store, progress: dict[str, Any], *, noted: bool = noted) -> None:
            if progress.get("kind") != kind or noted:
                await real(store, progress)
            if progress.get("kind") == kind:
                raise Died

        with monkeypatch.context() as patch:
            patch.setattr(restoring, "note_progress", note)
            with pytest.raises(Died):
                await restore(store, database, now=None, progress=nobody)
    await _refused_until_it_is_done(store, database, database_url, before)


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("step", ["_put_partitions", "_put_globals"])
async def test_killed_at_the_end(
    store: Store,
    database: Database,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    behind: bool,
) -> None:
    await live(store)
    before = await _lose(store, database)
    with monkeypatch.context() as patch:
        failing(patch, subject, step, behind=behind)
        with pytest.raises(Died):
            await restore(store, database, now=None, progress=nobody)
    await _refused_until_it_is_done(store, database, database_url, before)


async def test_killed_again_and_again_goes_on_where_it_was(
    store: Store, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await live(store)
    before = await _lose(store, database)
    monkeypatch.setattr(subject, "_PAGE", 3)
    heard: list[int] = []

    def die(done: int, of: int) -> None:
        heard.append(done)
        if done < of:
            raise Died

    for _ in range(100):
        try:
            await restore(store, database, now=None, progress=die)
            break
        except Died:
            continue
    assert heard == sorted(heard)
    assert len(heard) > 5
    compare(before, await read_keyspace(store))


@pytest.mark.parametrize("trouble", [StoreUnavailable, ArchiveUnavailable])
async def test_a_server_that_goes_away_meanwhile(
    store: Store,
    database: Database,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    trouble: type[Exception],
) -> None:
    await live(store)
    before = await _lose(store, database)

    async def away(*_: object, **__: object) -> None:
        raise trouble("Connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(subject, "_put_partitions", away)
        with pytest.raises(trouble, match="refused"):
            await restore(store, database, now=None, progress=nobody)
    await _refused_until_it_is_done(store, database, database_url, before)


async def test_without_an_account_or_an_archive_processes_start(
    store: Store, database: Database, database_url: str
) -> None:
    await refuse_lost_redis(store, None)
    await refuse_lost_redis(store, database_url)
    await make_check(store, await make_user(store))
    await snapshot(store, database)
    await refuse_lost_redis(store, database_url)
    await store.redis.flushall()
    with pytest.raises(StoreUnfit, match=r"1 account with 1 check. Run `ttr restore`"):
        await refuse_lost_redis(store, database_url)


async def _lose(store: Store, database: Database) -> Any:
    await snapshot(store, database)
    before = await read_keyspace(store)
    await store.redis.flushall()
    return before


async def _refused_until_it_is_done(store: Store, database: Database, url: str, before: Any) -> None:
    with pytest.raises(StoreUnfit, match=r"half done\. Run `ttr restore`"):
        await refuse_lost_redis(store, url)
    with pytest.raises(StoreUnfit, match=r"half done\. Run `ttr restore`"):
        await refuse_lost_redis(store, None)
    await restore(store, database, now=None, progress=nobody)
    await refuse_lost_redis(store, url)
    compare(before, await read_keyspace(store))


@pytest.mark.parametrize("name", ["web", "clock", "worker"])
async def test_a_process_says_what_to_do_and_ends(
    store: Store, redis_server: RedisServer, database_url: str, tmp_path: Path, name: str
) -> None:
    await restoring.note_progress(store, {"done": 7})
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ttr", name),
        env=environment(
            **redis_server.settings,
            DATABASE_URL=database_url,
            SECRET_KEY="tests only",
            ENCRYPTION_KEY=MASTER_KEY,
            PORT=str(free_port()),
            TTR_DATA_DIR=str(tmp_path),
        ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode != 0
    assert b"A restore of this Redis is half done. Run `ttr restore` to finish it." in said
    assert b"Traceback" not in said
