"""SIGKILL to Redis, Postgres and the clock in the middle of snapshots under load; then everything comes back.

Another run of the same moments: `KILL_SEED=<the seed that was printed> pytest ...`.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.archive.keyspace import compare, read_keyspace
from tests.archive.rows import rows
from tests.archive.traffic import Traffic
from tests.conftest import eventually, start_redis
from tests.journeys.stack import Stack
from tests.lua.parts import make_user
from tests.postgres import PostgresServer, new_server, remove
from ttr.archive.database import Database, open_database
from ttr.archive.migrate import migrate
from ttr.archive.restore import restore
from ttr.archive.snapshot import snapshot
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.archive_state import read_archive
from ttr.store.redis import Store, open_store, wait_until_ready

TARGETS = ("redis", "postgres", "clock")
# `everysec` writes once a second, and while a write is under way holds the next ones back for up to two.
_LOST_MS = {"everysec": 2_000, "always": 0}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("appendfsync", ["everysec", "always"])
async def test_kills_in_the_middle_of_snapshots(appendfsync: str) -> None:
    targets = list(TARGETS)
    seed = _seed()
    random.Random(seed).shuffle(targets)
    await _rounds(seed, targets, appendfsync)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("appendfsync", ["everysec", "always"])
async def test_fifty_kills_in_the_middle_of_snapshots(appendfsync: str) -> None:
    seed = _seed()
    chance = random.Random(seed)
    await _rounds(seed, [name for _ in range(17) for name in chance.sample(TARGETS, 3)][:50], appendfsync)


def _seed() -> int:
    seed = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1, 1_000_000)
    print(f"KILL_SEED={seed}")
    return seed


@dataclass
class _Scene:
    """Everything that runs, and what it has been through."""

    stack: Stack
    postgres: PostgresServer
    database_url: str
    store: Store
    traffic: Traffic
    chance: random.Random
    lost_ms: int
    lost: int = 0

    async def round(self, target: str) -> None:
        """Kill one of them in a snapshot, leave it dead for a moment, start it again, and see that all goes on."""
        await self._in_a_snapshot()
        await asyncio.sleep(self.chance.uniform(0, 0.03))
        await asyncio.to_thread(
            self.postgres.kill if target == "postgres" else lambda: self.stack.kill(target)
        )
        killed_at = now_ms()
        if target == "redis":
            await self.traffic.stop()
        await asyncio.sleep(self.chance.uniform(0, 0.7))
        await asyncio.to_thread(
            self.postgres.start if target == "postgres" else lambda: self.stack.start(target)
        )
        if target == "redis":
            await wait_until_ready(self.store)
            await self._only_the_last_is_lost(killed_at)
            self.traffic.start()
        taken, back_at = self.traffic.taken, now_ms()
        await eventually(lambda: self._goes_on(taken, back_at), 30)

    async def _in_a_snapshot(self) -> None:
        """Wait until the clock reads some partition."""
        partition = self.chance.choice(self.traffic.owners).partition

        async def under_way() -> bool:
            return bool(await self.store.redis.hexists(keys.snapshot(partition), "token"))

        await eventually(under_way, 30)

    async def _goes_on(self, taken: int, back_at: int) -> bool:
        archive = await read_archive(self.store)
        return self.traffic.taken > taken and archive is not None and archive.saved_at > back_at

    async def _only_the_last_is_lost(self, killed_at: int) -> None:
        for check_id in list(self.traffic.acknowledged):
            owner = self.traffic.owner_of(check_id)
            known = await self.store.redis.hget(keys.check(owner.partition, check_id), "ping_count")
            lost = self.traffic.forget(check_id, int(known or 0))
            self.lost += len(lost)
            assert all(at >= killed_at - self.lost_ms for at in lost), (killed_at, lost)


@asynccontextmanager
async def _scene(seed: int, appendfsync: str) -> AsyncIterator[_Scene]:
    postgres = await asyncio.to_thread(new_server)
    try:
        url = postgres.url(postgres.create())
        await asyncio.to_thread(migrate, url)
        stack = Stack(
            workers=0,
            redis_options=("--appendfsync", appendfsync),
            DATABASE_URL=url,
            SNAPSHOT_INTERVAL_SECONDS="1",
        )
        with stack:
            async with open_store(stack.redis_url) as store:
                owners = [await make_user(store) for _ in range(4)]
                chance = random.Random(seed)
                traffic = Traffic(store, chance, owners)
                await traffic.settle_in(30)
                yield _Scene(stack, postgres, url, store, traffic, chance, _LOST_MS[appendfsync])
    finally:
        await asyncio.to_thread(remove, postgres)


async def _rounds(seed: int, targets: list[str], appendfsync: str) -> None:
    async with _scene(seed, appendfsync) as scene:
        scene.traffic.start()
        for target in targets:
            await scene.round(target)
        await scene.traffic.stop()
        await asyncio.to_thread(scene.stack.kill, "clock")
        async with open_database(scene.database_url) as database:
            await _everything_is_kept(scene, database)


async def _everything_is_kept(scene: _Scene, database: Database) -> None:
    async def taken() -> bool:
        return await snapshot(scene.store, database) is not None  # once the dead clock's lock is gone

    await eventually(taken)
    await _history_is_whole(scene, database)
    before = await read_keyspace(scene.store)
    with TemporaryDirectory(prefix="ttr-") as folder:
        empty = await asyncio.to_thread(start_redis, Path(folder))
        try:
            async with open_store(empty.url) as other:
                await restore(other, database, now=None, progress=lambda done, of: None)
                compare(before, await read_keyspace(other))
        finally:
            empty.process.kill()
            empty.process.wait()
    print(f"{scene.traffic.taken} pings acknowledged, {scene.lost} lost, {len(before)} keys compared")


async def _history_is_whole(scene: _Scene, database: Database) -> None:
    """Every acknowledged ping is in Postgres, at its time, and no number is missing between them."""
    kept: dict[int, dict[int, int]] = {}
    for check_id, number, at in await rows(
        database, "select check_id, number, (extract(epoch from at) * 1000)::bigint from pings"
    ):
        kept.setdefault(check_id, {})[number] = at
    counts = dict(await rows(database, "select id, coalesce(ping_count, 0) from checks"))
    for check_id, numbers in scene.traffic.acknowledged.items():
        assert sorted(kept.get(check_id, {})) == list(range(1, counts[check_id] + 1)), check_id
        assert numbers.items() <= kept.get(check_id, {}).items(), check_id
