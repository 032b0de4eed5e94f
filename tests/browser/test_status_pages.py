"""Status pages in a browser: made and arranged by hand, by keyboard and without JavaScript; seen in three layouts."""

import asyncio
import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import Visit
from tests.browser.entry import log_in
from tests.browser.looks import objections
from tests.browser.scenes import FEW, account_with_checks, status_page
from tests.conftest import eventually
from ttr.domain.check import Check
from ttr.domain.status_page import LAYOUTS
from ttr.now import now_ms
from ttr.store.check_list import list_checks
from ttr.store.checks import pause_check
from ttr.store.redis import Store
from ttr.store.users import User
from ttr.web.copies import FRESH_MS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


async def _checks(store: Store, user: User) -> list[Check]:
    listed = await list_checks(store, user, sort="name", descending=False, size=100, now=now_ms())
    return listed.checks


async def _lines(page: Page) -> list[str]:
    """The lines of the form, top to bottom: names, and headings as they are typed."""
    found = []
    for line in await page.locator(".lines__line").all():
        heading = line.locator(".lines__heading")
        named = await heading.count() == 0
        found.append(
            await line.locator(".lines__name").inner_text() if named else f"# {await heading.input_value()}"
        )
    return [" ".join(one.split()) for one in found]


async def test_a_page_is_made_arranged_and_seen(visit: Visit, store: Store) -> None:
    page = visit.page
    user, _ = await account_with_checks(store, FEW)
    await log_in(visit, user)
    await page.goto("/dashboard")
    await page.get_by_role("link", name="Pages", exact=True).click()
    await expect(page.get_by_role("heading", name="Nobody sees anything yet")).to_be_visible()
    await page.get_by_role("link", name="New page").click()
    await page.get_by_label("Title").fill("Nightly jobs")

    await page.get_by_role("searchbox").fill("invoi")
    await expect(page.locator("#found")).to_have_text("1 found")
    await page.get_by_role("button", name="Invoices", exact=True).click()
    await expect(page.locator(".lines__line")).to_have_count(1)
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await page.get_by_role("searchbox").fill("")
    await page.get_by_role("button", name="backup", exact=True).click()
    await expect(page.locator(".lines__line")).to_have_count(2)
    await page.get_by_role("button", name="Add a heading").click()
    await expect(page.get_by_role("textbox", name="Heading")).to_be_focused()
    await page.keyboard.type("Money")
    assert await _lines(page) == ["Invoices", "backup all checks with it", "# Money"]

    await page.get_by_role("button", name="Move the heading up").click()
    await expect(page.locator("#entry-1")).to_have_value("Money")
    await page.get_by_role("button", name="Move Money up").click()
    await expect(page.locator("#entry-0")).to_have_value("Money")
    assert await _lines(page) == ["# Money", "Invoices", "backup all checks with it"]
    preview = page.locator("#preview")
    await expect(preview.get_by_role("heading", name="Money")).to_be_visible()
    await expect(preview.get_by_role("heading", name="Invoices")).to_be_visible()

    await page.get_by_role("radio", name="Grid").check()
    await page.get_by_label("Theme").select_option("blueprint")
    await expect(preview).to_have_attribute("data-theme", "blueprint")
    await expect(preview.locator(".tile")).not_to_have_count(0)
    await page.get_by_role("button", name="Make the page").click()
    await page.wait_for_url(re.compile(r"/status-pages/\d+$"))
    await expect(page.get_by_label("Slug")).to_have_value("nightly-jobs")
    await expect(page.get_by_role("button", name="Copy the address of the page")).to_be_visible()

    await page.get_by_role("link", name="Open the page").click()
    await page.wait_for_url(f"**/s/{user.public_slug}/nightly-jobs")
    await expect(page.locator("html")).to_have_attribute("data-theme", "blueprint")
    await expect(page.get_by_role("heading", name="Nightly jobs", level=1)).to_be_visible()
    await expect(page.locator(".tile")).not_to_have_count(0)


