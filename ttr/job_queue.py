"""The job queue as operators see it: what waits, what failed and why, who works; retried and dropped.

A job carries nothing but a wake-up, so no alert is lost with one; the truth is in the lanes (`ttr/store/waiting.py`).
RQ speaks to Redis synchronously: each of these runs in a thread. Reading tidies nothing up, as RQ's own counts would.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Worker
from rq.exceptions import DeserializationError, InvalidJobOperation, NoSuchJobError
from rq.job import Job
from rq.registry import FailedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer

from ttr.queue_redis import QUEUE, connect, queue_on
from ttr.store.errors import StoreUnfit

AT_ONCE = 1_000
"""Failed jobs that are retried or dropped at once; each takes a few round trips."""
WORKERS_MOST = 100
"""Workers that are listed."""
_ERROR_MOST = 4_000
"""Characters of an error, its end."""

T = TypeVar("T")


class QueueAway(Exception):
    """The Redis of the queue does not answer; the text says what it said."""


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that ended with an error."""

    id: str
    what: str
    ended_at: int | None
    """When, ms."""
    fault: str
    """The error's last line."""
    error: str
    """All of it, or its last 4,000 characters."""


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """A worker that has registered itself."""

    name: str
    state: str
    heard_at: int | None
    """Its last heartbeat, ms."""
    since: int | None
    failed: int
    done: int


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """The queue now, with a page of what failed, newest first."""

    waiting: int
    started: int
    failed: int
    jobs: list[FailedJob]
    workers: list[WorkerFacts]
    workers_in_all: int


@dataclass(frozen=True, slots=True)
class JobCounts:
    """Jobs that wait, are being worked on, were taken and not yet begun, and failed."""

    waiting: int
    started: int
    taken: int
    failed: int


async def count_jobs(url: str) -> JobCounts:
    """How many there are on this Redis. Raises QueueAway."""
    return await _with(url, _count)


async def read_queue(url: str, *, size: int, offset: int = 0) -> QueueFacts:
    """The queue on this Redis, with `size` failed jobs beyond the `offset` newest. Raises QueueAway."""
    return await _with(url, lambda connection: _read(connection, size, offset))


async def retry_job(url: str, job_id: str) -> bool:
    """Put a failed job back into the queue; False when it is not among the failed ones (any more). Raises QueueAway."""
    return await _with(url, lambda connection: _retry(_failed(connection), job_id))


async def drop_job(url: str, job_id: str) -> bool:
    """Forget a failed job; False when it is not among the failed ones (any more). Raises QueueAway."""
    return await _with(url, lambda connection: _drop(_failed(connection), job_id))


async def retry_all(url: str) -> int:
    """Put the oldest 1,000 failed jobs back into the queue; how many that were. Raises QueueAway."""
    return await _with(url, lambda connection: _all(connection, _retry))


async def drop_all(url: str) -> int:
    """Forget the oldest 1,000 failed jobs; how many that were. Raises QueueAway."""
    return await _with(url, lambda connection: _all(connection, _drop))


async def _with(url: str, work: Callable[["redis.Redis"], T]) -> T:
    def do() -> T:
        try:
            connection = connect(url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 1))
        except StoreUnfit as error:
            raise QueueAway(str(error)) from None
        try:
            return work(connection)
        except redis.RedisError as error:
            raise QueueAway(str(error)) from error
        finally:
            connection.close()

    return await asyncio.to_thread(do)


def _read(connection: "redis.Redis", size: int, offset: int) -> QueueFacts:
    failed = _failed(connection)
    started = StartedJobRegistry(QUEUE, connection=connection, serializer=JSONSerializer)
    ids = failed.get_job_ids(offset, offset + size - 1, desc=True, cleanup=False)
    jobs = Job.fetch_many(ids, connection=connection, serializer=JSONSerializer)
    keys = sorted(Worker.all_keys(connection=connection))
    return QueueFacts(
        waiting=queue_on(connection).count,
        started=started.get_job_count(cleanup=False),
        failed=failed.get_job_count(cleanup=False),
        jobs=[_failed_job(job_id, job) for job_id, job in zip(ids, jobs, strict=True)],
        workers=[facts for key in keys[:WORKERS_MOST] if (facts := _worker(connection, key))],
        workers_in_all=len(keys),
    )


def _count(connection: "redis.Redis") -> JobCounts:
    queue = queue_on(connection)
    started = StartedJobRegistry(QUEUE, connection=connection, serializer=JSONSerializer)
    return JobCounts(
        waiting=queue.count,
        started=started.get_job_count(cleanup=False),
        taken=int(connection.llen(queue.intermediate_queue_key)),
        failed=_failed(connection).get_job_count(cleanup=False),
    )


def _failed_job(job_id: str, job: Job | None) -> FailedJob:
    if job is None:
        return FailedJob(job_id, "", None, "It is no longer known.", "")
    result = job.latest_result()
    error = (result.exc_string if result else None) or ""
    ended = job.ended_at
    lines = error.strip().splitlines()
    return FailedJob(
        id=job.id,
        what=_what(job),
        ended_at=int(ended.timestamp() * 1000) if ended else None,
        fault=lines[-1][:300] if lines else "It left no error.",
        error=error[-_ERROR_MOST:],
    )


def _what(job: Job) -> str:
    try:
        return job.func_name or ""
    except DeserializationError:
        return "a job that this version can't read"


def _worker(connection: "redis.Redis", key: str) -> WorkerFacts | None:
    worker = Worker.find_by_key(key, connection=connection, serializer=JSONSerializer)
    if worker is None:
        return None
    heard, since = worker.last_heartbeat, worker.birth_date
    return WorkerFacts(
        name=worker.name,
        state=str(worker.get_state()),
        heard_at=int(heard.timestamp() * 1000) if heard else None,
        since=int(since.timestamp() * 1000) if since else None,
        failed=worker.failed_job_count,
        done=worker.successful_job_count,
    )


def _failed(connection: "redis.Redis") -> FailedJobRegistry:
    return FailedJobRegistry(QUEUE, connection=connection, serializer=JSONSerializer)


def _retry(failed: FailedJobRegistry, job_id: str) -> bool:
    if job_id not in failed:  # anything else might be no id at all
        return False
    try:
        failed.requeue(job_id)
    except (NoSuchJobError, InvalidJobOperation):
        return False
    return True


def _drop(failed: FailedJobRegistry, job_id: str) -> bool:
    # Whoever takes it off the list deletes it: a job that is waiting, or of another queue, is not ours to delete.
    if not failed.remove(job_id):
        return False
    with suppress(NoSuchJobError):
        Job.fetch(job_id, connection=failed.connection, serializer=JSONSerializer).delete()
    return True


def _all(connection: "redis.Redis", work: Callable[[FailedJobRegistry, str], bool]) -> int:
    failed = _failed(connection)
    return sum(work(failed, job_id) for job_id in failed.get_job_ids(0, AT_ONCE - 1, cleanup=False))
