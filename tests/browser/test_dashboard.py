"""The list of checks in a browser: filtered while one types, selected, looked into, and never taken out of hand."""

import re

import pytest
from playwright.async_api import Dialog, Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_journey import get_a_key, ping

pytestmark = pytest.mark.browser


async def make_checks(page: Page, *names: str) -> None:
    """Checks with these names, each with a tag of the name's first word; the page is the dashboard afterwards."""
    for name in names:
        await page.goto("/checks/new")
        await page.locator("#name").fill(name)
        await page.locator("#tags").fill(name.split()[0].lower())
        await page.get_by_role("button", name="Create check").click()
        await expect(page.get_by_role("heading", name=name)).to_be_visible()
    await page.goto("/dashboard")
    await expect(page.locator("[data-check]")).to_have_count(len(names))


async def test_the_list_narrows_while_one_types_and_the_address_with_it(visit: Visit) -> None:
    page = visit.page
    await get_a_key(page)
    await make_checks(page, "Backup of mail", "Backup of files", "Import")
    await page.evaluate("document.body.dataset.loaded = 'once'")
    search = page.locator("#q")
    await search.press_sequentially("backup fi")
    await expect(page.locator("[data-check]")).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"/dashboard\?q=backup\+fi$"))
    await expect(search).to_be_focused()
    assert await page.evaluate("document.getElementById('q').selectionStart") == len("backup fi")
    assert await page.evaluate("document.body.dataset.loaded") == "once"
    await search.fill("nothing like it")
    await expect(page.get_by_role("heading", name="No check is like that")).to_be_visible()
    await search.fill("backup")
    await expect(page.locator("[data-check]")).to_have_count(2)

    # A link from there keeps the search, and the way back leads to it.
    await page.locator("#sort-name").click()
    await expect(page).to_have_url(re.compile(r"/dashboard\?q=backup&sort=name$"))
    await expect(page.locator("#q")).to_have_value("backup")
    assert await page.locator(".check-list__name").all_inner_texts() == ["Backup of files", "Backup of mail"]
    await page.locator("#sort-name").click()
    await expect(page.locator("th[aria-sort=descending]")).to_have_count(1)
    assert await page.locator(".check-list__name").all_inner_texts() == ["Backup of mail", "Backup of files"]
    # Typing keeps the order that was chosen.
    await page.locator("#q").fill("back")
    await expect(page).to_have_url(re.compile(r"/dashboard\?q=back&sort=name&dir=desc$"))
    await page.get_by_role("link", name="Backup of mail").click()
    await expect(page.get_by_role("heading", name="Backup of mail")).to_be_visible()
    await page.go_back()
    await expect(page.locator("#q")).to_have_value("back")
    await expect(page.locator("[data-check]")).to_have_count(2)
    await page.reload()
    await expect(page.locator("[data-check]")).to_have_count(2)


async def test_tags_narrow_the_list(visit: Visit) -> None:
    page = visit.page
    await get_a_key(page)
    await make_checks(page, "Backup of mail", "Import")
    await page.locator("#tag-filter > summary").click()
    await page.locator("#tag-filter").get_by_label("backup").check()
    await expect(page.locator("[data-check]")).to_have_count(1)
    await expect(page.locator("#tag-filter")).to_have_attribute("open", "")
    await page.locator("#tag-filter").get_by_label("import").check()
    await expect(page.get_by_role("heading", name="No check is like that")).to_be_visible()
    await page.get_by_label("any of them").check()
    await expect(page.locator("[data-check]")).to_have_count(2)
    await page.keyboard.press("Escape")
    await expect(page.locator("#tag-filter > summary")).to_be_focused()
    await page.locator("#unfiltered").click()
    await expect(page).to_have_url(re.compile("/dashboard$"))


