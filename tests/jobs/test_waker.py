"""The waker and a queue on a Redis of its own that goes away, comes back empty, and hangs."""

import asyncio
import logging
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.conftest import RedisServer, eventually, start_redis
from ttr import waker as waker_module
from ttr.ending import end
from ttr.queue_redis import connect, queue_on
from ttr.store.errors import StoreUnfit
from ttr.waker import Waker


class QueueServer:
    """The queue's own Redis, on one address whatever becomes of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = self._start()
        self.url = self._server.url

    def _start(self) -> RedisServer:
        return start_redis(self._folder, "--appendonly", "no")

    def kill(self) -> None:
        """As a machine ends that loses its power; what it held is gone."""
        self._server.process.send_signal(signal.SIGCONT)
        self._server.process.kill()
        self._server.process.wait()
        (self._folder / "redis.sock").unlink(missing_ok=True)

    def start(self) -> None:
        """Another one in its place, empty."""
        self._server = self._start()

    def signal(self, number: int) -> None:
        """Such as SIGSTOP."""
        self._server.process.send_signal(number)

    def jobs(self) -> int:
        """How many wait."""
        with connect(self.url) as connection:
            return queue_on(connection).count


@pytest.fixture
async def queue() -> AsyncIterator[QueueServer]:
    """It listens."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        server = QueueServer(Path(folder))
        yield server
        server.kill()


@asynccontextmanager
async def running(queue: QueueServer) -> AsyncIterator[Waker]:
    """A waker at work."""
    with Waker(queue.url) as waker:
        task = asyncio.create_task(waker.run())
        try:
            yield waker
        finally:
            await end(task)


def says(condition: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    """For `eventually`."""

    async def ask() -> bool:
        return condition()

    return ask


async def test_a_call_makes_one_job_and_nobody_is_woken_without(queue: QueueServer) -> None:
    with Waker(queue.url) as waker:
        await waker.step()
        assert queue.jobs() == 0
        for _ in range(3):
            waker.call()
            await waker.step()
        assert queue.jobs() == 1


async def test_a_call_outlives_a_queue_that_is_away_and_comes_back_empty(
    queue: QueueServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with running(queue) as waker:
        queue.kill()
        # Without anything to do it looks as well, so that /health tells before an alert waits.
        await eventually(says(lambda: waker.away))
        waker.call()
        await asyncio.sleep(2 * waker_module._AGAIN_SECONDS)  # several tries, told once
        queue.start()
        await eventually(says(lambda: not waker.away))
        assert queue.jobs() == 1
    told = [record.getMessage() for record in caplog.records if "queue is" in record.getMessage()]
    assert [("away" in line, "back" in line) for line in told] == [(True, False), (False, True)]


async def test_a_queue_that_lost_its_jobs_gets_one_with_the_next_call(queue: QueueServer) -> None:
    async with running(queue) as waker:
        waker.call()
        await eventually(says(lambda: queue.jobs() == 1))
        with connect(queue.url) as connection:
            connection.flushall()
        waker.call()  # as the dispatcher does while anything is due
        await eventually(says(lambda: queue.jobs() == 1))


async def test_it_does_not_spin_while_the_queue_is_away(
    queue: QueueServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0
    step = Waker.step

    async def counted(waker: Waker) -> None:
        nonlocal tries
        tries += 1
        await step(waker)

    monkeypatch.setattr(Waker, "step", counted)
    async with running(queue) as waker:
        queue.kill()
        await eventually(says(lambda: waker.away))
        begun, tries = asyncio.get_running_loop().time(), 0
        while asyncio.get_running_loop().time() < begun + 2:
            waker.call()
            await asyncio.sleep(0.01)
        took = asyncio.get_running_loop().time() - begun
        assert tries <= took / waker_module._AGAIN_SECONDS + 1


async def test_a_queue_that_hangs_keeps_the_loop_from_going_round_no_longer_than_it_may_be_quiet(
    queue: QueueServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = []
    monkeypatch.setattr(waker_module, "turn", lambda loop: turns.append(loop))
    queue.signal(signal.SIGSTOP)
    async with running(queue) as waker:
        waker.call()
        await eventually(says(lambda: waker.away and len(turns) >= 2))
        queue.signal(signal.SIGCONT)
        await eventually(says(lambda: not waker.away))
        assert queue.jobs() == 1
    assert waker_module._ANSWER_SECONDS + waker_module._CONNECT_SECONDS + waker_module._AGAIN_SECONDS < 8


def test_what_is_no_url_is_refused_and_not_quoted() -> None:
    with pytest.raises(StoreUnfit, match="QUEUE_REDIS_URL") as refused:
        Waker("redis://:hush/hush@127.0.0.1:1/0")
    assert "hush" not in str(refused.value)
