"""The list of checks in a browser: filtered while one types, selected, looked into, and never taken out of hand."""

import re

import pytest
from playwright.async_api import Dialog, expect

from tests.browser.conftest import Visit
from tests.browser.entry import add_checks, enter, ping_url
from tests.browser.test_journey import ping
from tests.lua.parts import make_check
from ttr.now import now_ms
from ttr.store.redis import Store

pytestmark = pytest.mark.browser


async def list_of(visit: Visit, *names: str) -> None:
    """The list of a new account with these checks, each with a tag of the name's first word."""
    user = await enter(visit)
    for name in names:
        first, *_ = words = name.lower().split()
        await make_check(visit.store, user, now=now_ms(), name=name, slug="-".join(words), tags=(first,))
    await visit.page.goto("/dashboard")
    await expect(visit.page.locator("[data-check]")).to_have_count(len(names))


async def test_the_list_narrows_while_one_types_and_the_address_with_it(visit: Visit) -> None:
    page = visit.page
    await list_of(visit, "Backup of mail", "Backup of files", "Import")
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
    await list_of(visit, "Backup of mail", "Import")
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


async def test_typing_in_the_middle_keeps_the_caret(visit: Visit, store: Store) -> None:
    page = visit.page
    user = await enter(visit)
    await add_checks(store, user, "Backup", "Bakery")
    await page.goto("/dashboard")
    search = page.locator("#q")
    await search.press_sequentially("bup")
    await expect(page.get_by_role("heading", name="No check is like that")).to_be_visible()
    await search.press("ArrowLeft")
    await search.press("ArrowLeft")
    await page.keyboard.type("ack")
    await expect(page.locator("[data-check]")).to_have_count(1)
    await page.keyboard.press("Delete")
    await page.keyboard.type("u")
    await expect(search).to_have_value("backup")
    assert await page.evaluate("document.getElementById('q').selectionStart") == len("backu")


async def test_many_tags_have_a_field_of_their_own(visit: Visit, store: Store) -> None:
    page = visit.page
    user = await enter(visit)
    await add_checks(store, user, *(f"Job {letter}" for letter in "ABCDEFGHIJ"))
    await page.goto("/dashboard")
    await page.locator("#tag-filter > summary").click()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/list" in request.url else None)
    await page.locator("#tag-search").press_sequentially("-C")
    shown = page.locator(".tag-filter__tag:visible")
    await expect(shown).to_have_count(1)
    await shown.get_by_label("job-c").check()
    await expect(page.locator("[data-check]")).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"/dashboard\?tag=job-c$"))
    assert [url for url in asked if "tag=job-c" not in url] == []
    await page.locator("#tag-search").fill("")
    await expect(shown).to_have_count(10)


async def test_counters_and_pages_keep_the_filter(visit: Visit, store: Store) -> None:
    page = visit.page
    user = await enter(visit)
    await add_checks(store, user, "Other", *(f"Job {number:02}" for number in range(1, 26)))
    rows, names = page.locator("[data-check]"), page.locator("[data-check] .check-list__name")
    await page.goto("/dashboard?q=job&sort=name")
    await expect(rows).to_have_count(25)
    await page.get_by_role("button", name="10", exact=True).click()
    await expect(rows).to_have_count(10)
    await expect(page).to_have_url(re.compile(r"/dashboard\?q=job&sort=name$"))
    await page.get_by_role("link", name="Next page").click()
    await expect(names.first).to_have_text("Job 11")
    await page.get_by_role("link", name="Next page").click()
    await expect(names).to_have_text([f"Job {number}" for number in range(21, 26)])
    await expect(page.get_by_role("link", name="Next page")).to_have_count(0)
    await expect(page.locator("#q")).to_have_value("job")
    await page.get_by_role("link", name="Previous page").click()
    await expect(names.first).to_have_text("Job 11")

    # From another page it begins at its beginning; the size is remembered.
    await page.goto("/channels")
    await page.goto("/dashboard")
    await expect(rows).to_have_count(10)
    await expect(page.get_by_role("button", name="10", exact=True)).to_have_attribute("aria-pressed", "true")

    await page.get_by_role("button", name="Pause Job").first.click()
    await expect(page.locator("#count-paused .counter__number")).to_have_text("1")
    await page.locator("#count-paused").click()
    await expect(page).to_have_url(re.compile(r"/dashboard\?status=paused$"))
    await expect(rows).to_have_count(1)
    await expect(page.locator("#count-paused")).to_have_attribute("aria-current", "true")
    await page.locator("#q").fill("other")
    await expect(page.get_by_role("heading", name="No check is like that")).to_be_visible()
    await expect(page).to_have_url(re.compile(r"/dashboard\?q=other&status=paused$"))
    await page.locator("#nothing").get_by_role("link", name="Show all").click()
    await expect(rows).to_have_count(10)
    await expect(page.locator("#q")).to_have_value("")


