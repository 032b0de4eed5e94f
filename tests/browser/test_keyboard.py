"""Everything without a mouse: keys, the walk by Tab, and where the focus is after a dialog."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.entry import add_checks, enter
from tests.lua.parts import make_check
from ttr.now import now_ms
from ttr.store.redis import Store

pytestmark = pytest.mark.browser

_REACHABLE = """() => {
  const all = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]';
  const seen = new Set(), names = [];
  for (const e of document.querySelectorAll(all)) {
    if (e.disabled || e.tabIndex < 0 || !e.checkVisibility({visibilityProperty: true})) continue;
    if (e.type === 'radio') { // one stop for a group: the chosen one, else the first
      const group = [...document.querySelectorAll(`input[type=radio][name="${e.name}"]`)];
      if (e !== (group.find((one) => one.checked) ?? group[0])) continue;
    }
    e.dataset.walk = String(names.length);
    names.push(e.outerHTML.slice(0, 120));
  }
  return names;
}"""
_HERE = """() => {
  const e = document.activeElement, s = getComputedStyle(e);
  return [e.dataset.walk ?? '', s.outlineStyle, parseFloat(s.outlineWidth), e.outerHTML.slice(0, 120)];
}"""


@pytest.mark.parametrize("path", ["/dashboard", "/checks/new", "/account"])
async def test_tab_reaches_everything_in_order_and_is_seen(visit: Visit, store: Store, path: str) -> None:
    page = visit.page
    await make_check(store, await enter(visit), now=now_ms(), name="Backup")
    await page.goto(path)
    hold = page.locator("[data-pause-live]")
    if await hold.count():
        await hold.click()  # a morph in between would take the marks away
        await page.evaluate("document.activeElement.blur()")
        await page.goto(path)
    there = await page.evaluate(_REACHABLE)
    order: list[int] = []
    for _ in range(3 * len(there)):
        await page.keyboard.press("Tab")
        mark, style, width, html = await page.evaluate(_HERE)
        if not order:
            assert 'class="skip"' in html
        if html.startswith("<body"):
            break
        assert style != "none", html
        assert width >= 2, html
        if mark and int(mark) not in order:
            order.append(int(mark))
    missed = [html for at, html in enumerate(there) if at not in order]
    assert missed == []
    assert order == sorted(order)


async def test_the_keys_do_what_their_list_says(visit: Visit, store: Store) -> None:
    page = visit.page
    await add_checks(store, await enter(visit), "Alpha", "Beta")
    await page.goto("/dashboard")
    names = page.locator("[data-check] .check-list__name")
    await expect(names).to_have_count(2)
    await page.keyboard.press("j")
    await expect(names.nth(0)).to_be_focused()
    await page.keyboard.press("j")
    await expect(names.nth(1)).to_be_focused()
    await page.keyboard.press("j")  # the last one: it stays
    await expect(names.nth(1)).to_be_focused()
    await page.keyboard.press("k")
    await expect(names.nth(0)).to_be_focused()

    await page.keyboard.press("/")
    await expect(page.locator("#q")).to_be_focused()
    await page.keyboard.type("n?jk")  # typed, not done
    await expect(page.locator("#q")).to_have_value("n?jk")
    await expect(page.locator("#keys")).to_be_hidden()
    assert page.url.startswith(visit.base + "/dashboard")

    await page.goto("/dashboard")
    await page.keyboard.press("Control+j")
    await expect(page.locator("body")).to_be_focused()
    await page.keyboard.press("n")
    await expect(page.get_by_label("Name", exact=True)).to_be_visible()


async def test_the_list_of_keys_gives_the_focus_back(visit: Visit, store: Store) -> None:
    page = visit.page
    await add_checks(store, await enter(visit), "Alpha")
    await page.goto("/dashboard")
    await page.keyboard.press("j")
    name = page.locator("[data-check] .check-list__name")
    await expect(name).to_be_focused()
    await page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    await expect(keys).to_be_visible()
    for _ in range(4):  # the page behind it is out of reach
        await page.keyboard.press("Tab")
        assert await page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('#keys')"
        )
    await page.keyboard.press("Escape")
    await expect(keys).to_be_hidden()
    await expect(name).to_be_focused()

    link = page.get_by_role("link", name="Keys", exact=True)
    await link.focus()
    await page.keyboard.press("Enter")
    await expect(keys).to_be_visible()
    await keys.get_by_role("button", name="Close").click()
    await expect(link).to_be_focused()


async def test_a_menu_closes_by_esc_and_gives_the_focus_back(visit: Visit, store: Store) -> None:
    page = visit.page
    await add_checks(store, await enter(visit), "Alpha")
    await page.goto("/dashboard")
    menu = page.locator("[data-check] details.menu").first
    await menu.locator("summary").focus()
    await page.keyboard.press("Enter")
    await expect(menu).to_have_attribute("open", "")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Escape")
    await expect(menu).not_to_have_attribute("open", "")
    await expect(menu.locator("summary")).to_be_focused()


async def test_without_javascript_the_list_of_keys_is_a_page(plain_visit: Visit) -> None:
    page = plain_visit.page
    await page.goto("/")
    await page.get_by_role("link", name="Keys", exact=True).click()
    await expect(page.get_by_role("heading", name="Keys")).to_be_visible()
