"""What operators did is kept, at most so much, and quotes nothing into the log of the process."""

import logging

import pytest

from tests.lua.parts import NOON
from ttr.store import admin_log
from ttr.store.admin_log import Deed, note, read_log
from ttr.store.redis import Store


async def test_both_kinds_come_back_newest_first(store: Store) -> None:
    await note(store, at=NOON, admin="ops", what="logged in", about="from 203.0.113.9")
    await note(store, at=NOON + 1, admin="", what="login refused", kind="refused")
    await note(store, at=NOON + 2, admin="ops", what="paused a check", about="check 7")
    assert await read_log(store) == [
        Deed(NOON + 2, "ops", "paused a check", "check 7"),
        Deed(NOON + 1, "", "login refused", "", refused=True),
        Deed(NOON, "ops", "logged in", "from 203.0.113.9"),
    ]


async def test_a_flood_of_refusals_pushes_out_no_deed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_log, "KEPT", 3)
    await note(store, at=NOON, admin="ops", what="logged in")
    for number in range(5):
        await note(store, at=NOON + number, admin="", what=f"refused {number}", kind="refused")
    assert [deed.what for deed in await read_log(store)] == [
        "refused 4",
        "refused 3",
        "refused 2",
        "logged in",
    ]


async def test_a_line_break_begins_no_line_of_the_log(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await note(store, at=NOON, admin="ops", what="edited", about="x\nERROR all is lost")
    assert "\n" not in caplog.text.strip()
