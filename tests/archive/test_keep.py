"""When the clock does what for the archive."""

import pytest

from tests.lua.parts import make_user
from ttr.archive import keep
from ttr.archive.database import Database
from ttr.archive.keep import COMPARED_EVERY_MS, Rules, _Keeper
from ttr.archive.snapshot import Saved, compared_at, snapshot
from ttr.store.redis import Store


async def test_everything_is_compared_once_a_day(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def noted(store: Store, database: Database, *, compare: bool) -> Saved | None:
        asked.append(compare)
        return await snapshot(store, database, compare=compare)

    monkeypatch.setattr(keep, "snapshot", noted)
    await make_user(store)
    keeper = _Keeper(store, database, Rules(interval_seconds=1, history_days=365, history_pings=1_000))
    await keeper.turn()
    first = await compared_at(database)
    assert first > 0
    for later in (0, COMPARED_EVERY_MS - 1, COMPARED_EVERY_MS):
        monkeypatch.setattr(keep, "now_ms", lambda later=later: first + later)
        await keeper.turn()
    assert asked == [True, False, False, True]
    assert await compared_at(database) > first
