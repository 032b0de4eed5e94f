"""GET /api/v1/metrics/summary: what it tells, to whom, and how seldom Redis is asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from quart import Quart

from tests.api.conftest import Caller, problem
from tests.api.world import make_world
from ttr import meter, summary
from ttr.app import create_app
from ttr.domain.allowance import parse_limits
from ttr.domain.liveness import Process
from ttr.domain.metrics import DB_SECONDS, NOTIFICATIONS, PING_SECONDS, QUEUE_SECONDS
from ttr.installation import Installation
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.archive_state import note_archive
from ttr.store.metrics import flush
from ttr.store.processes import say
from ttr.store.redis import Store, open_store
from ttr.summary import Summaries

PATH = "/api/v1/metrics/summary"
PEER = {"client": ("203.0.113.9", 4711)}


@asynccontextmanager
async def served(settings: Settings, **changes: object) -> AsyncIterator[Quart]:
    app = create_app(settings.model_copy(update=changes))
    async with app.test_app():
        yield app


async def read(app: Quart) -> Any:
    answer = await app.test_client().get(PATH)
    assert answer.status_code == 200
    return await answer.get_json()


async def test_it_tells_what_there_is_and_how_long_things_took(app: Quart, store: Store, api: Caller) -> None:
    await api.make()
    await api.make()
    meter.start_anew()
    meter.observe(PING_SECONDS, 0.1)
    meter.observe(PING_SECONDS, 0.3)
    meter.observe(QUEUE_SECONDS, 6.0)
    meter.count(NOTIFICATIONS, "success", "slack", by=3)
    meter.count(NOTIFICATIONS, "error", "slack", by=2)
    await flush(store, now_ms())
    found = await read(app)
    assert found["total_checks"] == 2
    assert found["total_users"] == 1
    assert found["total_notifications_sent"] == 3
    assert found["average_ping_process_time_seconds"] == 0.2
    assert found["average_queue_latency_seconds"] == 6
    assert found["average_db_latency_seconds"] is None
    assert (found["queue_depth"], found["workers_online"]) == (0, 0)
    health = found["health"]
    assert (health["ping_latency"], health["queue_latency"]) == ("yellow", "red")
    assert health["db_latency"] == "unknown"


async def test_what_is_older_than_the_window_counts_no_more(app: Quart, store: Store) -> None:
    meter.start_anew()
    meter.observe(QUEUE_SECONDS, 6.0)
    await flush(store, now_ms() - 340_000)
    found = await read(app)
    assert found["average_queue_latency_seconds"] is None
    assert found["health"]["queue_latency"] == "unknown"


@pytest.mark.parametrize(("state", "average"), [("ok", 0.2), ("away", None), ("refused", None)])
async def test_of_a_postgres_that_is_away_nothing_is_known(
    app: Quart, store: Store, state: Any, average: float | None
) -> None:
    now = now_ms()
    await note_archive(store, state, saved_at=now, now=now)
    meter.start_anew()
    meter.observe(DB_SECONDS, 0.2)
    await flush(store, now)
    found = await read(app)
    assert found["average_db_latency_seconds"] == average
    assert found["health"]["db_latency"] == ("yellow" if average else "unknown")


async def test_who_has_it_is_told_so(app: Quart, api: Caller) -> None:
    client = app.test_client()
    first = await client.get(PATH)
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    assert first.headers["Cache-Control"] == "private, no-cache"
    for names in (tag, tag.removeprefix("W/"), "*"):
        again = await client.get(PATH, headers={"If-None-Match": names})
        assert (again.status_code, await again.get_data(), again.headers["ETag"]) == (304, b"", tag)
    other = await client.get(PATH, headers={"If-None-Match": 'W/"other"'})
    assert other.status_code == 200


async def test_what_has_changed_has_another_tag(
    app: Quart, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttr.summary._KEPT_SECONDS", 0)
    monkeypatch.setattr("ttr.installation._KEPT_SECONDS", 0)
    monkeypatch.setattr("ttr.installation._REST", 0)
    client = app.test_client()
    tag = (await client.get(PATH)).headers["ETag"]
    await api.make()
    again = await client.get(PATH, headers={"If-None-Match": tag})
    assert again.status_code == 200
    assert again.headers["ETag"] != tag
    assert (await again.get_json())["total_checks"] == 1


async def test_a_crowd_costs_one_reading(app: Quart, monkeypatch: pytest.MonkeyPatch) -> None:
    readings = []
    really = Summaries._read

    async def counted(self: Summaries) -> Any:
        readings.append(self)
        return await really(self)

    monkeypatch.setattr(Summaries, "_read", counted)
    monkeypatch.setattr("ttr.summary._KEPT_SECONDS", 60)
    client = app.test_client()
    answers = await asyncio.gather(*(client.get(PATH) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(readings) == 1


async def test_one_who_goes_away_takes_it_from_nobody(app: Quart) -> None:
    async with app.app_context():
        first = asyncio.create_task(summary.summaries().latest())
        await asyncio.sleep(0)
        first.cancel()
        assert (await summary.summaries().latest()).users == 0


async def test_while_redis_is_away_it_says_so_and_asks_seldom(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_store("unix:///nowhere/redis.sock") as nothing:
        away = Summaries(nothing, settings, Installation(nothing, None, settings))
        async with served(settings) as app:
            summary.set_summaries(app, away)
            answer = await app.test_client().get(PATH)
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "5"
            await problem(answer)
            assert await away.soon() is None
            # Back again, it is asked again after a second.
            away._store, away._counted = store, Installation(store, None, settings)
            monkeypatch.setattr(away, "_good_until", 0.0)
            assert (await app.test_client().get(PATH)).status_code == 200
            assert await away.soon() is not None


async def test_a_worker_that_is_silent_is_not_online(app: Quart, store: Store) -> None:
    now = now_ms()
    for number, heard_at in enumerate((now, now, now - 9_000)):
        await say(
            store,
            Process(
                id=f"worker-{number}",
                kind="worker",
                host="here",
                pid=number,
                version="1",
                started_at=now - 60_000,
                beat_at=heard_at,
                loops={},
                patience={},
                gauges={},
            ),
        )
    assert (await read(app))["workers_online"] == 2


async def test_without_the_queues_redis_the_rest_is_told(settings: Settings, store: Store) -> None:
    async with served(settings, queue_redis_url="unix:///nowhere/redis.sock") as app:
        found = await read(app)
        assert (found["queue_depth"], found["workers_online"]) == (None, 0)
        assert found["total_users"] == 0


async def test_closed_it_is_for_admins_alone(settings: Settings, store: Store) -> None:
    async with served(settings, metrics_summary="admin") as app:
        world = await make_world(app, store)
        client = app.test_client()
        for headers in (
            {},
            {"X-Auth-Key": world.api.key},
            {"Authorization": f"Bearer {world.api.key}"},
            {"Authorization": world.token},
            {"If-None-Match": "*"},
        ):
            answer = await client.get(PATH, headers=headers)
            assert answer.status_code == 401
            assert "WWW-Authenticate" in answer.headers
            assert "ETag" not in answer.headers
            await problem(answer)
        answer = await client.get(PATH, headers={"Authorization": f"Bearer {world.token}"})
        assert answer.status_code == 200
        assert (await answer.get_json())["total_users"] == 1


async def test_an_address_that_asks_too_often_waits(settings: Settings) -> None:
    async with served(settings, rate_limits=parse_limits("public-address=3/3600")) as app:
        client = app.test_client()
        answers = [await client.get(PATH, scope_base=PEER) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert int(answers[-1].headers["Retry-After"]) > 0
        await problem(answers[-1])
        assert (await client.get(PATH, scope_base={"client": ("203.0.113.10", 1)})).status_code == 200
