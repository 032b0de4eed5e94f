"""From the outbox to a worker: deliveries made once, handed out in slices, carried by a real RQ worker."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from rq_jobs.deliver import deliver_slice
from tests.jobs.orders import LATER_MS, fall_overdue, state_of, waiting, watched
from tests.journeys.receiver import Receiver
from tests.journeys.stack import ROOT, environment
from ttr.dispatch import JOB, QUEUE, Dispatcher
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.deliveries import ACCOUNT_SHARE, Handed
from ttr.store.outbox import dispatch_entry, read_outbox
from ttr.store.redis import Store
from ttr.store.users import User

_MOST_WAITING_JOBS = 4


@pytest.fixture
def dispatcher(store: Store, settings: Settings) -> Iterator[Dispatcher]:
    """A dispatcher whose steps the test makes."""
    with Dispatcher(store, settings.queue) as dispatcher:
        yield dispatcher


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    """The job queue, as a worker sees it."""
    with redis.Redis.from_url(settings.queue) as connection:
        yield Queue(QUEUE, connection=connection, serializer=JSONSerializer)


async def _burst(settings: Settings) -> str:
    """Let a worker empty the queue; what it logged."""
    command = [sys.executable, "-c", _BURST]
    env = environment(
        REDIS_URL=settings.database, SECRET_KEY="tests only", ENCRYPTION_KEY=settings.master_key
    )
    process = await asyncio.create_subprocess_exec(
        *command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()
    return output.decode()


# ttr's own worker, except that it ends when the queue is empty.
_BURST = """
from functools import partialmethod
import ttr.worker
from ttr.settings import load_settings
ttr.worker.Worker.work = partialmethod(ttr.worker.Worker.work, burst=True)
ttr.worker.run(load_settings())
"""


async def test_a_worker_runs_the_job_that_the_dispatcher_enqueued(
    store: Store, settings: Settings, user: User, receiver: Receiver, dispatcher: Dispatcher, queue: Queue
) -> None:
    for number in range(3):
        await watched(store, settings, user, f"job-{number}", receiver.url("/hook"))
    await fall_overdue(store, user)
    assert await dispatcher.step(now_ms())
    (job,) = queue.jobs
    assert job.func_name == JOB == "rq_jobs.deliver.deliver_slice"
    assert job.serializer is JSONSerializer
    log = await _burst(settings)
    assert len(receiver.arrivals()) == 3, log
    assert await waiting(store, user) == {}
    assert queue.count == 0
    assert not await store.redis.keys("rq:job:*")  # a job that is done leaves nothing


async def test_a_job_that_is_enqueued_twice_sends_once(
    store: Store, settings: Settings, user: User, receiver: Receiver, dispatcher: Dispatcher, queue: Queue
) -> None:
    await watched(store, settings, user, "job", receiver.url("/hook"))
    await fall_overdue(store, user)
    await dispatcher.step(now_ms())
    (job,) = queue.jobs
    for _ in range(2):
        queue.enqueue(JOB, *job.args, result_ttl=0)
    assert queue.count == 3
    await _burst(settings)
    assert len(receiver.arrivals()) == 1
    partition, ((delivery_id, token),) = job.args
    assert partition == user.partition
    record = await state_of(store, user, Handed(delivery_id, token))
    assert (record["state"], record["attempts"]) == ("delivered", "1")


async def test_an_event_becomes_one_delivery_however_many_dispatchers_read_it(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    await watched(store, settings, user, "job", receiver.url("/hook"))
    await fall_overdue(store, user)
    (entry,) = await read_outbox(store, user.partition, 10)
    made = await asyncio.gather(*(dispatch_entry(store, user.partition, entry, now_ms()) for _ in range(10)))
    assert sorted(made) == [(0, 0)] * 9 + [(1, 0)]
    assert len(await waiting(store, user)) == 1
    assert await store.redis.xlen(keys.outbox(user.partition)) == 0


async def test_a_finished_delivery_is_not_revived_by_a_late_dispatcher(
    store: Store, settings: Settings, user: User, receiver: Receiver, dispatcher: Dispatcher
) -> None:
    await watched(store, settings, user, "job", receiver.url("/hook"))
    await fall_overdue(store, user)
    (entry,) = await read_outbox(store, user.partition, 10)
    await dispatcher.step(now_ms())
    await _burst(settings)
    assert await dispatch_entry(store, user.partition, entry, now_ms()) == (0, 0)
    assert await waiting(store, user) == {}


async def test_no_more_is_handed_out_than_workers_can_begin_with_soon(
    store: Store, settings: Settings, user: User, receiver: Receiver, dispatcher: Dispatcher, queue: Queue
) -> None:
    checks = (_MOST_WAITING_JOBS + 2) * ACCOUNT_SHARE
    for number in range(checks):
        await watched(store, settings, user, f"job-{number}", receiver.url("/hook"))
    await fall_overdue(store, user)
    for _ in range(20):
        await dispatcher.step(now_ms())
    assert queue.count == _MOST_WAITING_JOBS
    due = await waiting(store, user)
    assert len(due) == checks
    handed = [at for at in due.values() if at > now_ms()]
    assert len(handed) == _MOST_WAITING_JOBS * ACCOUNT_SHARE  # the others wait where no lease runs
    slices = [job.args[1] for job in queue.jobs]
    assert [len(part) for part in slices] == [ACCOUNT_SHARE] * _MOST_WAITING_JOBS
    assert (
        len({delivery_id for part in slices for delivery_id, _ in part}) == _MOST_WAITING_JOBS * ACCOUNT_SHARE
    )

    # A queue that nobody empties stays as it is, although all leases lapse.
    for _ in range(5):
        await dispatcher.step(now_ms() + LATER_MS)
    assert queue.count == _MOST_WAITING_JOBS


async def test_what_waited_for_room_is_sent_when_there_is_some(
    store: Store, settings: Settings, user: User, receiver: Receiver, dispatcher: Dispatcher, queue: Queue
) -> None:
    for number in range(20):
        await watched(store, settings, user, f"job-{number}", receiver.url("/hook"))
    await fall_overdue(store, user)
    for _ in range(_MOST_WAITING_JOBS):
        queue.enqueue(JOB, user.partition, [], result_ttl=0)
    await dispatcher.step(now_ms())
    assert queue.count == _MOST_WAITING_JOBS
    await _burst(settings)
    assert receiver.arrivals() == []
    await dispatcher.step(now_ms())
    await _burst(settings)
    assert len(receiver.arrivals()) == 20


def test_the_job_has_the_name_that_the_dispatcher_enqueues() -> None:
    assert f"{deliver_slice.__module__}.{deliver_slice.__name__}" == JOB