async def test_a_selection_is_paused_resumed_tagged_and_deleted(visit: Visit) -> None:
    page = visit.page
    await list_of(visit, "One", "Two", "Three")
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
    await list_of(plain_visit, "One", "Two")
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


async def test_filter_and_menus_work_without_javascript(plain_visit: Visit, store: Store) -> None:
    page = plain_visit.page
    user = await enter(plain_visit)
    one, *_ = await add_checks(store, user, "One", "Two", "Three")
    await ping(ping_url(plain_visit.base, user, one), "all is well")
    await page.goto("/dashboard")
    rows = page.locator("[data-check]")
    await page.locator("#tag-filter > summary").click()
    await page.locator("#tag-filter").get_by_label("one").check()
    await page.locator("#tag-filter").get_by_label("two").check()
    await page.get_by_label("any of them").check()
    await page.get_by_role("button", name="Search").click()
    await expect(rows).to_have_count(2)
    await page.locator("#q").fill("one")
    await page.locator("#q").press("Enter")
    await expect(rows).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"\?q=one&.*tag=one&tag=two&.*match=any"))

    menu = page.locator(f"#menu-{one.id}")
    await menu.locator("summary").click()
    await menu.get_by_role("link", name="Recent pings").click()
    await expect(page).to_have_url(re.compile(f"/checks/{one.id}/log$"))
    await expect(page.locator("#log")).to_contain_text("success")
    await page.go_back()
    await menu.locator("summary").click()
    await menu.get_by_role("link", name="Last content").click()
    await expect(page.locator("pre")).to_have_text("all is well")

    await page.goto("/dashboard")
    await page.get_by_label("Select One").check()
    await page.get_by_label("Select Two").check()
    await page.locator("#bulk-tags > summary").click()
    await page.locator("#tags").fill("night")
    await page.locator("#bulk-tag").click()
    await expect(page.locator(".check-list .tag", has_text="night")).to_have_count(2)
    await page.get_by_label("Select One").check()
    await page.get_by_label("Select Two").check()
    await page.locator("#bulk-delete").click()
    await expect(page.get_by_role("heading", name="Delete these 2 checks?")).to_be_visible()
    await page.get_by_role("link", name="Keep them").click()
    await expect(rows).to_have_count(3)


async def test_a_menu_stays_open_and_its_dialog_gives_the_focus_back(visit: Visit) -> None:
    page = visit.page
    await list_of(visit, "Backup")
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
    await list_of(visit, "Backup", "Import")

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
    await list_of(visit, "Backup")
    button = page.get_by_role("button", name="Copy the ping URL of Backup")
    await button.click()
    await expect(page.locator("#announcer")).to_have_text("Copied.")
    await expect(button).to_be_focused()
    await page.locator("#q").press("Control+V")
    await expect(page.locator("#q")).to_have_value(re.compile(rf"^{visit.base}/p/[a-z0-9]+/"))