async def test_lines_are_moved_by_keyboard_and_the_focus_goes_along(visit: Visit, store: Store) -> None:
    page = visit.page
    user, _ = await account_with_checks(store, FEW)
    checks = (await _checks(store, user))[:3]
    await status_page(store, user, checks, "jobs", intro="", notice=None)
    await log_in(visit, user)
    await page.goto("/status-pages/1")
    first, second, third = (check.name for check in checks)
    assert await _lines(page) == ["# Every night", first, "# All day", second, third]
    await page.locator("#up-4").focus()
    for place in (3, 2, 1):
        await page.keyboard.press("Enter")
        await expect(page.locator(f"#up-{place}")).to_be_focused()
        await expect(page.locator("#announcer")).to_have_text(f"{third} is {place + 1} of 5 now.")
    await page.keyboard.press("Enter")
    # At the top there is no way up; the other button has the focus.
    await expect(page.locator("#down-0")).to_be_focused()
    assert await _lines(page) == [third, "# Every night", first, "# All day", second]
    await page.keyboard.press("Enter")
    await expect(page.locator("#down-1")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(".lines__line")).to_have_count(4)
    await expect(page.locator("#remove-1")).to_be_focused()
    assert await _lines(page) == ["# Every night", first, "# All day", second]
    # Enter in a field saves, and moves nothing.
    await page.get_by_label("Title").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#notice")).to_contain_text("is saved")
    assert await _lines(page) == ["# Every night", first, "# All day", second]


async def test_without_javascript_a_page_is_made_as_well(plain_visit: Visit, store: Store) -> None:
    page = plain_visit.page
    user, _ = await account_with_checks(store, FEW)
    await log_in(plain_visit, user)
    await page.goto("/status-pages/new")
    await page.get_by_label("Title").fill("Plain")
    await page.get_by_role("searchbox").fill("payroll")
    await page.get_by_role("button", name="Find").click()
    await page.get_by_role("button", name="Payroll", exact=True).click()
    await page.get_by_role("button", name="Add a heading").click()
    await page.get_by_role("textbox", name="Heading").fill("Money")
    await page.locator("#up-1").click()
    assert await _lines(page) == ["# Money", "Payroll"]
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator("#preview").get_by_role("heading", name="Payroll")).to_be_visible()
    await page.get_by_role("button", name="Make the page").click()
    await page.goto(f"/s/{user.public_slug}/plain")
    await expect(page.get_by_role("heading", name="Payroll")).to_be_visible()
    await page.get_by_role("link", name="Timeline").click()
    await expect(page.locator(".line__node")).to_have_count(1)


async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(visit: Visit, store: Store) -> None:
    page = visit.page
    user, _ = await account_with_checks(store, FEW)
    await status_page(store, user, [], "taken")
    await log_in(visit, user)
    await page.goto("/status-pages/new")
    await page.get_by_role("button", name="Payroll", exact=True).click()
    await expect(page.locator(".lines__line")).to_have_count(1)
    await page.get_by_label("Introduction").fill("Words that took long")
    await page.get_by_role("button", name="Make the page").click()
    await expect(page.locator("#name-error")).to_have_text("This can't be empty.")
    await page.get_by_label("Title").fill("Taken")
    await page.get_by_label("Slug").fill("taken")
    await page.get_by_role("button", name="Make the page").click()
    await expect(page.locator("#slug-error")).to_have_text("Another of your status pages has this slug.")
    await expect(page.get_by_label("Introduction")).to_have_value("Words that took long")
    assert await _lines(page) == ["Payroll"]
    await page.get_by_label("Slug").fill("Not A Slug")
    await page.get_by_role("button", name="Make the page").click()
    await expect(page.locator("#slug-error")).to_have_text("Only a-z, 0-9, _ and - can be in a slug.")


