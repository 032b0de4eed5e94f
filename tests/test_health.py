"""GET /health: what makes it 503, and what it only tells."""

from typing import Any

from quart.typing import TestClientProtocol as Client

from ttr.now import now_ms
from ttr.store.archive_state import note_archive
from ttr.store.deadlines import tick_clock
from ttr.store.redis import Store


async def ask(client: Client) -> tuple[int, dict[str, Any]]:
    """The status and the JSON."""
    answer = await client.get("/health")
    return answer.status_code, await answer.get_json()


async def test_without_an_archive_all_is_well(client: Client, store: Store) -> None:
    await tick_clock(store, now_ms())
    status, told = await ask(client)
    assert status == 200
    assert told["status"] == "ok"
    assert told["parts"] == {"redis": "ok", "clock": "ok", "web": "ok", "postgres": "off"}
    assert told["snapshot"] is None


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
