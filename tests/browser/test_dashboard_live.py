"""The list of checks while things happen: what is in hand stays, what is bad comes up and is said, once."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.entry import add_checks, enter, ping_url
from tests.browser.test_journey import ping
from tests.lua.parts import FLAPS
from ttr.now import now_ms
from ttr.store.deadlines import sweep
from ttr.store.redis import Store

pytestmark = pytest.mark.browser

_NAMES = "[data-check] .check-list__name"


async def _open(page: Page) -> None:
    """Load the list and wait until its stream is there."""
    async with page.expect_response("**/events*"):
        await page.goto("/dashboard")


async def test_what_is_in_hand_survives_what_happens_to_another_check(visit: Visit, store: Store) -> None:
    page = visit.page
    user = await enter(visit)
    one, two = await add_checks(store, user, "One", "Two")
    await _open(page)
    await page.get_by_label("Select One").check()
    await page.locator("#bulk-tags > summary").click()
    await page.locator("#tags").press_sequentially("nigh, weekly")
    for _ in range(len(", weekly")):
        await page.keyboard.press("ArrowLeft")
    await page.evaluate("document.body.dataset.loaded = 'once'")

    # The counters and the order change, so the whole list is drawn anew.
    await ping(f"{ping_url(visit.base, user, two)}/fail")
    await expect(page.locator("#count-down .counter__number")).to_have_text("1")
    await expect(page.locator(_NAMES)).to_have_text(["Two", "One"])
    await expect(page.locator("#bulk-tags")).to_have_attribute("open", "")
    await expect(page.locator("#tags")).to_be_focused()
    await expect(page.get_by_label("Select One")).to_be_checked()
    await expect(page.get_by_label("Select Two")).not_to_be_checked()
    await expect(page.locator("#selected")).to_have_text("1 check selected")
    await page.keyboard.type("t")
    await expect(page.locator("#tags")).to_have_value("night, weekly")
    assert await page.evaluate("document.body.dataset.loaded") == "once"

    # A menu of a row that moves stays open, and the focus in it.
    menu = page.locator(f"#menu-{one.id}")
    await menu.locator("summary").click()
    inside = menu.get_by_role("link", name="Integrations")
    await inside.focus()
    await ping(ping_url(visit.base, user, two))
    await ping(f"{ping_url(visit.base, user, one)}/fail")
    await expect(page.locator(_NAMES)).to_have_text(["One", "Two"])
    await expect(menu).to_have_attribute("open", "")
    await expect(inside).to_be_focused()
    await expect(page.get_by_label("Select One")).to_be_checked()


async def test_what_goes_down_comes_up_is_said_and_shown_in_the_tab(visit: Visit, store: Store) -> None:
    page = visit.page
    user = await enter(visit)
    checks = await add_checks(store, user, "Alpha", "Beta", "Gamma")
    alpha = ping_url(visit.base, user, checks[0])
    for check in checks:
        await ping(ping_url(visit.base, user, check))
    await _open(page)
    await expect(page.locator(_NAMES)).to_have_text(["Gamma", "Beta", "Alpha"])  # the last to change
    icon, alarm = page.locator('link[rel="icon"]'), page.locator("#alarm")
    await expect(page).to_have_title("Checks · ttr")
    await expect(icon).to_have_attribute("href", re.compile(r"favicon-[0-9a-f]+\.svg|favicon\.svg"))
    calm = await icon.get_attribute("href")
    # A glow lasts for less than a second: the page itself notes which row had one.
    await page.evaluate(
        """() => new MutationObserver((records) => {
          for (const {target} of records) {
            if (target.hasAttribute('data-changed')) document.body.dataset.glowed = target.dataset.name;
          }
        }).observe(document.getElementById('main'), {subtree: true, attributeFilter: ['data-changed']})"""
    )

    await ping(f"{alpha}/fail")
    await expect(page.locator(_NAMES)).to_have_text(["Alpha", "Gamma", "Beta"])
    await expect(alarm).to_have_text("Alpha is down.")
    await expect(page).to_have_title("(1 down) Checks · ttr")
    await expect(icon).to_have_attribute("href", re.compile("favicon-down"))
    await expect(page.locator("body")).to_have_attribute("data-glowed", "Alpha")
    await expect(page.locator("[data-changed]")).to_have_count(0)

    await page.reload()
    await expect(page).to_have_title("(1 down) Checks · ttr")
    await expect(icon).to_have_attribute("href", re.compile("favicon-down"))
    await ping(alpha)
    await expect(page).to_have_title("Checks · ttr")
    await expect(icon).to_have_attribute("href", calm or "")
    await expect(page.locator("#announcer")).to_have_text("Alpha is up again.")
    await expect(alarm).to_be_empty()


async def test_a_page_held_still_stays_so_until_it_is_let_go(visit: Visit, store: Store) -> None:
    page = visit.page
    user = await enter(visit)
    (check,) = await add_checks(store, user, "Backup")
    url = ping_url(visit.base, user, check)
    await _open(page)
    hold, row = page.locator("[data-pause-live]"), page.locator("[data-check]")
    await hold.click()
    await expect(hold).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#announcer")).to_have_text("Updates are paused.")

    # Another tab, which is not held, shows that the word has gone out.
    other = await visit.context.new_page()
    await _open(other)
    await ping(url)
    await expect(other.locator("[data-check]")).to_have_attribute("data-status", "up")
    await expect(row).to_have_attribute("data-status", "new")
    # Asked by hand, it shows what there is, and stays held.
    await page.get_by_role("button", name="Refresh now").click()
    await expect(row).to_have_attribute("data-status", "up")
    await expect(hold).to_have_attribute("aria-pressed", "true")

    await ping(f"{url}/fail")
    await expect(other.locator("[data-check]")).to_have_attribute("data-status", "down")
    await expect(row).to_have_attribute("data-status", "up")
    await hold.click()
    await expect(hold).to_have_attribute("aria-pressed", "false")
    await expect(row).to_have_attribute("data-status", "down")
    await ping(url)
    await expect(row).to_have_attribute("data-status", "up")
    await other.close()


async def test_a_row_is_pinged_paused_and_watched_again(visit: Visit, store: Store) -> None:
    page = visit.page
    user = await enter(visit)
    (check,) = await add_checks(store, user, "Backup")
    await _open(page)
    row = page.locator("[data-check]")
    await page.get_by_role("button", name="Ping Backup now").click()
    await expect(row).to_have_attribute("data-status", "up")
    await expect(page.locator("#announcer")).to_have_text("Backup is pinged.")
    await expect(page.locator(f"#ping-{check.id}")).to_be_focused()
    await page.get_by_role("button", name="Pause Backup").press("Enter")
    await expect(row).to_have_attribute("data-status", "paused")
    await expect(page.locator("#count-paused .counter__number")).to_have_text("1")
    await expect(page.locator(f"#pause-{check.id}")).to_be_focused()
    await page.get_by_role("button", name="Resume Backup").press("Enter")
    await expect(row).not_to_have_attribute("data-status", "paused")


async def test_a_thousand_checks_that_go_down_at_once_are_few_requests(visit: Visit, store: Store) -> None:
    page = visit.page
    user = await enter(visit)
    await add_checks(store, user, *(f"Job {number}" for number in range(1_000)), age_ms=600_000)
    await _open(page)
    await expect(page.locator("#count-late .counter__number")).to_have_text("1,000")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/assets/" not in request.url else None)
    while True:
        now = now_ms()
        if not (await sweep(store, user.partition, now=now, pings_accepted=now, flap=FLAPS)).more:
            break
    await expect(page.locator("#count-down .counter__number")).to_have_text("1,000")
    await expect(page.locator("[data-check][data-status=down]")).to_have_count(25)
    await expect(page.locator("#alarm")).to_have_text("1,000 checks are down.")
    await expect(page).to_have_title("(1,000 down) Checks · ttr")
    assert len(asked) < 20, asked