async def test_a_selection_is_paused_resumed_tagged_and_deleted(visit: Visit) -> None:
    page = visit.page
    await get_a_key(page)
    await make_checks(page, "One", "Two", "Three")
    await expect(page.locator("#bulk")).to_be_hidden()
    await page.get_by_label("Select One").check()
    await page.get_by_label("Select Two").check()
    await expect(page.locator("#selected")).to_have_text("2 checks selected")
    await expect(page.locator("#announcer")).to_have_text("2 checks selected.")
    await page.get_by_role("button", name="Refresh now").click()
    await expect(page.get_by_label("Select Two")).to_be_checked()

    await page.locator("#bulk-pause").click()
    await expect(page.locator("[data-check][data-status=paused]")).to_have_count(2)
    await expect(page.locator("#announcer")).to_have_text("2 checks are paused.")
    await expect(page.locator("#count-paused .counter__number")).to_have_text("2")
    await expect(page.get_by_label("Select One")).to_be_checked()
    await expect(page.locator("#selected")).to_have_text("2 checks selected")
    await page.locator("#bulk-resume").click()
    await expect(page.locator("[data-check][data-status=paused]")).to_have_count(0)

    await page.locator("#bulk-tags > summary").click()
    await page.locator("#tags").fill("night, x" + "y" * 60)
    await page.locator("#bulk-tag").click()
    await expect(page.locator("#notice")).to_contain_text("50")
    await expect(page.get_by_label("Select One")).to_be_checked()
    await page.locator("#bulk-tags").evaluate("menu => { menu.open = true; }")
    await page.locator("#tags").fill("night")
    await page.locator("#bulk-tag").click()
    await expect(page.locator(".check-list .tag", has_text="night")).to_have_count(2)

    await page.locator("#bulk-delete").click()
    await expect(page.get_by_role("heading", name="Delete these 2 checks?")).to_be_visible()
    await page.get_by_role("button", name="Delete").click()
    await expect(page.locator("[data-check]")).to_have_count(1)
    await expect(page.locator("#notice")).to_have_text("2 checks are deleted.")

    await page.locator("#select-page").check()
    await expect(page.locator("#selected")).to_have_text("1 check selected")
    await page.locator("#select-none").click()
    await expect(page.locator("#select-page")).not_to_be_checked()


async def test_a_selection_works_without_javascript(plain_visit: Visit) -> None:
    page = plain_visit.page
    await get_a_key(page)
    await make_checks(page, "One", "Two")
    await page.get_by_label("Select One").check()
    await page.locator("#bulk-pause").click()
    await expect(page.locator("[data-check][data-status=paused]")).to_have_count(1)
    await page.get_by_role("button", name="Resume One").click()
    await expect(page.locator("[data-check][data-status=paused]")).to_have_count(0)
    await page.locator("[data-check]", has_text="Two").locator(".menu > summary").click()
    await page.locator("[data-check]", has_text="Two").get_by_role("button", name="Delete").click()
    await page.get_by_role("button", name="Delete").click()
    await expect(page.locator("[data-check]")).to_have_count(1)
    await page.locator("#q").fill("two")
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_role("heading", name="No check is like that")).to_be_visible()


async def test_a_menu_stays_open_and_its_dialog_gives_the_focus_back(visit: Visit) -> None:
    page = visit.page
    await get_a_key(page)
    await make_checks(page, "Backup")
    await visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy the ping URL of Backup").click()
    url = await page.evaluate("navigator.clipboard.readText()")
    menu = page.locator("[data-check] .menu")
    await menu.locator("summary").click()
    await ping(url, "<b>all is well</b>")
    await expect(page.locator("[data-check]")).to_have_attribute("data-status", "up")
    await expect(menu).to_have_attribute("open", "")
    await menu.get_by_role("link", name="Last content").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.locator("pre")).to_have_text("<b>all is well</b>")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(menu.locator("summary")).to_be_focused()
    await menu.locator("summary").press("Enter")
    await menu.get_by_role("link", name="Recent pings").press("Enter")
    await expect(dialog).to_contain_text("success")
    await dialog.get_by_role("button", name="Close").click()
    await expect(menu.locator("summary")).to_be_focused()
    await menu.locator("summary").click()
    await page.get_by_role("heading", name="Checks").click()
    await expect(menu).not_to_have_attribute("open", "")


async def test_deleting_from_a_row_asks(visit: Visit) -> None:
    page = visit.page
    await get_a_key(page)
    await make_checks(page, "Backup", "Import")

    async def answer(dialog: Dialog) -> None:
        assert "Delete Backup?" in dialog.message
        await dialog.accept()

    page.on("dialog", answer)
    backup = page.locator("[data-check]", has_text="Backup")
    await backup.locator(".menu > summary").click()
    await backup.get_by_role("button", name="Delete").click()
    await expect(page.locator("[data-check]")).to_have_count(1)
    await expect(page.locator("#announcer")).to_have_text("Backup is deleted.")


async def test_a_url_is_copied_where_the_browser_has_no_clipboard_to_offer(visit: Visit) -> None:
    # As on http:// at any address but this machine's own.
    page = visit.page
    await page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    await get_a_key(page)
    await make_checks(page, "Backup")
    button = page.get_by_role("button", name="Copy the ping URL of Backup")
    await button.click()
    await expect(page.locator("#announcer")).to_have_text("Copied.")
    await expect(button).to_be_focused()
    await page.locator("#q").press("Control+V")
    await expect(page.locator("#q")).to_have_value(re.compile(rf"^{visit.base}/p/[a-z0-9]+/"))
