"""A page that lies open: it follows what happens, says what is new, and heals."""

import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Visit
from tests.browser.entry import add_checks, enter, ping_url
from tests.browser.test_journey import ping
from tests.lua.parts import settings
from ttr.now import now_ms
from ttr.store.checks import create_check
from ttr.store.redis import Store
from ttr.store.users import User

pytestmark = pytest.mark.browser


async def add_check(visit: Visit, user: User, name: str) -> str:
    """A new check; its ping URL."""
    (check,) = await add_checks(visit.store, user, name)
    return ping_url(visit.base, user, check)


async def streaming(page: Page) -> None:
    """Wait for the stream's first sign of life."""
    async with page.expect_response("**/events*") as opened:
        await page.goto("/dashboard")
    assert (await opened.value).status == 200


async def test_a_row_follows_a_ping_and_what_is_in_hand_survives(visit: Visit) -> None:
    page = visit.page
    user = await enter(visit)
    url = await add_check(visit, user, "Backup")
    await streaming(page)
    row = page.locator("[data-check]")
    button = row.get_by_role("button", name=re.compile("^Ping"))
    await button.focus()
    await page.evaluate("document.body.dataset.loaded = 'once'")
    stream = await page.locator("[id^=stream-]").get_attribute("id")
    await ping(url)
    await expect(row).to_have_attribute("data-status", "up")
    await expect(button).to_be_focused()
    await ping(url + "/fail")
    await expect(row).to_have_attribute("data-status", "down")
    await expect(page.locator("#alarm")).to_have_text("Backup is down.")
    await expect(page).to_have_title(re.compile(r"^\(1 down\) "))
    await expect(page.locator("link[rel=icon]")).to_have_attribute("href", re.compile("favicon-down"))
    await ping(url)
    await expect(page.locator("#announcer")).to_have_text("Backup is up again.")
    await expect(page).to_have_title(re.compile("^Checks"))
    assert await page.evaluate("document.body.dataset.loaded") == "once"
    # The same rows: the same stream.
    assert await page.locator("[id^=stream-]").get_attribute("id") == stream


async def test_one_stream_stays_open_through_many_changes_of_the_list(visit: Visit) -> None:
    page = visit.page
    user = await enter(visit)
    await add_check(visit, user, "First")
    url = await add_check(visit, user, "Second")
    opened: list[str] = []
    page.on("request", lambda request: opened.append(request.url) if "/events" in request.url else None)
    await streaming(page)
    row = page.get_by_role("row", name=re.compile("Second"))
    # A browser has six connections: streams that are left behind would soon hold them all.
    for turn in range(10):
        await ping(url if turn % 2 else f"{url}/fail")
        await expect(row).to_have_attribute("data-status", "up" if turn % 2 else "down")
    assert len(opened) == 1


async def test_other_rows_are_another_stream(visit: Visit) -> None:
    page = visit.page
    user = await enter(visit)
    await add_check(visit, user, "First")
    await streaming(page)
    before = await page.locator("[id^=stream-]").get_attribute("id")
    other = await visit.context.new_page()
    async with page.expect_response("**/events*"):
        url = await add_check(visit, user, "Second")
    await other.close()
    await expect(page.locator("[data-check]")).to_have_count(2)
    await expect(page.locator("[id^=stream-]")).to_have_count(1)
    assert await page.locator("[id^=stream-]").get_attribute("id") != before
    await ping(url)
    await expect(page.get_by_role("row", name=re.compile("Second"))).to_have_attribute("data-status", "up")


async def test_where_streams_are_blocked_polling_takes_over(visit: Visit) -> None:
    page = visit.page
    user = await enter(visit)
    url = await add_check(visit, user, "Backup")

    async def block(route: Route) -> None:
        await route.abort()

    await page.route("**/events*", block)
    await page.goto("/dashboard")
    await ping(url)
    row = page.locator("[data-check]")
    await expect(row).to_have_attribute("data-status", "up", timeout=15_000)
    await expect(page.locator("#outage")).to_be_empty()
    visit.complaints.clear()  # Chromium and htmx complain of the blocked stream


async def test_a_hidden_tab_opens_no_stream_and_asks_nothing(visit: Visit) -> None:
    page = visit.page
    user = await enter(visit)
    await add_check(visit, user, "Backup")
    await streaming(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/assets/" not in request.url else None)
    await page.evaluate(
        "Object.defineProperty(document, 'hidden', {configurable: true, get: () => window.away});"
        "window.away = true; document.dispatchEvent(new Event('visibilitychange'))"
    )
    # Longer than a poll's 5 s: the only way to see that none comes.
    await page.evaluate("new Promise(done => setTimeout(done, 6000))")
    assert asked == []
    async with page.expect_request("**/dashboard/list*"), page.expect_request("**/events*"):
        await page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")


async def test_a_session_that_has_ended_is_said(visit: Visit) -> None:
    page = visit.page
    user = await enter(visit)
    await add_check(visit, user, "Backup")
    await streaming(page)
    other = await visit.context.new_page()
    await other.goto("/dashboard")
    await other.get_by_role("button", name="Log out").click()
    await expect(page.locator("#notice")).to_contain_text("You are logged out")
    await expect(page.locator("#notice a")).to_have_attribute("href", "/")
    visit.complaints.clear()  # Chromium complains of the 401


async def test_a_thousand_changes_are_few_requests(visit: Visit, store: Store) -> None:
    page = visit.page
    user = await enter(visit)
    await add_check(visit, user, "Backup")
    await streaming(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for number in range(1_000):
        await create_check(store, user, settings(name=f"Job {number}"), now=now_ms(), most=2_000)
    await expect(page.locator("#count-all .counter__number")).to_have_text("1,001")
    assert len(asked) < 80, len(asked)
