"""The worker as a process: what it does while Redis is away."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import eventually, start_redis
from tests.jobs.orders import fall_overdue, watched
from tests.journeys.receiver import Receiver
from tests.journeys.stack import ROOT, environment
from ttr.dispatch import Dispatcher
from ttr.ending import end
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.redis import open_store, verify, wait_until_ready
from ttr.store.users import create_user
from ttr.waker import Waker


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[tuple[asyncio.subprocess.Process, Path]]:
    """A worker, and the folder in which its Redis will be."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as name:
        env = environment(
            REDIS_URL=f"unix://{name}/redis.sock",
            TTR_DATA_DIR=f"{name}/data",
            SECRET_KEY="tests only",
            ENCRYPTION_KEY=settings.master_key,
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ttr", "worker"),
            env=env,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        yield process, Path(name)
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 20)


async def test_a_worker_that_starts_before_its_redis_waits_for_it_and_then_works(
    worker: tuple[asyncio.subprocess.Process, Path], settings: Settings, receiver: Receiver
) -> None:
    process, folder = worker
    with pytest.raises(
        TimeoutError
    ):  # it used to end within a second, and `ttr up` gives up after ten such ends
        await asyncio.wait_for(process.wait(), 4)
    server = start_redis(folder)
    ours = settings.model_copy(update={"redis_url": server.url})
    try:
        async with open_store(server.url) as store:
            await wait_until_ready(store)
            await verify(store)
            user, _ = await create_user(store, now=now_ms(), master=settings.master_key)
            await watched(store, ours, user, "job", receiver.url("/hook"))
            await fall_overdue(store, user)
            with Waker(server.url) as waker:
                work = [asyncio.create_task(run) for run in (Dispatcher(store, waker).run(), waker.run())]

                async def arrived() -> bool:
                    return bool(receiver.arrivals())

                await eventually(arrived)
                await end(*work)
            process.terminate()
            await asyncio.wait_for(process.wait(), 20)
            assert process.returncode == 0
    finally:
        server.process.kill()
        server.process.wait()
