"""The form of a check in a browser: what fills itself in, what is said on the way, and what stays."""

import asyncio
import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Visit
from tests.browser.entry import enter
from tests.browser.test_journey import get_a_key
from ttr.store.redis import Store

pytestmark = pytest.mark.browser


async def new_form(page: Page) -> None:
    await page.goto("/checks/new")
    await expect(page.locator("#name")).to_be_visible()


async def choose_cron(page: Page) -> None:
    """Cron, and the preview of it answered: choices made before that would race with it."""
    async with page.expect_response("**/checks/preview"):
        await page.locator("#kind-cron").check()


async def make(page: Page, name: str, tags: str = "") -> None:
    await new_form(page)
    await page.locator("#name").fill(name)
    await page.locator("#tags").fill(tags)
    await page.get_by_role("button", name="Create check").click()
    await expect(page.get_by_role("heading", name=name)).to_be_visible()


async def test_a_check_is_made_with_the_builder_and_a_preview_in_both_zones(visit: Visit) -> None:
    page = visit.page
    await enter(visit)
    await new_form(page)
    await page.locator("#name").fill("Nightly Übung")
    await page.get_by_role("button", name="Use nightly-ubung").click()
    await expect(page.locator("#slug")).to_have_value("nightly-ubung")
    await expect(page.locator("#slug")).to_be_focused()
    await expect(page.locator("#slug-state")).to_have_text("nightly-ubung is free.")

    await choose_cron(page)
    await page.get_by_text("Build the cron expression").click()
    await page.locator("#built-weekly").check()
    await expect(page.locator("#cron")).to_have_value("0 3 * * 1-5")
    await page.locator("#built-day-3").uncheck()
    await expect(page.locator("#cron")).to_have_value("0 3 * * 1,2,4,5")
    await page.locator("#built_times").fill("02:30")
    await page.locator("#built_times").press("Tab")
    await expect(page.locator("#cron")).to_have_value("30 2 * * 1,2,4,5")
    await page.locator("#built-daily").check()
    await expect(page.locator("#preview")).to_contain_text("Every day at 02:30")
    # What can't be built is said there, and the field stays.
    await page.locator("#built_times").fill("noon")
    await page.locator("#built_times").press("Tab")
    await expect(page.locator("#built-fault")).to_contain_text("Times are hours and minutes")
    await expect(page.locator("#cron")).to_have_value("30 2 * * *")

    # The zones come when the field is entered; the preview is in both, and tells of changed clocks.
    await page.locator("#tz").fill("America/New_York")
    await expect(page.locator("#preview")).to_contain_text("First in America/New_York, then in")
    await expect(page.locator("#preview")).to_contain_text(re.compile("clocks skip from 02:00 to 03:00"))
    await expect(page.locator("#zones option").first).to_be_attached()
    await page.locator("#grace").fill("2")
    await expect(page.locator("#preview")).to_contain_text("2 h of grace")

    # Typed by hand, the builder follows.
    await page.locator("#cron").fill("5 * * * *")
    await expect(page.locator("#built-hourly")).to_be_checked()
    await page.locator("#cron").fill("5 * * 2 *")
    await expect(page.locator("#builder")).to_contain_text("one of your own")
    await page.get_by_role("button", name="Nightly 03:00").click()
    await expect(page.locator("#cron")).to_have_value("0 3 * * *")
    await expect(page.get_by_role("button", name="Nightly 03:00")).to_be_focused()
    await expect(page.locator("#built-daily")).to_be_checked()
    await page.get_by_role("button", name="Create check").click()
    await expect(page.get_by_role("heading", name="Nightly Übung")).to_be_visible()


async def test_a_form_sent_while_the_field_is_filled_in_waits_for_it(visit: Visit) -> None:
    page = visit.page
    await enter(visit)
    await new_form(page)
    await page.locator("#name").fill("Patient")
    await choose_cron(page)
    await page.get_by_text("Build the cron expression").click()
    await page.locator("#built-daily").check()
    await page.get_by_role("button", name="Nightly 03:00").click()
    await expect(page.locator("#cron")).to_have_value("0 3 * * *")
    asked, go = asyncio.Event(), asyncio.Event()

    async def slowly(route: Route) -> None:
        asked.set()
        await go.wait()
        await route.continue_()

    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/checks") else None)
    await page.route("**/checks/schedule", slowly)
    # Enter is a choice, and does not send the form either.
    await page.locator("#built_times").fill("04:00")
    await page.locator("#built_times").press("Enter")
    await asyncio.wait_for(asked.wait(), 20)
    await page.locator("#save").click()
    assert sent == []
    go.set()
    await expect(page.get_by_role("heading", name="Patient")).to_be_visible()
    await expect(page.locator("#live")).to_contain_text("0 4 * * *")

    # What can't be built holds the form back.
    await page.goto(f"{page.url}/settings")
    await page.get_by_text("Build the cron expression").click()
    await page.locator("#built_times").fill("noon")
    await page.locator("#save").click()
    await expect(page.locator("#built-fault")).to_contain_text("Times are hours and minutes")
    await expect(page.locator("#built-daily")).to_be_focused()


