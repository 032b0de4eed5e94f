"""Logging in and linking by Telegram in a browser: the widget's script and what it leads to are the tests' own."""

from urllib.parse import urlencode

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Visit
from tests.telegram import ADA, SET_UP, widget
from ttr.domain.telegram_login import TelegramAccount
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.store.telegram_tokens import Ticket, new_token

pytestmark = pytest.mark.browser

# As Telegram's own does: a frame in place of the script, which leads the page on when its button is pressed.
_SCRIPT = """
const script = document.currentScript, frame = document.createElement("iframe");
frame.src = "https://oauth.telegram.org/embed/" + script.dataset.telegramLogin;
frame.title = "Telegram"; frame.width = "238"; frame.height = "40"; frame.style.border = "none";
script.parentNode.insertBefore(frame, script);
window.addEventListener("message", (event) => {
  if (event.origin === "https://oauth.telegram.org") location.href = script.dataset.authUrl + "&" + event.data;
});
"""
_BUTTON = "<button onclick=\"parent.postMessage('{}', '*')\">Log in with Telegram</button>"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update=SET_UP)


async def telegram(page: Page, account: TelegramAccount = ADA, **told: int) -> None:
    """Let Telegram's hosts answer in this page, for somebody who is logged in there."""

    async def script(route: Route) -> None:
        await route.fulfill(body=_SCRIPT, content_type="text/javascript")

    async def button(route: Route) -> None:
        said = urlencode(widget(account, age=told.get("age", 0)))
        await route.fulfill(body=_BUTTON.format(said), content_type="text/html")

    await page.route("https://telegram.org/js/telegram-widget.js*", script)
    await page.route("https://oauth.telegram.org/**", button)


async def press(page: Page) -> None:
    """Press the widget's button."""
    await page.frame_locator("iframe[title=Telegram]").get_by_role("button").click()


async def test_the_whole_way_by_the_widget(visit: Visit) -> None:
    page = visit.page
    await telegram(page, age=100)
    await page.goto("/")
    await press(page)
    await expect(page.get_by_role("heading", name="Log in as Ada Lovelace?")).to_be_visible()
    await page.get_by_role("button", name="Make an account").click()
    await page.wait_for_url("**/dashboard")
    await expect(page.locator("#notice")).to_contain_text("Your account is made")
    await page.goto("/account/telegram")
    await expect(page.get_by_text("@ada")).to_be_visible()
    await expect(page.get_by_text("can't be unlinked yet")).to_be_visible()
    await telegram(page)  # from here on another signature
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("button", name="Get a key")).to_be_visible()
    await press(page)
    await page.get_by_role("main").get_by_role("button", name="Log in").click()
    await page.wait_for_url("**/dashboard")


async def test_an_account_with_a_key_is_linked_and_unlinked(visit: Visit) -> None:
    page = visit.page
    await telegram(page)
    await page.goto("/")
    await page.get_by_role("button", name="Get a key").click()
    await page.goto("/account")
    await (
        page.get_by_role("navigation", name="Pages of the account")
        .get_by_role("link", name="Telegram")
        .click()
    )
    await press(page)
    await expect(page.get_by_role("heading", name="Link Ada Lovelace?")).to_be_visible()
    await page.get_by_role("button", name="Link").click()
    await page.wait_for_url("**/account/telegram")
    await expect(page.get_by_text(str(ADA.id))).to_be_visible()
    await page.get_by_role("button", name="Unlink").click()
    await expect(page.locator("iframe[title=Telegram]")).to_be_visible()


async def test_the_bot_s_link_works_without_javascript(plain_visit: Visit, store: Store) -> None:
    page = plain_visit.page
    await telegram(page)  # a browser that runs no scripts may fetch them
    await page.goto("/")
    link = page.get_by_role("link", name="Log in through @AcmeJobsBot")
    await expect(link).to_have_attribute("href", "https://t.me/AcmeJobsBot?start=login")
    await page.goto(f"/telegram/open?token={await new_token(store, Ticket(ADA, ''))}")
    await page.get_by_role("button", name="Make an account").click()
    await page.wait_for_url("**/dashboard")
