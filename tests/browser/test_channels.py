"""The way to an alert's channel, with JavaScript and without: added, tested, watched, chosen for a check."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.entry import enter

pytestmark = pytest.mark.browser


@dataclass
class Hook:
    """A service that takes messages."""

    url: str
    status: int = 200
    came: list[bytes] = field(default_factory=list)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async def answer(request: web.Request) -> web.Response:
        found.came.append(await request.read())
        return web.Response(status=found.status, text="said the hook")

    app = web.Application()
    app.router.add_post("/{tail:.*}", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        found = Hook(str(server.make_url("/hook")))
        yield found


async def add_channel(page: Page, url: str) -> None:
    """From the empty list to a channel's page, past its signing secret."""
    await page.get_by_role("link", name="Channels", exact=True).click()
    await expect(page.get_by_role("heading", name="Nobody is told yet")).to_be_visible()
    await page.get_by_role("link", name="Add a channel").click()
    await page.get_by_role("link", name="Webhook", exact=True).click()
    await page.locator("#name").fill("Ops room")
    await page.locator("#webhook_url").fill(url)
    await page.get_by_role("button", name="Add channel").click()
    await expect(page.locator(".key")).to_contain_text("whsec_")
    await page.get_by_role("link", name="I have stored it").click()
    await expect(page.get_by_role("heading", name="Ops room")).to_be_visible()


async def test_a_channel_is_added_tested_and_watched(visit: Visit, hook: Hook) -> None:
    page = visit.page
    await enter(visit)

    # A bad URL is told beside its field; what was typed stays there, though the server does not send it back.
    await page.goto("/channels/new?kind=webhook")
    await page.locator("#webhook_url").fill("ftp://example.com/s3cret")
    await page.locator("#webhook_url").press("Enter")
    await expect(page.locator("#webhook_url-error")).to_be_visible()
    await expect(page.locator("#webhook_url")).to_have_value("ftp://example.com/s3cret")

    await add_channel(page, hook.url)
    await expect(page.locator(".rate")).to_contain_text("0 sent in the last minute")
    await page.locator("#name").fill("Half typed")
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.locator(".trial")).to_contain_text("delivered")
    assert len(hook.came) == 1
    await expect(page.locator("#name")).to_have_value(
        "Half typed"
    )  # a test does not take away what is being typed
    await expect(page.locator("#test-now")).to_be_focused()
    hook.status = 400
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.locator(".trial")).to_contain_text("failed")
    await expect(page.locator(".trial")).to_contain_text("HTTP 400")

    # The rate line follows what others send, by itself.
    await page.evaluate("document.body.dataset.loaded = 'once'")
    hook.status = 200
    second = await visit.context.new_page()
    await second.goto(page.url)
    await second.get_by_role("button", name="Send a test").click()
    await expect(second.locator(".trial")).to_contain_text("delivered")
    await second.close()
    await expect(page.locator(".rate")).to_contain_text("2 sent in the last minute")
    assert await page.evaluate("document.body.dataset.loaded") == "once"

    await page.get_by_role("button", name="Turn off").click()
    await expect(page.get_by_role("button", name="Turn on")).to_be_focused()
    await expect(page.locator(".rate")).to_contain_text("off")
    page.once("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Delete this channel").click()
    await expect(page.get_by_role("heading", name="Nobody is told yet")).to_be_visible()


async def test_a_hidden_tab_asks_for_no_rate(visit: Visit, hook: Hook) -> None:
    page = visit.page
    await enter(visit)
    await page.goto("/dashboard")
    await add_channel(page, hook.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/rate" in request.url else None)
    await page.evaluate(
        "Object.defineProperty(document, 'hidden', {configurable: true, get: () => window.away}); window.away = true"
    )
    asked.clear()
    # Longer than a poll's 5 s: the only way to see that none comes.
    await page.evaluate("new Promise(done => setTimeout(done, 6000))")
    assert asked == []
    async with page.expect_request("**/rate*"):
        await page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")


async def test_the_same_without_javascript(plain_visit: Visit, hook: Hook) -> None:
    page = plain_visit.page
    await enter(plain_visit)
    await page.goto("/dashboard")
    await add_channel(page, hook.url)
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.locator(".trial")).to_contain_text("delivered")
    await page.get_by_role("button", name="Turn off").click()
    await page.get_by_role("button", name="Turn on").click()
    await page.goto("/checks/new")
    await page.locator("#name").fill("Job")
    await page.get_by_role("button", name="Create check").click()
    await page.get_by_role("link", name="Change").click()  # new checks get the channel by themselves
    await expect(page.get_by_label("Ops room Webhook")).to_be_checked()
    await page.get_by_label("Ops room Webhook").uncheck()
    await page.locator("#use").click()
    await expect(page.get_by_label("Ops room Webhook")).not_to_be_checked()
    own = page.locator("#own-webhook")
    await own.locator("summary").click()
    await own.locator("#webhook_url").fill("no url")
    await own.get_by_role("button", name="Save").click()
    await expect(own.locator("#webhook_url-error")).to_be_visible()
    await own.locator("#webhook_url").fill(f"{hook.url}/own")  # another endpoint: a signing secret of its own
    await own.locator("#webhook_url").press("Enter")
    await page.get_by_role("link", name="I have stored it").click()
    await own.get_by_role("button", name="Send a test").click()
    await expect(own.locator(".trial")).to_contain_text("delivered")
    await own.get_by_role("button", name="Remove").click()
    await expect(page.get_by_text("Only for this check")).to_be_visible()
    await page.get_by_role("link", name="Channels", exact=True).click()
    await page.get_by_role("link", name="Ops room").click()
    await page.get_by_role("button", name="Delete this channel").click()
    await expect(page.get_by_text("No check uses it.")).to_be_visible()
    await page.get_by_role("button", name="Delete it").click()
    await expect(page.get_by_role("heading", name="Nobody is told yet")).to_be_visible()
