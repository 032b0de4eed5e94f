"""The log across the border between Redis and Postgres, and the ranges of run times, as a reader goes through them."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.archive.past import WINDOW, make_past, with_archive
from tests.browser.conftest import Visit
from tests.browser.entry import enter
from tests.browser.looks import objections
from ttr.archive.database import Database
from ttr.archive.snapshot import snapshot
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.redis import Store

pytestmark = pytest.mark.browser

MINUTE = 60_000


@pytest.fixture
def settings(settings: Settings, database_url: str, patient: None) -> Settings:
    """With the test's Postgres."""
    return with_archive(settings, database_url)


async def open_past(visit: Visit, store: Store, database: Database, path: str) -> None:
    """An account with a check of 90 pings, 80 of which have left Redis, is logged in and looks at a page of it."""
    user = await enter(visit)
    check = await make_past(store, database, user, 90, first=now_ms() - 200 * MINUTE)
    await snapshot(store, database)
    async with database.connection() as connection:
        await connection.execute("update pings set duration_ms = 1000 * number where kind <> 'log'")
    await visit.page.goto(f"/checks/{check.id}{path}")


async def walk_the_log(page: Page) -> None:
    lines = page.locator(".log__line")
    await expect(page.locator("#ping-90")).to_be_visible()
    await expect(page.locator(f"#ping-{90 - WINDOW}")).to_have_count(0)
    await page.get_by_role("link", name="Older").click()
    await expect(page.locator(f"#ping-{90 - WINDOW}")).to_be_visible()
    await expect(lines).to_have_count(50)
    await page.get_by_role("link", name="Older").click()
    await page.get_by_role("link", name="Older").click()
    await expect(page.locator("#ping-1")).to_be_visible()
    await expect(page.get_by_role("link", name="Older")).to_have_count(0)
    await page.get_by_role("link", name="Ping 1", exact=True).click()
    await expect(page.get_by_role("heading", name="Ping 1", exact=True)).to_be_visible()
    await page.go_back()
    for _ in range(3):
        await page.get_by_role("link", name="Newer").click()
    await expect(page.locator("#ping-90")).to_be_visible()
    await expect(page.get_by_role("link", name="Newer")).to_have_count(0)


async def test_the_log_goes_on_in_postgres(visit: Visit, store: Store, database: Database) -> None:
    page = visit.page
    await open_past(visit, store, database, "/log")
    await walk_the_log(page)
    # The filter starts anew at the newest page, and goes on as well.
    await page.get_by_label("fail", exact=True).check()
    await expect(page.locator(".log__line")).to_have_count(3)
    await page.get_by_role("link", name="Older").click()
    await expect(page.locator(".log__line")).to_have_count(20)
    await expect(page.get_by_label("fail", exact=True)).to_be_checked()


async def test_the_log_goes_on_without_scripts(plain_visit: Visit, store: Store, database: Database) -> None:
    page = plain_visit.page
    await open_past(plain_visit, store, database, "/log")
    await walk_the_log(page)


async def choose_ranges(page: Page, *, scripts: bool) -> None:
    await page.get_by_role("link", name="A year").click()
    await expect(page).to_have_url(re.compile(r"/history#year$"))
    await page.evaluate("document.body.dataset.loaded = 'once'")
    for name, address, words in (
        ("7 days", "7d", "68 runs ended in 7 days"),
        ("90 days", "90d", "68 runs ended in 90 days"),
        ("Year", "365d", "68 runs ended in a year"),
    ):
        link = page.get_by_role("navigation", name="Run times: which").get_by_role(
            "link", name=name, exact=True
        )
        await link.click()
        await expect(page.locator("#history")).to_contain_text(words)
        await expect(page).to_have_url(re.compile(rf"/history\?range={address}$"))
        await expect(link).to_have_attribute("aria-current", "true")
    assert await page.evaluate("document.body.dataset.loaded || ''") == ("once" if scripts else "")
    assert await page.locator(".run-chart__bars g title").count() >= 1
    await expect(page.locator(".months tbody tr")).to_have_count(12)


async def test_ranges_change_in_place(visit: Visit, store: Store, database: Database) -> None:
    await open_past(visit, store, database, "")
    await choose_ranges(visit.page, scripts=True)


async def test_ranges_are_links_without_scripts(plain_visit: Visit, store: Store, database: Database) -> None:
    await plain_visit.page.set_viewport_size({"width": 390, "height": 844})
    await open_past(plain_visit, store, database, "")
    await choose_ranges(plain_visit.page, scripts=False)
    assert await plain_visit.page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_axe_objects_to_nothing(visit: Visit, store: Store, database: Database) -> None:
    await open_past(visit, store, database, "/history?range=7d")
    assert await objections(visit.page, "history", all_looks=False) == []
