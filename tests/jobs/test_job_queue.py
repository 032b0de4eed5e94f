"""The queue as operators see it, on a real Redis with a real worker."""

from collections.abc import Iterator

import pytest
import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from tests.conftest import RedisServer
from tests.ports import free_port
from ttr.job_queue import AT_ONCE, QueueAway, drop_all, drop_job, read_queue, retry_all, retry_job
from ttr.queue_redis import QUEUE
from ttr.store.redis import Store

FAILING = "json.loads"


@pytest.fixture
def connection(redis_server: RedisServer, store: Store) -> Iterator["redis.Redis"]:
    """A connection to the emptied Redis."""
    connection = redis.Redis.from_url(redis_server.url)
    yield connection
    connection.close()


def fail(connection: "redis.Redis", count: int) -> list[str]:
    """Jobs that have failed."""
    queue = Queue(QUEUE, connection=connection, serializer=JSONSerializer)
    jobs = [queue.enqueue(FAILING, args=["<b>no json</b>"], failure_ttl=3_600) for _ in range(count)]
    SimpleWorker([queue], connection=connection, serializer=JSONSerializer).work(burst=True)
    return [str(job.id) for job in jobs]


async def test_an_empty_queue(redis_server: RedisServer, store: Store) -> None:
    found = await read_queue(redis_server.url, size=10)
    assert (found.waiting, found.started, found.failed, found.jobs, found.workers) == (0, 0, 0, [], [])


async def test_what_failed_is_told_with_its_error(
    redis_server: RedisServer, connection: "redis.Redis"
) -> None:
    (job_id,) = fail(connection, 1)
    found = await read_queue(redis_server.url, size=10)
    (job,) = found.jobs
    assert (found.failed, job.id, job.what) == (1, job_id, FAILING)
    assert job.fault.startswith("json.decoder.JSONDecodeError")
    assert job.error.startswith("Traceback")
    assert job.ended_at is not None


async def test_failed_jobs_come_a_page_at_a_time(
    redis_server: RedisServer, connection: "redis.Redis"
) -> None:
    made = set(fail(connection, 5))
    pages = [await read_queue(redis_server.url, size=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [len(page.jobs) for page in pages] == [2, 2, 1, 0]
    assert {job.id for page in pages for job in page.jobs} == made
    assert {page.failed for page in pages} == {5}


async def test_a_failed_job_is_retried_or_dropped_once(
    redis_server: RedisServer, connection: "redis.Redis"
) -> None:
    first, second = fail(connection, 2)
    assert await retry_job(redis_server.url, first)
    assert not await retry_job(redis_server.url, first)
    assert not await drop_job(redis_server.url, first)  # it waits, and is not ours to drop
    assert await drop_job(redis_server.url, second)
    assert not await drop_job(redis_server.url, second)
    found = await read_queue(redis_server.url, size=10)
    assert (found.waiting, found.failed) == (1, 0)
    assert connection.exists(f"rq:job:{first}")
    assert not connection.exists(f"rq:job:{second}")


@pytest.mark.parametrize("job_id", ["", "nobody", "x:y", "ttr:meta", "\0", "é" * 500])
async def test_a_name_that_no_failed_job_has_changes_nothing(
    redis_server: RedisServer, connection: "redis.Redis", job_id: str
) -> None:
    fail(connection, 1)
    assert not await retry_job(redis_server.url, job_id)
    assert not await drop_job(redis_server.url, job_id)
    assert (await read_queue(redis_server.url, size=10)).failed == 1


async def test_all_are_retried_then_dropped(redis_server: RedisServer, connection: "redis.Redis") -> None:
    fail(connection, 3)
    assert await retry_all(redis_server.url) == 3
    assert (await read_queue(redis_server.url, size=10)).waiting == 3
    fail(connection, 1)
    assert await drop_all(redis_server.url) == 4
    assert (await read_queue(redis_server.url, size=10)).failed == 0
    assert await retry_all(redis_server.url) == 0


async def test_all_is_so_many_at_once(
    redis_server: RedisServer, connection: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    assert AT_ONCE == 1_000
    monkeypatch.setattr("ttr.job_queue.AT_ONCE", 2)
    fail(connection, 3)
    assert await drop_all(redis_server.url) == 2


async def test_a_job_whose_record_is_gone_is_still_listed_and_can_be_dropped(
    redis_server: RedisServer, connection: "redis.Redis"
) -> None:
    (job_id,) = fail(connection, 1)
    connection.delete(f"rq:job:{job_id}")
    (job,) = (await read_queue(redis_server.url, size=10)).jobs
    assert job.fault == "It is no longer known."
    assert not await retry_job(redis_server.url, job_id)
    assert await drop_job(redis_server.url, job_id)


async def test_reading_changes_nothing(redis_server: RedisServer, connection: "redis.Redis") -> None:
    (job_id,) = fail(connection, 1)
    connection.zadd(f"rq:failed:{QUEUE}", {job_id: 1})  # expired: RQ's own count would remove it
    await read_queue(redis_server.url, size=10)
    assert connection.zcard(f"rq:failed:{QUEUE}") == 1


async def test_workers_are_told_with_their_state(
    redis_server: RedisServer, connection: "redis.Redis"
) -> None:
    queue = Queue(QUEUE, connection=connection, serializer=JSONSerializer)
    worker = SimpleWorker([queue], connection=connection, serializer=JSONSerializer, name="one")
    worker.register_birth()
    (found,) = (await read_queue(redis_server.url, size=10)).workers
    assert (found.name, found.failed, found.done) == ("one", 0, 0)
    assert found.heard_at is not None


@pytest.mark.parametrize("url", ["redis://127.0.0.1:{port}/0", "unix:///nowhere/redis.sock"])
async def test_a_redis_that_is_away_is_said_to_be(url: str) -> None:
    url = url.format(port=free_port())
    for call in (
        read_queue(url, size=10),
        retry_job(url, "x"),
        drop_job(url, "x"),
        retry_all(url),
        drop_all(url),
    ):
        with pytest.raises(QueueAway):
            await call


async def test_a_job_that_another_version_wrote_is_listed(
    redis_server: RedisServer, connection: "redis.Redis"
) -> None:
    (job_id,) = fail(connection, 1)
    connection.hset(f"rq:job:{job_id}", "data", b"\x80garbage")
    (job,) = (await read_queue(redis_server.url, size=10)).jobs
    assert job.what == "a job that this version can't read"
