"""The job queue on the admin pages, on a real Redis with a real worker."""

from collections.abc import Iterator

import pytest
import redis
from quart import Quart

from tests.conftest import RedisServer
from tests.jobs.test_job_queue import fail
from tests.ports import free_port
from tests.web.conftest import Visitor, text
from ttr.settings import Settings
from ttr.store.admin_log import read_log
from ttr.store.redis import Store


@pytest.fixture
def connection(redis_server: RedisServer, store: Store) -> Iterator["redis.Redis"]:
    """A connection to the emptied Redis."""
    connection = redis.Redis.from_url(redis_server.url)
    yield connection
    connection.close()


async def test_an_idle_queue_says_that_no_worker_is_there(operator: Visitor) -> None:
    page = await operator.read("/admin/queues")
    assert "No worker is there" in page
    assert "None. A job that fails" in page
    assert "Nothing waits." in page


async def test_failed_jobs_are_shown_retried_and_dropped(
    operator: Visitor, store: Store, connection: "redis.Redis"
) -> None:
    first, second, third, _ = fail(connection, 4)
    page = await operator.read("/admin/queues")
    assert "json.decoder.JSONDecodeError" in page
    assert first in page
    assert "<b>no json" not in page
    assert (await operator.post("/admin/queues/retry", job=first)).headers["Location"] == "/admin/queues"
    assert (await operator.post("/admin/queues/drop", job=second)).status_code == 303
    for job in (first, second, "", "nobody", "\u00e9" * 300):
        response = await operator.post("/admin/queues/drop", job=job)
        assert response.status_code == 422
        assert "not among the failed ones" in await text(response)
    assert third in await operator.read("/admin/queues")
    assert (await operator.post("/admin/queues/retry", all="yes")).status_code == 303
    assert (await operator.post("/admin/queues/drop", all="yes")).status_code == 422
    deeds = [(deed.what, deed.about) for deed in await read_log(store) if "failed jobs" in deed.what]
    assert sorted(deeds) == [
        ("dropped failed jobs", f"job {second}"),
        ("retried failed jobs", "all failed jobs"),
        ("retried failed jobs", f"job {first}"),
    ]


async def test_more_than_a_page_failed(
    operator: Visitor, connection: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttr.web.admin.queues.SIZE", 2)
    jobs = set(fail(connection, 3))
    pages = [await operator.read("/admin/queues"), await operator.read("/admin/queues?offset=2")]
    found = [{job for job in jobs if f"Retry job {job}" in page} for page in pages]
    assert (len(found[0]), found[0] | found[1]) == (2, jobs)
    assert 'href="/admin/queues?offset=2" rel="next"' in pages[0]
    assert 'href="/admin/queues" rel="prev"' in pages[1]
    assert "nothing this far back" in await operator.read("/admin/queues?offset=9")


async def test_a_queue_that_is_away_is_said_to_be(
    app: Quart, operator: Visitor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = settings.model_copy(update={"queue_redis_url": f"redis://127.0.0.1:{free_port()}/0"})
    monkeypatch.setitem(app.extensions, "ttr_settings", away)
    page = await operator.read("/admin/queues")
    assert "The Redis of the queue does not answer" in page
    assert "Lanes" in page
    response = await operator.post("/admin/queues/retry", all="yes")
    assert response.status_code == 503
    assert "Nothing was changed" in await text(response)
