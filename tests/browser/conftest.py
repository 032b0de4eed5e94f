"""The app behind a real port and a Chromium in front of it, which is believed when it complains."""

import asyncio
import os
import re
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright
from quart import Quart

from ttr import current
from ttr.app import create_app
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.deadlines import tick_clock
from ttr.store.redis import Store

# Chromium's own remark on an answer that we mean to give.
_MEANT = "Failed to load resource: the server responded with a status of 422"
# A row that hears of its check's end may ask for itself before the answer to the deletion takes it away.
_GONE = re.compile(r"/checks/\d+/(row|live)\b")


@dataclass
class Visit:
    """One browser at one app; `complaints` must stay empty."""

    context: BrowserContext
    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Collect console errors and warnings (CSP violations among them) and errors of the page."""
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        gone = " 404 " in message.text and _GONE.search(message.location["url"])
        if message.type in ("error", "warning") and not gone and not message.text.startswith(_MEANT):
            self.complaints.append(f"{message.text} {message.location['url']}")


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The system's Chromium; without one these tests are skipped, but fail in CI."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        assert "CI" not in os.environ, ".ci/run installs Chromium"
        pytest.skip("no Chromium on the PATH")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def base(store: Store, settings: Settings) -> AsyncIterator[str]:
    """The address of the app, served on a port of its own; a clock ticks beside it."""
    app = create_app(settings)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]  # from here on the server's, which closes it
    config.loglevel = "WARNING"
    config.graceful_timeout = 1
    stop = asyncio.Event()
    serving = asyncio.create_task(_serve(app, config, stop))
    ticking = asyncio.create_task(_tick(store))
    yield f"http://127.0.0.1:{port}"
    stop.set()
    ticking.cancel()
    await asyncio.wait_for(serving, 20)


@pytest.fixture
async def visit(chromium: Browser, base: str) -> AsyncIterator[Visit]:
    """A browser without cookies."""
    async for one in _visit(chromium, base, javascript=True):
        yield one


@pytest.fixture
async def plain_visit(chromium: Browser, base: str) -> AsyncIterator[Visit]:
    """A browser without cookies and without JavaScript."""
    async for one in _visit(chromium, base, javascript=False):
        yield one


async def _visit(browser: Browser, base: str, *, javascript: bool) -> AsyncIterator[Visit]:
    context = await browser.new_context(
        base_url=base, java_script_enabled=javascript, viewport={"width": 1280, "height": 800}
    )
    context.set_default_timeout(15_000)
    visit = Visit(context, await context.new_page(), base)
    visit.listen()
    yield visit
    await context.close()
    assert visit.complaints == []


async def _serve(app: Quart, config: Config, stop: asyncio.Event) -> None:
    async def stopping() -> None:
        await stop.wait()
        current.end_streams(app)

    await serve(app, config, shutdown_trigger=stopping)


async def _tick(store: Store) -> None:
    while True:
        await tick_clock(store, now_ms())
        await asyncio.sleep(0.5)
