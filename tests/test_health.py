"""GET /health: what makes it 503, and what it only tells."""

from typing import Any

from quart.typing import TestClientProtocol as Client

from tests.conftest import eventually
from tests.processes import process
from ttr.domain.liveness import QUEUE_AWAY, Kind
from ttr.now import now_ms
from ttr.store.archive_state import note_archive
from ttr.store.deadlines import tick_clock
from ttr.store.form import FORM
from ttr.store.processes import say
from ttr.store.redis import Store


async def ask(client: Client) -> tuple[int, dict[str, Any]]:
    """The status and the JSON."""
    answer = await client.get("/health")
    return answer.status_code, await answer.get_json()


async def be_there(store: Store, kind: Kind, **more: Any) -> None:
    """A process that has just said something."""
    await say(store, process(kind, **{"beat_at": now_ms(), **more}))


async def test_without_an_archive_all_is_well(client: Client, store: Store) -> None:
    await tick_clock(store, now_ms())
    await be_there(store, "worker")
    status, told = await ask(client)
    assert status == 200
    assert told["status"] == "ok"
    assert told["parts"] == {
        "redis": "ok",
        "clock": "ok",
        "web": "ok",
        "postgres": "off",
        "worker": "ok",
        "loops": "ok",
        "queue": "unknown",
    }
    assert (told["workers_online"], told["missing"]) == (1, [])
    assert told["processes"]["worker"] == {"well": 1, "stuck": 0, "silent": 0, "stuck_loops": []}
    assert told["snapshot"] is None


async def test_it_tells_in_which_form_the_data_is(client: Client, store: Store) -> None:
    async def told() -> bool:
        return (await ask(client))[1]["data"] == {"form": FORM, "known": FORM}

    await eventually(told)


async def test_it_tells_how_far_behind_postgres_is(client: Client, store: Store) -> None:
    await tick_clock(store, now_ms())
    await note_archive(store, "ok", saved_at=now_ms() - 7_000, now=now_ms())
    _, told = await ask(client)
    assert told["parts"]["postgres"] == "ok"
    assert 7 <= told["snapshot"]["lag_seconds"] < 60
    assert told["snapshot"]["at"].endswith("Z")


async def test_a_postgres_that_is_away_is_told_without_its_name_and_stops_nobody(
    client: Client, store: Store
) -> None:
    await tick_clock(store, now_ms())
    await note_archive(store, "ok", saved_at=1, now=now_ms())
    await note_archive(store, "away", detail="host db.internal refused", now=now_ms())
    status, told = await ask(client)
    assert status == 200
    assert told["parts"]["postgres"] == "away"
    assert told["snapshot"]["at"] == "1970-01-01T00:00:00.001Z"
    assert "db.internal" not in str(told)


async def test_a_silent_clock_is_503(client: Client, store: Store) -> None:
    await tick_clock(store, now_ms() - 11_000)
    status, told = await ask(client)
    assert (status, told["parts"]["clock"]) == (503, "silent")


async def test_without_a_worker_alerts_wait_and_nothing_is_restarted_for_it(
    client: Client, store: Store
) -> None:
    await tick_clock(store, now_ms())
    status, told = await ask(client)
    assert (status, told["status"], told["missing"]) == (200, "degraded", ["worker"])
    assert (told["parts"]["worker"], told["workers_online"]) == ("none", 0)
    await be_there(store, "worker", beat_at=now_ms() - 8_000)
    _, told = await ask(client)
    assert (told["status"], told["parts"]["worker"]) == ("degraded", "silent")
    assert told["processes"]["worker"]["silent"] == 1
    await be_there(store, "worker", loops={"rq": now_ms() - 60_000})
    _, told = await ask(client)
    assert (told["status"], told["parts"]["worker"], told["parts"]["loops"]) == ("degraded", "stuck", "stuck")


async def test_a_stuck_loop_is_told_and_counts_while_no_other_clock_does_its_work(
    client: Client, store: Store
) -> None:
    await tick_clock(store, now_ms())
    await be_there(store, "worker")
    await be_there(store, "clock", host="db.internal", loops={"dispatch": now_ms() - 9_000})
    status, told = await ask(client)
    assert (status, told["status"], told["missing"]) == (200, "degraded", ["dispatch"])
    assert told["parts"]["loops"] == "stuck"
    assert told["processes"]["clock"] == {"well": 0, "stuck": 1, "silent": 0, "stuck_loops": ["dispatch"]}
    assert "db.internal" not in str(told)
    await be_there(store, "clock", id="clock-2", loops={"dispatch": now_ms()})
    status, told = await ask(client)
    assert (status, told["status"], told["missing"]) == (200, "ok", [])
    assert told["processes"]["clock"] == {"well": 1, "stuck": 1, "silent": 0, "stuck_loops": ["dispatch"]}


async def test_alerts_wait_while_no_clock_reaches_the_queue(client: Client, store: Store) -> None:
    await tick_clock(store, now_ms())
    await be_there(store, "worker")
    await be_there(store, "clock", gauges={QUEUE_AWAY: 1})
    status, told = await ask(client)
    assert (status, told["status"], told["missing"], told["parts"]["queue"]) == (
        200,
        "degraded",
        ["queue"],
        "away",
    )
    await be_there(store, "clock", id="clock-2", gauges={QUEUE_AWAY: 0})
    _, told = await ask(client)
    assert (told["status"], told["missing"], told["parts"]["queue"]) == ("ok", [], "ok")
