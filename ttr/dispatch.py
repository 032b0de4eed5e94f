"""The dispatcher: outbox -> deliveries -> slices in the job queue. Part of the clock process."""

import asyncio
import logging
from types import TracebackType

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from ttr.now import now_ms
from ttr.store.deliveries import Handed, hand_out, look
from ttr.store.errors import StoreUnavailable
from ttr.store.outbox import dispatch_entry, read_outbox
from ttr.store.redis import Store

log = logging.getLogger(__name__)

QUEUE = "ttr-deliveries"
FAILING_QUEUE = "ttr-deliveries-failing"
"""For channels whose last send failed; workers look at it when the other is empty."""
JOB = "rq_jobs.deliver.deliver_slice"
SLICE = 100
"""Deliveries a job carries; one horse forks for each job, at some 40 a second."""
JOB_SECONDS = 120
_LOOK_SECONDS = 0.5
# Deliveries are leased while they wait in the queue, so no more is handed out than workers can begin with soon.
_WAITING_JOBS = 4
# A slice of failing channels may hang for 10 s, so only one waits at a time.
_WAITING_FAILING_JOBS = 1
_ENTRIES = 200


class Dispatcher:
    """Hands due deliveries to the queue. Several may run: each step is claimed in Lua."""

    def __init__(self, store: Store, queue_url: str) -> None:
        self._store = store
        self._connection = redis.Redis.from_url(queue_url, socket_timeout=5, socket_connect_timeout=2)
        self._queue, self._failing = (
            Queue(name, connection=self._connection, serializer=JSONSerializer)
            for name in (QUEUE, FAILING_QUEUE)
        )
        self._first = 0
        self.wake = asyncio.Event()
        """Set by whoever knows that an alert is waiting; without it the outbox is read twice a second."""

    def __enter__(self) -> "Dispatcher":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    async def run(self) -> None:
        """Dispatch for ever; trouble with a Redis is logged and survived."""
        while True:
            self.wake.clear()
            try:
                busy = await self.step(now_ms())
            except (StoreUnavailable, redis.RedisError) as error:
                log.warning("Alerts wait: %s", error)
                busy = False
            if not busy:
                try:
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self.wake.wait()
                except TimeoutError:
                    pass

    async def step(self, now: int) -> bool:
        """One look at every partition, each time beginning with another; whether there was something to do."""
        busy = False
        looked = list(enumerate(await look(self._store)))
        self._first = (self._first + 1) % len(looked)
        for partition, (entries, due) in looked[self._first :] + looked[: self._first]:
            if entries:
                await self._dispatch(partition, now)
                busy = True
            if entries or (due is not None and due <= now):
                busy = await self._hand_out(partition, now) or busy
        return busy

    async def _dispatch(self, partition: int, now: int) -> None:
        for entry in await read_outbox(self._store, partition, _ENTRIES):
            made, refused = await dispatch_entry(self._store, partition, entry, now)
            log.info("event %s: %s, %d deliveries", entry.event.id, entry.event.kind, made)
            if refused:
                log.warning(
                    "event %s: %d deliveries refused, account %d has too many unfinished",
                    entry.event.id,
                    refused,
                    entry.user_id,
                )

    async def _hand_out(self, partition: int, now: int) -> bool:
        busy = False
        for queue, room in ((self._queue, _WAITING_JOBS), (self._failing, _WAITING_FAILING_JOBS)):
            if await asyncio.to_thread(_count, queue) >= room:
                continue
            failing = queue is self._failing
            handed = await hand_out(self._store, partition, now=now, most=SLICE, failing=failing)
            if handed:
                await asyncio.to_thread(_enqueue, queue, partition, handed)
                busy = True
        return busy


def _count(queue: Queue) -> int:
    return int(queue.count)


def _enqueue(queue: Queue, partition: int, handed: list[Handed]) -> None:
    queue.enqueue(
        JOB,
        partition,
        [[delivery.delivery_id, delivery.token] for delivery in handed],
        job_timeout=JOB_SECONDS,
        result_ttl=0,
        failure_ttl=3_600,
    )
