"""The worker process: an RQ worker that forks a horse for each slice of deliveries."""

import time

import redis
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from ttr import (
    logs,
    notify,  # noqa: F401  # before the fork: aiohttp takes 0.3 s to import, in each horse anew
)
from ttr.dispatch import FAILING_QUEUE, QUEUE
from ttr.settings import Settings
from ttr.store import keys

_READY_SECONDS = 30


def run(settings: Settings) -> None:
    """Work until SIGTERM; a running slice is finished first. Raises when its Redis dies under a running job:
    the supervisor starts it again, and leases bring back what it held. Raises as well when Redis does not
    answer within 30 s of the start.
    """
    logs.set_up(settings.log_level)
    connection = redis.Redis.from_url(settings.queue)
    _wait_until_ready(connection)
    queues = [
        Queue(name, connection=connection, serializer=JSONSerializer) for name in (QUEUE, FAILING_QUEUE)
    ]
    worker = Worker(queues, connection=connection, serializer=JSONSerializer)
    worker.work(logging_level="WARNING")


def _wait_until_ready(connection: redis.Redis) -> None:
    # RQ ends at once when it can't register itself, and `ttr up` gives up after ten such ends within a minute.
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            # A write: RQ writes when it starts, and a full Redis answers a ping all the same.
            connection.set(keys.worker_start(), 1, ex=60)
            return
        except redis.RedisError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)