async def test_the_first_fault_is_focused_and_nothing_typed_is_lost(visit: Visit) -> None:
    page = visit.page
    await enter(visit)
    await make(page, "First", "alpha, beta")
    await new_form(page)
    await page.locator("#name").fill("Second")
    await page.locator("#description").fill("line one\nline two")
    await page.get_by_role("checkbox", name="beta").check()
    await page.locator("#tags").fill("gamma")
    await page.get_by_text("More: run time").click()
    await page.locator("#max_runtime").fill("long")
    await page.get_by_text("More: run time").click()
    await page.get_by_role("button", name="Create check").click()
    # Its field lay in what was closed.
    await expect(page.locator("#max_runtime")).to_be_focused()
    await expect(page.locator("#faults")).to_contain_text("Longest run: A whole number is needed.")
    await expect(page.locator("#description")).to_have_value("line one\nline two")
    await expect(page.locator("#tags")).to_have_value("gamma")
    await expect(page.get_by_role("checkbox", name="beta")).to_be_checked()
    await page.locator("#max_runtime").fill("5")
    await page.locator("#name").fill("")
    await page.locator("#save").click()
    await expect(page.locator("#name")).to_be_focused()
    await page.locator("#name").fill("Second")
    await page.locator("#save").click()
    await expect(page.get_by_role("heading", name="Second")).to_be_visible()
    await page.goto(f"{page.url}/settings")
    await expect(page.get_by_role("checkbox", name="beta")).to_be_checked()
    await expect(page.get_by_role("checkbox", name="gamma")).to_be_checked()
    await expect(page.get_by_role("checkbox", name="alpha")).not_to_be_checked()
    await expect(page.locator("#max_runtime")).to_have_value("5")


async def test_tags_narrow_as_one_types_and_are_taken_by_enter_or_comma(visit: Visit) -> None:
    page = visit.page
    await enter(visit)
    await make(page, "First", "database, reports, night")
    await new_form(page)
    await page.locator("#name").fill("Tagged")
    await page.locator("#tags").press_sequentially("data")
    await expect(page.locator(".tag-choice:has([name=tag]):visible")).to_have_text("database")
    await page.locator("#tags").press("Enter")
    await expect(page.get_by_role("checkbox", name="database")).to_be_checked()
    await expect(page.locator("#tags")).to_have_value("")
    await page.locator("#tags").press_sequentially("reports,new one")
    await expect(page.get_by_role("checkbox", name="reports")).to_be_checked()
    await expect(page.locator("#tags")).to_have_value("new one")
    await page.get_by_role("button", name="Create check").click()
    await expect(page.locator("#live .tag")).to_have_text(["database", "reports", "new one"])


async def test_an_edit_keeps_everything_and_says_that_it_is_saved(visit: Visit) -> None:
    page = visit.page
    await enter(visit)
    await make(page, "Original", "a")
    check = page.url
    await page.goto(f"{check}/settings")
    await page.locator("#name").fill("Renamed")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#notice")).to_have_text("Renamed is saved.")
    await expect(page.locator("#announcer")).to_have_text("Renamed is saved.")
    await page.reload()
    await expect(page.locator("#notice")).to_be_empty()
    await page.goto(f"{check}/settings")
    await expect(page.get_by_role("checkbox", name="a", exact=True)).to_be_checked()
    await page.locator("#slug").fill("mine")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#notice")).to_have_text("Renamed is saved.")
    await page.goto(f"{check}/settings")
    await page.locator("#slug").fill("minex")
    await expect(page.locator("#slug-state")).to_have_text("minex is free.")
    await page.locator("#slug").fill("mine")
    await expect(page.locator("#slug-state")).to_have_text("mine is free.")
    await page.goto(f"{check}/settings")

    # A copy is another check, with a slug of its own to choose.
    await page.get_by_role("link", name="Copy it").click()
    await expect(page.get_by_role("heading", name="New check")).to_be_visible()
    await expect(page.locator("#name")).to_have_value("Renamed (copy)")
    await page.get_by_role("button", name="Create check").click()
    await expect(page.get_by_role("heading", name="Renamed (copy)")).to_be_visible()
    assert page.url != check

    await page.goto(f"{check}/settings")
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("It is paused.")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", name="Checks")).to_be_visible()
    await expect(page.get_by_role("link", name="Renamed", exact=True)).to_have_count(0)


