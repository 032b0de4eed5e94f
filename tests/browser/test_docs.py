"""The documentation in a browser: found while one types, copied by one click, and read without JavaScript as well."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit

pytestmark = pytest.mark.browser


async def test_what_is_typed_is_looked_for_and_a_place_is_opened(visit: Visit) -> None:
    page = visit.page
    await page.goto("/docs/operations")
    await page.keyboard.press("/")  # leads to the field, as on the list of checks
    await page.keyboard.type("SNAPSHOT_interval")
    found = page.locator("#found li")
    await expect(found.first).to_be_visible()
    await expect(page.locator("#found mark").first).to_have_text(
        re.compile("snapshot_interval", re.IGNORECASE)
    )
    await expect(page).to_have_url(re.compile("/docs/operations$"))
    await page.locator("#q").fill("")
    await expect(found).to_have_count(0)
    await page.locator("#q").fill("changing secret_key")
    await page.locator("#found a", has_text="Changing SECRET_KEY").click()
    await expect(page).to_have_url(re.compile("/docs/operations#changing-secret_key$"))
    await page.locator("#q").fill("grace")
    await page.locator("#q").press("Enter")
    await expect(page).to_have_url(re.compile(r"/docs/search\?q=grace$"))
    await expect(found.first).to_be_visible()


async def test_commands_are_copied_with_the_installations_address(visit: Visit) -> None:
    await visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit.page
    await page.goto("/docs/json-api")
    await page.locator(".doc__code .copy__button").first.click()
    await expect(page.locator("#announcer")).to_have_text("Copied.")
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"BASE={visit.base}\ncurl -s -X POST $BASE/api/v1/keys")


async def test_it_is_read_and_searched_without_javascript(plain_visit: Visit) -> None:
    page = plain_visit.page
    await page.goto("/docs")
    await page.locator("#q").fill("time zone")
    await page.get_by_role("button", name="Search").click()
    await page.locator("#found a").first.click()
    await expect(page.locator("article h1")).to_be_visible()
    await page.get_by_role("link", name="Next").click()
    await expect(page.locator(".docs__nav [aria-current=page]")).to_have_count(1)
    assert await page.locator(".copy__button:visible").count() == 0


async def test_on_a_phone_the_text_comes_first_and_pages_after_it(visit: Visit) -> None:
    page = visit.page
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto("/docs/settings")
    title, nav = await page.locator("h1").bounding_box(), await page.locator("#docs-nav").bounding_box()
    assert title is not None
    assert nav is not None
    assert title["y"] < 300 < nav["y"]
    await page.locator(".docs__fold summary").click()
    await page.locator(".docs__fold a").first.click()
    await expect(page).to_have_url(re.compile("#"))
    await page.goto("/docs/settings")
    await page.get_by_role("link", name="All pages").click()
    await expect(page.locator("#docs-nav a").first).to_be_in_viewport()
