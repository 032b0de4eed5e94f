"""How the installation does, on the admin pages."""

import pytest
from quart import Quart

from tests.ports import free_port
from tests.web.conftest import Visitor
from ttr.archive.database import open_database
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.archive_state import note_archive
from ttr.store.deadlines import read_clocks, read_known_gaps, tick_clock
from ttr.store.redis import Store


async def test_a_silent_clock_is_said_to_be(operator: Visitor, store: Store) -> None:
    assert "Nobody looks for overdue checks" in await operator.read("/admin/system")
    await tick_clock(store, now_ms())
    page = await operator.read("/admin/system")
    assert "Nobody looks for overdue checks" not in page
    assert "Valkey" in page or "Redis 7" in page
    assert "DATABASE_URL is not set" in page
    assert "None in the last 100 days" in page


async def test_settings_are_there_and_their_secrets_are_not(
    operator: Visitor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBED_BEAT", "1")
    page = await operator.read("/admin/system")
    for field in Settings.model_fields:
        assert f"<code>{field.upper()}</code>" in page
    assert settings.secret_key
    assert settings.encryption_key
    assert settings.secret_key not in page
    assert settings.encryption_key not in page
    assert "the clock is a process of its own" in page


async def test_gaps_and_ticks_are_told_once(operator: Visitor, store: Store) -> None:
    now = now_ms()
    for partition in range(keys.PARTITIONS):
        gap = f"{now - 90_000}:{now - 60_000}"
        await store.redis.zadd(keys.gaps(partition), {gap: now - 60_000})
        await store.redis.hset(keys.clock(partition), "tick", now - partition)
    await store.redis.zadd(keys.gaps(3), {f"{now - 9_000}:{now - 8_000}": now - 8_000})
    assert await read_known_gaps(store, 20) == [(now - 9_000, now - 8_000), (now - 90_000, now - 60_000)]
    assert await read_known_gaps(store, 1) == [(now - 9_000, now - 8_000)]
    assert await read_clocks(store) == [now - partition for partition in range(keys.PARTITIONS)]
    page = await operator.read("/admin/system")
    assert page.count("30.0 s") == 1


async def test_what_the_clock_says_of_snapshots_is_told_as_text(operator: Visitor, store: Store) -> None:
    await note_archive(
        store, "refused", detail="Snapshots leave out <b>1</b> records", saved_at=5, now=now_ms()
    )
    page = await operator.read("/admin/system")
    assert "Snapshots leave out &lt;b&gt;1&lt;/b&gt; records" in page


async def test_a_postgres_that_is_there_is_looked_at(
    app: Quart, operator: Visitor, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_database(database_url) as database:
        monkeypatch.setitem(app.extensions, "ttr_archive", database)
        page = await operator.read("/admin/system")
    assert "which is this version" in page


async def test_a_postgres_that_is_away_is_said_to_be(
    app: Quart, operator: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"postgresql://user:s3cr3t-w0rd@127.0.0.1:{free_port()}/ttr"
    async with open_database(url, wait_seconds=0.5) as database:
        monkeypatch.setitem(app.extensions, "ttr_archive", database)
        page = await operator.read("/admin/system")
    assert "refused" in page
    assert "s3cr3t-w0rd" not in page
