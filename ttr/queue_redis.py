"""The Redis that carries the job queue (QUEUE_REDIS_URL, else the database's), and the one queue on it.

RQ's keys begin with `rq:` and ours with `ttr:`, so both may share a Redis. RQ does not run on Redis Cluster.
"""

from typing import Any

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from ttr.store.errors import StoreUnfit

QUEUE = "ttr-deliveries"
JOB = "rq_jobs.deliver.deliver"
JOB_SECONDS = 900
"""Longer than a job ever takes: it stops taking after 600 s and a send lasts 10 s at most."""
NO_URL = "QUEUE_REDIS_URL is not a URL of a Redis. Write it as REDIS_URL is."


def connect(url: str, **options: Any) -> "redis.Redis":
    """A client, not connected yet. Raises StoreUnfit if `url` is none."""
    try:
        return redis.Redis.from_url(url, **options)
    except ValueError:  # its text may quote a part of a password
        raise StoreUnfit(NO_URL) from None


def queue_on(connection: "redis.Redis") -> Queue:
    """The queue on this Redis."""
    return Queue(QUEUE, connection=connection, serializer=JSONSerializer)
