"""The worker process: an RQ worker that forks a horse for each slice of deliveries."""

import redis
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from ttr import (
    logs,
    notify,  # noqa: F401  # before the fork: aiohttp takes 0.3 s to import, in each horse anew
)
from ttr.dispatch import QUEUE
from ttr.settings import Settings


def run(settings: Settings) -> None:
    """Work until SIGTERM; a running slice is finished first. Raises when its Redis dies under a running job:
    the supervisor starts it again, and leases bring back what it held.
    """
    logs.set_up(settings.log_level)
    connection = redis.Redis.from_url(settings.queue)
    queue = Queue(QUEUE, connection=connection, serializer=JSONSerializer)
    worker = Worker([queue], connection=connection, serializer=JSONSerializer)
    worker.work(logging_level="WARNING")
