"""What `ttr doctor` says of the archive, at the edges of its judgement."""

import pytest

from tests.lua.parts import NOON, make_user
from ttr.archive import examine as subject
from ttr.archive.database import Database
from ttr.archive.examine import examine
from ttr.archive.snapshot import snapshot
from ttr.store.archive_state import note_archive
from ttr.store.redis import Store


async def of_snapshots(store: Store, database: Database, *, interval: float = 10) -> tuple[str, str]:
    """The last finding's level and text."""
    last = (await examine(store, database, interval=interval))[-1]
    assert last.subject == "snapshot"
    return last.level, last.text


@pytest.mark.parametrize(("interval", "late_after"), [(10, 120), (20, 120), (60, 360)])
async def test_a_snapshot_that_is_late(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch, interval: float, late_after: int
) -> None:
    await make_user(store)
    await snapshot(store, database)
    async with database.connection() as connection:
        await connection.execute("update partitions set saved_at = to_timestamp(%s)", (NOON / 1000,))
    for ms, level in ((late_after * 1000, "ok"), (late_after * 1000 + 1, "warning")):
        monkeypatch.setattr(subject, "now_ms", lambda ms=ms: NOON + ms)
        found, text = await of_snapshots(store, database, interval=interval)
        assert found == level
        assert text.startswith(f"The last one is {late_after} s old; 0 changes wait for the next.")


async def test_what_the_clock_says(store: Store, database: Database) -> None:
    assert await of_snapshots(store, database) == (
        "warning",
        "None was taken yet. Start `ttr up`, or run `ttr snapshot`.",
    )
    await make_user(store)
    await snapshot(store, database)
    await make_user(store)
    await note_archive(store, "refused", detail="It is odd.", now=NOON)
    level, text = await of_snapshots(store, database)
    assert level == "bad"
    assert text.endswith(" 1 changes wait for the next. The clock says: It is odd.")


async def test_the_archive_of_another_redis(store: Store, database: Database) -> None:
    await make_user(store)
    await snapshot(store, database)
    await store.redis.flushall()
    last = (await examine(store, database, interval=10))[-1]
    assert (last.level, last.subject) == ("bad", "archive")
    assert "holds the archive of another Redis, with 1 account:" in last.text
    assert "`ttr restore --force`" in last.text
