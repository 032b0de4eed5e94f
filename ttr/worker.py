"""The worker process: an RQ worker that forks a horse, which sends for as long as there is something to send."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from typing import Any

import redis
from rq import Worker
from rq.serializers import JSONSerializer

from ttr import (
    logs,
    notify,  # noqa: F401  # before the fork: aiohttp takes 0.3 s to import, in each horse anew
)
from ttr.archive.guard import refuse_lost_redis
from ttr.domain.liveness import HORSE
from ttr.heartbeat import beating_beside, turn
from ttr.queue_redis import connect, queue_on
from ttr.redis_tls import tls_fault
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.errors import StoreUnfit
from ttr.store.redis import open_store, verify_data, verify_master_key, wait_until_ready

_READY_SECONDS = 30
# RQ waits for a job 15 s less than this and then goes round; with the default, 420, nobody could tell whether it does.
_TTL_SECONDS = 20


def run(settings: Settings) -> None:
    """Work until SIGTERM; what is being sent is finished first. Raises when its Redis dies under a running job:
    the supervisor starts it again, and leases bring back what it held. Raises as well when Redis does not
    answer within 30 s of the start, and StoreUnfit when it can't know the data or ENCRYPTION_KEY is not the database's.
    """
    logs.begin(settings, "worker")
    connection = connect(settings.queue)
    _wait_until_ready(connection)
    asyncio.run(_verify(settings))
    worker = DeliveryWorker(
        [queue_on(connection)],
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=_TTL_SECONDS,
        maintenance_interval=1,
        job_monitoring_interval=1,
    )
    with beating_beside(
        settings.database, "worker", lambda: {HORSE: worker.horse_pid}, cluster=settings.redis_cluster
    ):
        worker.work(logging_level="WARNING")


class DeliveryWorker(Worker):
    """An RQ worker that hands a request to stop on: a job ends by itself only when nothing is left to send."""

    # RQ doubles its pauses up to a minute while Redis is away, and alerts would wait for as long after it is back.
    max_connection_wait_time = 2.0

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """RQ's own, which its loop comes by at least every 5 s. It goes round only while the queue answers: who can't
        reach it takes nothing."""
        super().heartbeat(timeout, pipeline)
        if not self.is_horse:
            turn("rq")

    def handle_warm_shutdown_request(self) -> None:
        """Told to stop: tell the horse, which takes nothing new and ends within 10 s."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]  # RQ's own
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)


async def _verify(settings: Settings) -> None:
    # With another ENCRYPTION_KEY every alert would fail for a day: better to say so at once.
    async with open_store(settings.database, cluster=settings.redis_cluster) as store:
        await wait_until_ready(store)
        await refuse_lost_redis(store, settings.database_url)
        await verify_data(store)
        await verify_master_key(store, settings.master_key)


def _wait_until_ready(connection: redis.Redis) -> None:
    # RQ ends at once when it can't register itself, and `ttr up` gives up after ten such ends within a minute.
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            # A write: RQ writes when it starts, and a full Redis answers a ping all the same.
            connection.set(keys.worker_start(), 1, ex=60)
            return
        except redis.RedisError as error:
            if fault := tls_fault(error):
                raise StoreUnfit(fault) from None
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)
