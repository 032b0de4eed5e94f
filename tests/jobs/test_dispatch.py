"""From the outbox to a worker: deliveries made once, and a real RQ worker woken for them."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from rq_jobs.deliver import deliver
from tests.jobs.orders import deliveries, dispatched, fall_overdue, send, waiting, watched
from tests.journeys.receiver import Answer, Receiver
from tests.journeys.stack import ROOT, environment
from ttr.dispatch import Dispatcher
from ttr.now import now_ms
from ttr.queue_redis import JOB, queue_on
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store
from ttr.store.users import User, create_user
from ttr.waker import Waker


@pytest.fixture
def waker(settings: Settings) -> Iterator[Waker]:
    """A waker whose steps the test makes."""
    with Waker(settings.queue) as waker:
        yield waker


@pytest.fixture
def dispatcher(store: Store, waker: Waker) -> Dispatcher:
    """A dispatcher whose steps the test makes."""
    return Dispatcher(store, waker)


async def step(dispatcher: Dispatcher, waker: Waker, now: int) -> int | None:
    """A step of both."""
    next_due = await dispatcher.step(now)
    await waker.step()
    return next_due


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    """The job queue, as a worker sees it."""
    with redis.Redis.from_url(settings.queue) as connection:
        yield queue_on(connection)


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
ttr.worker.DeliveryWorker.work = partialmethod(ttr.worker.DeliveryWorker.work, burst=True)
ttr.worker.run(load_settings())
"""


async def test_a_worker_that_is_woken_sends_everything(
    store: Store,
    settings: Settings,
    user: User,
    receiver: Receiver,
    dispatcher: Dispatcher,
    waker: Waker,
    queue: Queue,
) -> None:
    for number in range(3):
        await watched(store, settings, user, f"job-{number}", receiver.url(f"/{number}"))
    await fall_overdue(store, user)
    assert await step(dispatcher, waker, now_ms())
    (job,) = queue.jobs
    assert (job.func_name, job.args, job.kwargs) == ("rq_jobs.deliver.deliver", [], {})
    assert job.serializer is JSONSerializer
    log = await _burst(settings)
    assert len(receiver.arrivals()) == 3, log
    assert await waiting(store, user) == {}
    assert queue.count == 0
    assert not await store.redis.keys("rq:job:*")  # a job that is done leaves nothing


async def test_a_job_that_runs_twice_sends_once(
    store: Store,
    settings: Settings,
    user: User,
    receiver: Receiver,
    dispatcher: Dispatcher,
    waker: Waker,
    queue: Queue,
) -> None:
    await watched(store, settings, user, "job", receiver.url("/hook"))
    await fall_overdue(store, user)
    await step(dispatcher, waker, now_ms())
    queue.enqueue(JOB, result_ttl=0)
    assert queue.count == 2
    await _burst(settings)
    assert len(receiver.arrivals()) == 1
    (delivery,) = await deliveries(store, user)
    assert (delivery.state, len(delivery.attempts)) == ("delivered", 1)


async def test_one_waiting_job_is_enough(
    store: Store,
    settings: Settings,
    user: User,
    receiver: Receiver,
    dispatcher: Dispatcher,
    waker: Waker,
    queue: Queue,
) -> None:
    for number in range(30):
        await watched(store, settings, user, f"job-{number}", receiver.url(f"/{number}"))
    await fall_overdue(store, user)
    for _ in range(5):
        await step(dispatcher, waker, now_ms())
    assert queue.count == 1
    await _burst(settings)
    assert len(receiver.arrivals()) == 30


async def test_nobody_is_woken_when_nothing_is_due(
    store: Store,
    settings: Settings,
    user: User,
    receiver: Receiver,
    dispatcher: Dispatcher,
    waker: Waker,
    queue: Queue,
) -> None:
    assert await step(dispatcher, waker, now_ms()) is None
    receiver.answer("/hook", Answer(503))
    await watched(store, settings, user, "job", receiver.url("/hook"))
    await dispatched(store, settings, user)
    await send(store, settings)
    queue.empty()
    ((_, due),) = (await waiting(store, user)).items()
    assert await step(dispatcher, waker, now_ms()) == due
    assert queue.count == 0
    await step(dispatcher, waker, due)
    assert queue.count == 1


async def test_an_event_becomes_one_delivery_however_many_dispatchers_read_it(
    store: Store, settings: Settings, user: User, receiver: Receiver
) -> None:
    await watched(store, settings, user, "job", receiver.url("/hook"))
    await fall_overdue(store, user)
    with Waker(settings.queue) as waker:
        one, other = Dispatcher(store, waker), Dispatcher(store, waker)
        await asyncio.gather(*(each.step(now_ms()) for each in (one, other, one, other)))
    assert len(await deliveries(store, user)) == len(await waiting(store, user)) == 1
    assert await store.redis.xlen(keys.outbox(user.partition)) == 0


async def test_a_node_that_takes_no_writes_holds_up_its_own_alerts_alone(
    store: Store,
    settings: Settings,
    receiver: Receiver,
    dispatcher: Dispatcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    users = [(await create_user(store, now=now_ms(), master=settings.master_key))[0] for _ in range(3)]
    for user in users:
        await watched(store, settings, user, "job", receiver.url("/hook"))
        await fall_overdue(store, user)
    refusing = min(user.partition for user in users)
    dispatch = dispatcher._dispatch

    async def refused(partition: int, now: int) -> None:
        if partition == refusing:
            raise StoreUnavailable("OOM")
        await dispatch(partition, now)

    monkeypatch.setattr(dispatcher, "_dispatch", refused)
    now = now_ms()
    due = await dispatcher.step(now)
    told = {user.partition: len(await waiting(store, user)) for user in users}
    assert told == {user.partition: int(user.partition != refusing) for user in users}
    # It is not asked again at once, for ever.
    assert due is None or due > now or any(told.values())
    monkeypatch.setattr(dispatcher, "_dispatch", dispatch)
    await dispatcher.step(now_ms())
    assert [len(await waiting(store, user)) for user in users] == [1, 1, 1]


def test_the_job_has_the_name_that_the_dispatcher_enqueues() -> None:
    assert f"{deliver.__module__}.{deliver.__name__}" == JOB
