"""The installation's figures on an open page: they follow while they are seen, and ask nothing while they are not."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.entry import enter
from tests.browser.looks import objections
from tests.domain.test_summary import WELL
from ttr.domain.summary import Summary
from ttr.store.redis import Store
from ttr.summary import Summaries

pytestmark = pytest.mark.browser

_OLD_MS = 11_000
"""Longer than figures are good for. Three of them are less than the minute after which htmx gives a request up."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Summary | None]:
    """What is told as the summary: the last in the list."""
    found: list[Summary | None] = [WELL]

    async def soon(_: Summaries) -> Summary | None:
        return found[-1]

    monkeypatch.setattr(Summaries, "soon", soon)
    return found


def asked_of(page: Page) -> Callable[[], list[str]]:
    """Which of the two was asked for since the last look, in order."""
    seen: list[str] = []
    page.on("request", lambda one: seen.append(one.url) if "/operations/" in one.url else None)

    def take() -> list[str]:
        names = [url.partition("/operations/")[2].partition("?")[0] for url in seen]
        seen.clear()
        return names

    return take


async def test_the_panel_follows_while_it_is_open_and_seen(
    lone_visit: Visit, store: Store, told: list[Summary | None]
) -> None:
    page = lone_visit.page
    await enter(lone_visit)
    await page.clock.install()
    await page.goto("/dashboard")
    asked = asked_of(page)
    panel, summary = page.locator("#operations-figures"), page.locator("#operations > summary")
    await expect(panel).to_be_hidden()
    told.append(replace(WELL, queue_depth=77, workers=4))
    # Closed, it asks for nothing; the foot is seen.
    async with page.expect_response("**/operations/foot*"):
        await page.clock.run_for(_OLD_MS)
    await expect(page.locator("#foot")).to_contain_text("4 workers online")
    assert set(asked()) == {"foot"}

    # What is old is asked for as it opens.
    async with page.expect_response("**/operations/panel*"):
        await summary.click()
    await expect(panel).to_contain_text("77")
    await expect(page.locator("#operations")).to_have_attribute("open", "")
    told.append(replace(WELL, queue_depth=78, clock_is_silent=True))
    async with page.expect_response("**/operations/panel*"):
        await page.clock.run_for(_OLD_MS)
    await expect(panel).to_contain_text("The clock is silent")
    await expect(page.locator("#operations")).to_have_attribute("open", "")
    # The same again is not sent.
    async with page.expect_response("**/operations/panel*") as unchanged:
        await page.clock.run_for(_OLD_MS)
    assert (await unchanged.value).status == 204

    await summary.click()
    asked()
    await page.clock.run_for(3 * _OLD_MS)
    async with page.expect_response("**/operations/foot*"):
        await page.clock.run_for(_OLD_MS)
    assert "panel" not in asked()


@pytest.mark.parametrize("how", ["hidden", "held", "beyond"])
async def test_what_nobody_sees_asks_for_nothing(
    lone_visit: Visit, store: Store, told: list[Summary | None], how: str
) -> None:
    page = lone_visit.page
    await enter(lone_visit)
    await page.clock.install()
    await page.goto("/dashboard")
    await page.locator("#operations > summary").click()
    asked = asked_of(page)
    if how == "hidden":
        away = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => window.away})"
        await page.evaluate(f"{away}; window.away = true")
    elif how == "held":
        await page.locator("[data-pause-live]").click()
    else:
        await page.set_viewport_size({"width": 1280, "height": 80})
        await page.evaluate("scrollTo(0, 0)")
    asked()
    await page.clock.run_for(3 * _OLD_MS)
    # An answer that comes after all that would have come, had it been asked for.
    await page.evaluate("fetch('/docs/keyboard').then(answer => answer.text())")
    assert asked() == []
    async with page.expect_response("**/operations/panel*"), page.expect_response("**/operations/foot*"):
        if how == "hidden":
            await page.evaluate("window.away = false")
        elif how == "held":
            await page.locator("[data-pause-live]").click()
        else:
            await page.set_viewport_size({"width": 1280, "height": 900})
        await page.clock.run_for(2_000)


async def test_without_an_answer_the_foot_says_so_until_there_is_one(
    lone_visit: Visit, store: Store, told: list[Summary | None]
) -> None:
    page = lone_visit.page
    await page.clock.install()
    await page.goto("/")
    foot = page.locator("#foot")
    await expect(foot).to_contain_text("all well")
    await page.route("**/operations/foot*", lambda route: route.abort())
    async with page.expect_request("**/operations/foot*"):
        await page.clock.run_for(_OLD_MS)
    await expect(foot).to_have_attribute("data-lost", "")
    await expect(foot.locator(".status")).to_be_hidden()
    await page.unroute("**/operations/foot*")
    async with page.expect_response("**/operations/foot*"):
        await page.clock.run_for(31_000)
    await expect(foot).not_to_have_attribute("data-lost", "")
    await expect(foot.locator(".status")).to_be_visible()
    lone_visit.complaints[:] = [
        said for said in lone_visit.complaints if "ERR_FAILED" not in said and "fetch" not in said
    ]


async def test_without_javascript_they_stand_as_the_page_came(
    plain_visit: Visit, store: Store, told: list[Summary | None]
) -> None:
    page = plain_visit.page
    told.append(replace(WELL, workers=4))
    await enter(plain_visit)
    await page.goto("/dashboard")
    await expect(page.locator("#foot")).to_contain_text("4 workers online")
    await expect(page.locator("#operations-figures")).to_be_hidden()
    await page.locator("#operations > summary").click()
    await expect(page.locator("#operations-figures")).to_contain_text("Alert queue")


@pytest.mark.timeout(300)
async def test_axe_objects_to_no_state_of_the_panel(
    visit: Visit, store: Store, told: list[Summary | None]
) -> None:
    page = visit.page
    await enter(visit)
    some = {"ping": 0.2, "api": 1.1, "redis": 0.001, "db": None, "queue": 75.0}
    found: list[object] = []
    for summary in (replace(WELL, averages=some, clock_is_silent=True, workers=0, queue_depth=1_312), None):
        told.append(summary)
        await page.goto("/dashboard")
        await page.locator("#operations > summary").click()
        found += await objections(page, "panel")
    assert found == []
