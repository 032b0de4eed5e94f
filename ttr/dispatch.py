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
JOB = "rq_jobs.deliver.deliver_slice"
SLICE = 100
"""Deliveries a job carries; one horse forks for each job, at some 40 a second."""
JOB_SECONDS = 120
_LOOK_SECONDS = 0.5
# Deliveries are leased while they wait in the queue, so no more is handed out than workers can begin with soon.
_WAITING_JOBS = 4
_ENTRIES = 200


class Dispatcher:
    """Hands due deliveries to the queue. Several may run: each step is claimed in Lua."""

    def __init__(self, store: Store, queue_url: str) -> None:
        self._store = store
        self._connection = redis.Redis.from_url(queue_url, socket_timeout=5, socket_connect_timeout=2)
        self._queue = Queue(QUEUE, connection=self._connection, serializer=JSONSerializer)
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
        """One look at every partition; whether there was something to do."""
        busy = False
        for partition, (entries, due) in enumerate(await look(self._store)):
            if entries:
                for entry in await read_outbox(self._store, partition, _ENTRIES):
                    made = await dispatch_entry(self._store, partition, entry, now)
                    log.info("event %s: %s, %d deliveries", entry.event.id, entry.event.kind, made)
                busy = True
            if (entries or (due is not None and due <= now)) and await self._has_room():
                handed = await hand_out(self._store, partition, now=now, most=SLICE)
                if handed:
                    await asyncio.to_thread(self._enqueue, partition, handed)
                    busy = True
        return busy

    async def _has_room(self) -> bool:
        return await asyncio.to_thread(lambda: self._queue.count) < _WAITING_JOBS

    def _enqueue(self, partition: int, handed: list[Handed]) -> None:
        self._queue.enqueue(
            JOB,
            partition,
            [[delivery.delivery_id, delivery.token] for delivery in handed],
            job_timeout=JOB_SECONDS,
            result_ttl=0,
            failure_ttl=3_600,
        )