async def test_a_session_that_ended_costs_nothing_that_was_typed(visit: Visit, store: Store) -> None:
    page = visit.page
    key = await get_a_key(page)
    await new_form(page)
    await page.locator("#name").fill("Long thought")
    for name in await store.redis.keys("*session*"):
        await store.redis.delete(name)
    await page.get_by_role("button", name="Create check").click()
    await expect(page.locator("#notice")).to_contain_text("You are logged out")
    await expect(page.locator("#name")).to_have_value("Long thought")
    other = await visit.context.new_page()
    await other.goto("/")
    await other.get_by_label("Access key").fill(key)
    await other.get_by_role("button", name="Log in").click()
    await expect(other.get_by_role("heading", name="Nothing is watched yet")).to_be_visible()
    await other.close()
    await page.get_by_role("button", name="Create check").click()
    await expect(page.locator("#notice")).to_contain_text("older than your login")
    await page.get_by_role("button", name="Create check").click()
    await expect(page.get_by_role("heading", name="Long thought")).to_be_visible()
    # Chromium's own lines for what was refused (the slug is asked for as well), and no others.
    assert all(re.search("status of 40[13]", complaint) for complaint in visit.complaints), visit.complaints
    visit.complaints.clear()


async def test_without_javascript_the_builder_and_the_tags_work(plain_visit: Visit, store: Store) -> None:
    page = plain_visit.page
    await enter(plain_visit)
    await make(page, "First", "alpha")
    await new_form(page)
    await page.locator("#name").fill("Plain")
    await page.get_by_role("checkbox", name="alpha").check()
    await page.locator("#kind-cron").check()
    await page.get_by_text("Build the cron expression").click()
    await page.locator("#built-monthly").check()
    await page.locator("#built_dates").fill("1, 15")
    await page.get_by_role("button", name="Use this").click()
    await expect(page.locator("#cron")).to_have_value("0 3 1,15 * *")
    await expect(page.locator("#built_dates")).to_be_visible()
    await expect(page.locator("#preview")).to_contain_text("On day 1 and 15 of each month at 03:00")
    await expect(page.get_by_role("checkbox", name="alpha")).to_be_checked()
    await page.get_by_role("button", name="Hourly").click()
    await expect(page.locator("#cron")).to_have_value("0 * * * *")
    await page.locator("#grace").fill("soon")
    await page.get_by_role("button", name="Create check").click()
    await page.locator("#faults a").click()
    await expect(page.locator("#grace")).to_be_focused()
    # A session that ends here leaves a page that can send it all again.
    await page.locator("#grace").fill("2")
    for name in await store.redis.keys("*session*"):
        await store.redis.delete(name)
    await page.get_by_role("button", name="Create check").click()
    await expect(page.get_by_role("heading", name="You are logged out")).to_be_visible()
    await expect(page.locator("textarea[name=name]")).to_have_value("Plain")
    plain_visit.complaints.clear()  # Chromium's own line for the 401


async def test_the_form_fits_its_window_and_its_controls_can_be_hit(visit: Visit) -> None:
    page = visit.page
    await enter(visit)
    await make(page, "First", ", ".join(["x" * 50, "b"]))
    settings = f"{page.url}/settings"
    for path in ("/checks/new", settings):
        await page.set_viewport_size({"width": 1280, "height": 844})
        await page.goto(path)
        await choose_cron(page)
        await page.get_by_text("Build the cron expression").click()
        for kind in ("minutes", "hourly", "weekly", "monthly", "hours"):
            async with page.expect_response("**/checks/schedule"):
                await page.locator(f"#built-{kind}").check()
            for width in (1280, 390, 320):
                await page.set_viewport_size({"width": width, "height": 844})
                found = await page.evaluate("document.documentElement.scrollWidth")
                assert found <= width, (path, kind, width)
                low = await page.evaluate(
                    """[...document.querySelectorAll('#check-form :is(button, .choice, .tag-choice, select, summary)')]
                      .map(control => [control.id || control.textContent, control.getBoundingClientRect().height])
                      .filter(([, height]) => height > 1 && height < 24)"""
                )
                assert low == [], (path, kind, width)
