"""The installation's figures on pages: what they say, to whom, and that nobody's look at them costs Redis anything."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from quart import Quart

from tests.admins import make_admin
from tests.domain.test_summary import WELL
from tests.web.admin.conftest import log_in
from tests.web.conftest import Visitor, text
from ttr import __version__
from ttr.app import create_app
from ttr.domain.summary import LATENCIES, Summary
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.store.users import User
from ttr.summary import Summaries
from ttr.web.figures import _NAMES, Seen, time_words

FOOT, PANEL = "/operations/foot", "/operations/panel"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Summary | None]:
    """What is told as the summary: the last in the list."""
    found: list[Summary | None] = [WELL]

    async def soon(_: Summaries) -> Summary | None:
        return found[-1]

    monkeypatch.setattr(Summaries, "soon", soon)
    return found


@asynccontextmanager
async def closed(settings: Settings) -> AsyncIterator[Quart]:
    """The app where the figures are for admins."""
    app = create_app(settings.model_copy(update={"metrics_summary": "admin"}))
    async with app.test_app():
        yield app


def foot_of(page: str) -> str:
    found = re.search(r'<p class="foot" id="foot".*?</p>', page, re.DOTALL)
    assert found
    return found[0]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.0, "under 1 ms"),
        (0.0004, "under 1 ms"),
        (0.0006, "1 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (1.44, "1.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (1234.5, "1,234 s"),
    ],
)
def test_a_time_has_few_digits(seconds: float | None, words: str) -> None:
    assert time_words(seconds) == words


def test_every_latency_is_shown() -> None:
    assert set(_NAMES) == set(LATENCIES)
    assert len(Seen(WELL, "/operations").times) == 5


async def test_a_page_tells_how_all_of_it_does(visitor: Visitor, told: list[Summary | None]) -> None:
    for summary, words in (
        (
            replace(WELL, averages=WELL.averages | {"ping": 0.012}),
            ("all well", "1 worker online", "pings 12 ms"),
        ),
        (replace(WELL, workers=1_200), ("all well", "1,200 workers online")),
        (replace(WELL, averages=WELL.averages | {"api": 1.1}), (">slow<",)),
        (replace(WELL, workers=0), ("no worker",)),
        (replace(WELL, missing=("dispatch",)), (">stuck<", "1 worker online")),
        (replace(WELL, queue_depth=None), ("queue away",)),
        (replace(WELL, clock_is_silent=True), ("clock silent",)),
        (None, ("no figures",)),
    ):
        told.append(summary)
        foot = foot_of(await visitor.read("/"))
        for word in (f"ttr {__version__}", *words):
            assert word in foot, summary


async def test_the_panel_tells_each_part_by_shape_and_word(
    owner: Visitor, told: list[Summary | None]
) -> None:
    some = {"ping": 0.2, "api": 1.1, "redis": 0.001, "db": None, "queue": 0.02}
    told.append(replace(WELL, averages=some, queue_depth=1_312, workers=3, checks=12_345))
    page = await owner.read("/dashboard")
    panel = page[page.index('id="operations-figures"') :]
    for words in ("1,312", "12,345", "200 ms", "1.1 s"):
        assert words in panel
    for shape, word in (("late", "slow"), ("down", "very slow"), ("success", "good"), ("ignored", "no data")):
        assert re.search(rf'#{shape}"/></svg><span class="status__word">{word}<', panel), word
    assert "<details" in page[: page.index('id="operations-figures"')].rpartition("\n")[0]
    told.append(replace(WELL, clock_is_silent=True))
    assert "The clock is silent" in await owner.read(PANEL)
    told.append(replace(WELL, workers=0))
    assert "No worker is online" in await owner.read(PANEL)
    told.append(replace(WELL, missing=("dispatch",)))
    assert "dispatch. Alerts may wait." in await owner.read(PANEL)
    told.append(replace(WELL, queue_depth=None))
    assert "The job queue does not answer" in await owner.read(PANEL)
    told.append(None)
    assert "no figures" in await owner.read(PANEL)


@pytest.mark.parametrize("path", [FOOT, PANEL])
async def test_what_has_not_changed_is_not_sent(
    visitor: Visitor, told: list[Summary | None], path: str
) -> None:
    first = await visitor.read(path, htmx=True)
    found = re.search(rf'hx-get="({path}\?shown=[0-9a-f]+)"', first)
    assert found
    assert (await visitor.get(found[1], htmx=True)).status_code == 204
    # What nobody sees does not count.
    told.append(replace(WELL, averages=WELL.averages | {"ping": 0.0011}))
    assert (await visitor.get(found[1], htmx=True)).status_code == 204
    told.append(None)
    assert (await visitor.get(found[1], htmx=True)).status_code == 200
    told.append(replace(WELL, workers=2))
    assert (await visitor.get(found[1], htmx=True)).status_code == 200
    assert (await visitor.get(f"{path}?shown=%00", htmx=True)).status_code == 200


async def test_open_pages_cost_redis_nothing(owner: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttr.summary._KEPT_SECONDS", 60)
    await owner.read(PANEL)
    sent: list[Any] = []

    async def execute(*args: Any, **_: Any) -> None:
        sent.append(args)

    # The app's own ticks don't count: they come from no request.
    monkeypatch.setattr("ttr.web.security.session_user", execute)
    monkeypatch.setattr("ttr.store.metrics.read_sums", execute)
    monkeypatch.setattr(Summaries, "_read", execute)
    for _ in range(5):
        await owner.read(FOOT, htmx=True)
        await owner.read(PANEL, htmx=True)
    assert sent == []


async def test_closed_the_figures_are_for_admins(
    settings: Settings, store: Store, account: tuple[User, str], told: list[Summary | None]
) -> None:
    async with closed(settings) as app:
        someone = Visitor(app.test_client())
        await someone.post("/login", auth_key=account[1])
        for path in ("/dashboard", "/", "/account", FOOT, PANEL, "/nowhere"):
            page = await text(await someone.get(path))
            assert "online" not in page
            assert "data-pulse" not in page
            assert 'id="operations"' not in page
        assert f"ttr {__version__}" in foot_of(await someone.read("/dashboard"))
        assert (await someone.get("/admin/operations/foot")).headers["Location"] == "/admin/login"
        assert "data-pulse" not in await someone.read("/admin/login")

        await make_admin(store)
        ops = Visitor(app.test_client())
        await log_in(ops)
        foot = foot_of(await ops.read("/admin"))
        assert "1 worker online" in foot
        found = re.search(r'hx-get="(/admin/operations/foot\?shown=[0-9a-f]+)"', foot)
        assert found
        assert (await ops.get(found[1], htmx=True)).status_code == 204
        told.append(replace(WELL, workers=2))
        assert "2 workers online" in await text(await ops.get(found[1], htmx=True))
        # Their cookie is for their own pages.
        assert "online" not in await ops.read(FOOT)


async def test_status_pages_have_none_of_it(visitor: Visitor, account: tuple[User, str]) -> None:
    page = await text(await visitor.get(f"/s/{account[0].public_slug}"))
    assert "Watched by ttr" in page
    assert "data-pulse" not in page
    assert "online" not in page


async def test_no_page_waits_for_its_figures(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    freed = asyncio.Event()

    async def read(_: Summaries) -> Summary:
        await freed.wait()
        return WELL

    monkeypatch.setattr("ttr.summary._KEPT_SECONDS", 0)
    monkeypatch.setattr("ttr.summary._PATIENCE_SECONDS", 60)
    await visitor.read("/")
    monkeypatch.setattr("ttr.summary._PATIENCE_SECONDS", 0)
    monkeypatch.setattr(Summaries, "_read", read)
    assert "clock silent" in foot_of(await visitor.read("/"))  # as before
    monkeypatch.setattr("ttr.summary._OLD_SECONDS", 0)
    assert "no figures" in foot_of(await visitor.read("/"))
    freed.set()
