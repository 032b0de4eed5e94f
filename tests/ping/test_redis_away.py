"""Pings while Redis is gone or stuck: refused with a reason, taken again afterwards, never lost in silence."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.conftest import MASTER_KEY, RedisServer, eventually, start_redis
from tests.disk import fill_disk, free_disk
from tests.ping.conftest import Door, Owner, door_settings
from ttr.now import now_ms
from ttr.ping import desk
from ttr.settings import Settings
from ttr.store.redis import examine, open_store, verify, wait_until_ready
from ttr.store.users import create_user

Start = Callable[[Settings], AbstractAsyncContextManager[Door]]


class OwnRedis:
    """A Redis that a test may stop, freeze and start again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = start_redis(folder)

    def kill(self) -> None:
        self.server.process.kill()
        self.server.process.wait(10)
        (self.folder / "redis.sock").unlink()

    def start(self) -> None:
        self.server = start_redis(self.folder)

    def freeze(self) -> None:
        self.server.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.server.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        if self.server.process.poll() is None:
            self.thaw()
            self.kill()


@pytest.fixture
async def own_redis() -> AsyncIterator[OwnRedis]:
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        redis = OwnRedis(Path(folder))
        yield redis
        redis.close()


@pytest.fixture
async def own(own_redis: OwnRedis, start_door: Start) -> AsyncIterator[tuple[Door, Owner]]:
    """A door and an account on that Redis."""
    url = own_redis.server.url
    async with open_store(url) as store:
        await wait_until_ready(store)
        await verify(store)
        user, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
        async with start_door(door_settings(RedisServer(url, own_redis.server.process))) as door:
            assert (await door.ask("GET", "/health")).status in (200, 503)
            yield door, Owner(store, user)


async def test_while_redis_is_gone_pings_are_refused_and_afterwards_taken(
    own: tuple[Door, Owner], own_redis: OwnRedis
) -> None:
    door, owner = own
    check = await owner.check()
    paths = [
        f"/p/{owner.slug}/job",
        f"/ping/{check.uuid}/fail",
        f"/p/{owner.slug}/other?create=1",
        "/p/no/body",
    ]
    assert (await door.ask("GET", paths[0])).status == 200
    own_redis.kill()
    for path in paths:
        answer = await door.ask("POST", path, body=b"report")
        assert (answer.status, answer.text) == (503, "not stored, try again")
        assert answer.header("retry-after") == "5"
        assert answer.header("location") is None
    told = await door.ask("GET", paths[0], "Accept: application/json")
    assert (told.status, told.json) == (503, {"detail": "not stored, try again", "errors": []})
    # What needs no Redis is still answered.
    assert (await door.ask("GET", f"/p/{owner.slug}/job/256")).status == 400
    assert (await door.ask("OPTIONS", paths[0])).status == 204

    own_redis.start()

    async def taken() -> bool:
        return (await door.ask("GET", paths[0])).status == 200

    await eventually(taken)
    for path, status in zip(paths, (200, 200, 201, 404), strict=True):
        assert (await door.ask("GET", path)).status == status


async def test_whatever_was_answered_200_is_stored_when_redis_dies_under_load(
    own: tuple[Door, Owner], own_redis: OwnRedis
) -> None:
    door, owner = own
    checks = [await owner.check(slug=f"job-{n}") for n in range(8)]
    answered = dict.fromkeys(range(8), 0)
    unsure = dict.fromkeys(range(8), 0)
    stop = asyncio.Event()

    async def job(n: int) -> None:
        while not stop.is_set():
            answer = await door.ask("GET", f"/p/{owner.slug}/job-{n}")
            assert answer.status in (200, 503)
            if answer.status == 200:
                answered[n] += 1
            else:
                unsure[n] += 1

    jobs = [asyncio.create_task(job(n)) for n in range(8)]

    async def busy() -> bool:
        return min(answered.values()) >= 5

    await eventually(busy)
    own_redis.kill()
    before = dict(answered)

    async def refused() -> bool:
        return min(unsure.values()) >= 1

    await eventually(refused)
    own_redis.start()

    async def back() -> bool:
        return all(answered[n] > before[n] + 2 for n in range(8))

    await eventually(back)
    stop.set()
    await asyncio.gather(*jobs)
    for n, check in enumerate(checks):
        stored = (await owner.see(check)).ping_count
        # A 503 says "not stored, try again": at worst the script ran and its answer was lost.
        assert answered[n] <= stored <= answered[n] + unsure[n]


async def test_a_stuck_redis_is_a_503_and_holds_nothing_up_for_ever(
    own: tuple[Door, Owner], own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "STORE_SECONDS", 1.0)
    door, owner = own
    check = await owner.check()
    assert (await door.ask("GET", f"/p/{owner.slug}/job")).status == 200
    own_redis.freeze()
    answers = await asyncio.gather(*(door.ask("GET", f"/p/{owner.slug}/job") for _ in range(50)))
    assert {(a.status, a.header("retry-after")) for a in answers} == {(503, "5")}
    own_redis.thaw()

    async def taken() -> bool:
        return (await door.ask("GET", f"/p/{owner.slug}/job")).status == 200

    await eventually(taken)
    seen = await owner.see(check)
    assert seen.status == "up"
    # A run repeated on a second connection is the same ping.
    assert 2 <= seen.ping_count <= 52 + 5


async def test_a_full_disk_is_a_503_and_everything_answered_is_there_afterwards(
    own: tuple[Door, Owner], own_redis: OwnRedis
) -> None:
    door, owner = own
    check = await owner.check()
    answered = 0

    async def refused() -> bool:
        nonlocal answered
        answer = await door.ask("POST", f"/p/{owner.slug}/job", body=b"x" * 100)
        answered += answer.status == 200
        if answer.status == 200:
            return False
        assert (answer.status, answer.text) == (503, "not stored, try again")
        assert answer.header("retry-after") == "5"
        return True

    for _ in range(10):
        assert not await refused()
    fill_disk(own_redis.server.process.pid, own_redis.folder, room=2_000)
    await eventually(refused)
    # Reading goes on, and so does refusing.
    for _ in range(10):
        assert await refused()
    assert (await owner.see(check)).ping_count == answered
    (trouble,) = (finding for finding in await examine(owner.store) if finding.level != "ok")
    assert (trouble.subject, trouble.level) == ("writing", "bad")
    await verify(owner.store)  # processes may start meanwhile

    # It finds room by itself.
    free_disk(own_redis.server.process.pid)

    async def taken() -> bool:
        return not await refused()

    await eventually(taken)
    assert (await owner.see(check)).ping_count == answered

    # Also what was answered in the moment before the disk was found to be full.
    assert (await owner.store.redis.waitaof(1, 0, 30_000))[0] == 1
    own_redis.kill()
    own_redis.start()
    await wait_until_ready(owner.store, seconds=20)
    assert (await owner.see(check)).ping_count == answered


async def test_a_redis_that_takes_no_writes_is_a_503(own: tuple[Door, Owner]) -> None:
    door, owner = own
    check = await owner.check()
    await owner.store.redis.config_set("maxmemory", "1")
    for path in ("job", "job/fail", "new?create=1"):
        answer = await door.ask("POST", f"/p/{owner.slug}/{path}", body=b"x" * 1_000)
        assert (answer.status, answer.header("retry-after")) == (503, "5")
    await owner.store.redis.config_set("maxmemory", "0")
    assert (await owner.see(check)).ping_count == 0
    assert (await door.ask("GET", f"/p/{owner.slug}/job")).status == 200