async def test_a_page_is_deleted_after_a_question(visit: Visit, store: Store) -> None:
    page = visit.page
    user, _ = await account_with_checks(store, FEW)
    await status_page(store, user, [], "jobs")
    await log_in(visit, user)
    await page.goto("/status-pages/1")
    page.once("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Delete the page").click()
    await page.wait_for_url("**/status-pages")
    await expect(page.locator("#notice")).to_contain_text("is deleted")


async def test_an_open_page_follows_what_happens(visit: Visit, store: Store) -> None:
    """All layouts at once: what everybody is shown alike may be ten seconds old."""
    user, _ = await account_with_checks(store, FEW)
    checks = [check for check in await _checks(store, user) if check.status == "up"][:3]
    pages: dict[str, Page] = {}
    for layout in LAYOUTS:
        await status_page(store, user, checks, f"jobs-{layout}", layout=layout)
        pages[layout] = page = await visit.context.new_page()
        await page.goto(f"/s/{user.public_slug}/jobs-{layout}")
        if layout != "grid":
            await page.locator(f"#check-{checks[0].id} summary").click()
    await pause_check(store, user, str(checks[0].id), now=now_ms())
    for layout, page in pages.items():
        row = page.locator(f"#check-{checks[0].id}")

        async def follows(page: Page = page, row: Locator = row) -> bool:
            async with page.expect_response("**/live?*"):
                await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
            # Until then all get the same copy, and who asks all the time is refused.
            await asyncio.sleep(FRESH_MS / 1000)
            return await row.get_attribute("data-status") == "paused"

        await eventually(follows)
        await expect(row.locator(".status__word").first, layout).to_have_text("paused")
        await expect(page.get_by_text("1 paused"), layout).to_be_visible()
        if layout != "grid":
            await expect(row.locator("details"), layout).to_have_attribute("open", "")


async def test_an_open_page_asks_now_and_then_by_itself(lone_visit: Visit, store: Store) -> None:
    page = lone_visit.page
    user, _ = await account_with_checks(store, FEW)
    await status_page(store, user, [], "jobs")
    await page.clock.install()
    await page.goto(f"/s/{user.public_slug}/jobs")
    for _ in range(2):
        async with page.expect_request("**/jobs/live?layout=cards&since=*"):
            await page.clock.run_for(20_000)


async def test_axe_objects_to_nothing_on_public_pages_and_their_forms(visit: Visit, store: Store) -> None:
    page = visit.page
    user, _ = await account_with_checks(store)
    await status_page(store, user, await _checks(store, user), "jobs")
    await status_page(store, user, [], "empty", intro="", notice=None)
    await log_in(visit, user)
    found: list[object] = []
    public = f"/s/{user.public_slug}"
    for path in (
        *(f"{public}/jobs?layout={layout}" for layout in LAYOUTS),
        f"{public}/empty",
        public,
        "/status-pages",
        "/status-pages/1",
        "/status-pages/new",
        "/status-pages/1/delete",
    ):
        await page.goto(path)
        for details in await page.locator("main details").all():
            await details.evaluate("details => { details.open = true }")
        found += await objections(page, path, all_looks="layout=" in path)
    assert found == []


async def test_a_dark_page_is_printed_with_dark_letters_and_the_time(visit: Visit, store: Store) -> None:
    page = visit.page
    user, _ = await account_with_checks(store, FEW)
    await status_page(store, user, (await _checks(store, user))[:2], "jobs", scheme="dark")
    await page.goto(f"/s/{user.public_slug}/jobs")
    letters = "getComputedStyle(document.querySelector('h3')).color.match(/\\d+/g).slice(0, 3).map(Number)"
    assert max(await page.evaluate(letters)) > 200
    await page.emulate_media(media="print")
    assert max(await page.evaluate(letters)) < 100
    await expect(page.get_by_role("navigation", name="Layout")).to_be_hidden()
    when = page.locator(".public__updated time")
    after = await when.evaluate("time => getComputedStyle(time, '::after').content")
    assert after.replace('"', "") == f" ({await when.get_attribute('title')})"
