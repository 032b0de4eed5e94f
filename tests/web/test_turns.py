"""Turns: whatever is written, pings wait for 2 ms of it."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator

import pytest
from quart import Quart

from tests.lua.parts import make_check
from ttr.domain.status_page import Entry, StatusPage, StatusPageSettings
from ttr.now import now_ms
from ttr.published import publish_page
from ttr.store.redis import Store
from ttr.store.users import User
from ttr.web import turns
from ttr.web.public_feed import feed
from ttr.web.public_pages import locate
from ttr.web.public_reply import HTML, pack
from ttr.web.reply import page


async def test_many_pages_together_take_one_turn_of_the_loop(
    app: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pings share the loop: what one turn of it costs must not grow with the pages that are written."""
    worked, seen = itertools.count(), []
    monkeypatch.setattr(turns, "worked_ms", lambda: next(worked))

    async def parts(name: int) -> AsyncIterator[str]:
        for _ in range(20):
            seen.append(name)
            yield "part"

    async def ping() -> None:
        while True:
            seen.append(-1)
            await asyncio.sleep(0)

    async with app.test_request_context("/"):
        pinging = asyncio.create_task(ping())
        await asyncio.gather(*(pack(parts(name), HTML, "version") for name in range(10)))
        pinging.cancel()
    each = [set(turn) for mine, turn in itertools.groupby(seen, lambda name: name < 0) if not mine]
    assert max(map(len, each)) == 1
    assert {name for turn in each[:20] for name in turn} == set(range(10))  # nobody waits for another's end


async def test_a_page_of_an_owner_is_written_in_many_turns(
    app: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked, others = itertools.count(), itertools.count()
    monkeypatch.setattr(turns, "worked_ms", lambda: next(worked))

    async def ping() -> None:
        while True:
            next(others)
            await asyncio.sleep(0)

    async with app.test_request_context("/"):
        pinging = asyncio.create_task(ping())
        await page("errors/error.html", 404, status=404, title="Not found", sentence="Gone.")
        pinging.cancel()
    assert next(others) > 5


async def test_data_is_written_check_by_check(app: Quart, store: Store, account: tuple[User, str]) -> None:
    user, now = account[0], now_ms()
    for number in range(3):
        await make_check(store, user, name=f"check {number}", slug=None, tags=("all",))
    page = StatusPage(0, "", user.id, StatusPageSettings("P", "p", entries=(Entry("tag", "all"),)), 0, 0, "")
    async with app.test_request_context("/"):
        made = await publish_page(store, user, page, now=now, watching=True, locate=locate)
    parts = [part async for part in feed(made, stale=False)]
    assert [part.count('"daily_uptime"') for part in parts] == [0, 1, 1, 1, 0]
    assert [check["name"] for check in json.loads("".join(parts))["checks"]] == [
        "check 0",
        "check 1",
        "check 2",
    ]
