"""The log of a check and the page of a ping, with JavaScript and without."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.entry import enter
from tests.browser.looks import objections
from tests.browser.test_journey import ping

pytestmark = pytest.mark.browser


async def log_of_new_check(visit: Visit) -> str:
    """A new check's log is open; its ping URL."""
    page = visit.page
    await enter(visit)
    await page.goto("/checks/new")
    await page.locator("#name").fill("Backup")
    await page.get_by_role("button", name="Create check").click()
    url = await page.locator("#live .copy__text").first.inner_text()
    await page.get_by_role("link", name="Log", exact=True).click()
    await expect(page.get_by_role("heading", name="Nothing has happened yet")).to_be_visible()
    return url


async def test_a_ping_turns_up_by_itself_and_the_filter_narrows(visit: Visit) -> None:
    page = visit.page
    url = await log_of_new_check(visit)
    async with page.expect_response("**/events*"):
        await page.reload()
    await page.evaluate("document.body.dataset.loaded = 'once'")
    await ping(url + "/3", "disk full")
    await expect(page.locator("#ping-1")).to_contain_text("exit status 3")
    await expect(page.locator("#flip-1")).to_contain_text("down")
    await expect(page.locator("#alarm")).to_have_text("Backup is down.")
    await expect(page).to_have_title(re.compile(r"^\(down\) Log of Backup"))
    await ping(url)
    await expect(page.locator("#ping-2")).to_contain_text("success")
    await expect(page.locator("#announcer")).to_have_text("Backup is up again.")
    assert await page.locator(".log__line").evaluate_all("lines => lines.map(line => line.id)") == [
        *("flip-2", "ping-2", "flip-1", "ping-1"),
    ]

    # The filter refines the page and its address, and what is new passes through it.
    box = page.get_by_label("fail", exact=True)
    await box.check()
    await expect(page.locator(".log__line")).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"/log\?kind=fail$"))
    await ping(url + "/fail")
    await expect(page.locator("#ping-3")).to_contain_text("fail")
    await expect(page.locator(".log__line")).to_have_count(2)
    await expect(box).to_be_focused()
    await page.get_by_label("UTC", exact=True).check()
    await expect(page).to_have_url(re.compile(r"/log\?kind=fail&zone=utc$"))
    assert await page.evaluate("document.body.dataset.loaded") == "once"
    await page.reload()
    await expect(box).to_be_checked()
    await expect(page.locator(".log__line")).to_have_count(2)

    # A ping's page, and the way back.
    await page.get_by_role("link", name="Ping 1", exact=True).click()
    await expect(page.get_by_role("heading", name="Ping 1", exact=True)).to_be_visible()
    await expect(page.locator("#body pre")).to_have_text("disk full")
    await page.get_by_role("link", name="Newer: 2").click()
    await expect(page.get_by_role("heading", name="Ping 2", exact=True)).to_be_visible()
    await page.go_back()
    await page.go_back()
    await expect(page.get_by_label("fail", exact=True)).to_be_checked()


async def test_the_log_is_filtered_and_paged_without_scripts(plain_visit: Visit) -> None:
    page = plain_visit.page
    await page.set_viewport_size({"width": 390, "height": 844})
    url = await log_of_new_check(plain_visit)
    for number in range(60):
        await ping(url + ("/fail" if number == 30 else "/log"))
    await page.reload()
    await expect(page.locator(".log__line")).to_have_count(50)
    await page.get_by_role("link", name="Older").click()
    await expect(page.locator(".log__line")).to_have_count(11)
    await expect(page.locator("#ping-1")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.get_by_role("link", name="Newer").click()
    await expect(page.locator("#ping-60")).to_be_visible()
    await page.get_by_label("status changes").check()
    await page.get_by_label("fail", exact=True).check()
    await page.get_by_role("button", name="Show").click()
    await expect(page).to_have_url(re.compile(r"kind=fail&kind=status"))
    await expect(page.locator(".log__line")).to_have_count(2)
    await page.get_by_role("link", name="Ping 31", exact=True).click()
    await expect(page.locator("dl.facts")).to_contain_text("It made the check")


async def test_axe_objects_to_nothing(visit: Visit) -> None:
    page = visit.page
    url = await log_of_new_check(visit)
    rid = "?rid=1b4e28ba-2fa1-11d2-883f-0016d3cca427"
    for path in (f"/start{rid}", f"/log{rid}", f"/3{rid}", ""):
        await ping(url + path, "a line")
    found: list[object] = []
    for path in ("log", "pings/3"):
        await page.goto(f"/checks/1/{path}")
        found += await objections(page, path)
    assert found == []
