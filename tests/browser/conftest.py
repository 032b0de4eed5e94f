"""The app behind a real port and a Chromium in front of it, which is believed when it complains."""

import asyncio
import os
import re
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
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
    """One browser at one app, and what the app keeps; `complaints` must stay empty."""

    context: BrowserContext
    page: Page
    base: str
    store: Store
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
        browser = await playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--process-per-site"]
        )
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def listener() -> Iterator[socket.socket]:
    """Where each test's app listens in its turn: scripts and styles that are cached are good for the next."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
async def base(store: Store, settings: Settings, listener: socket.socket) -> AsyncIterator[str]:
    """The address of the app; a clock ticks beside it."""
    app = create_app(settings)
    config = Config()
    config.bind = [f"fd://{listener.dup().detach()}"]  # from here on the server's, which closes it
    config.loglevel = "WARNING"
    config.graceful_timeout = 1
    stop = asyncio.Event()
    serving = asyncio.create_task(_serve(app, config, stop))
    ticking = asyncio.create_task(_tick(store, stop))
    yield _address(listener)
    stop.set()
    await asyncio.wait_for(asyncio.gather(serving, ticking), 20)


@pytest.fixture(scope="session")
async def scripted(chromium: Browser, listener: socket.socket) -> AsyncIterator[BrowserContext]:
    """A browser's profile."""
    async with _profile(chromium, _address(listener), javascript=True) as profile:
        await _stay(profile)
        yield profile


@pytest.fixture(scope="session")
async def plain(chromium: Browser, listener: socket.socket) -> AsyncIterator[BrowserContext]:
    """The profile of a browser without JavaScript."""
    async with _profile(chromium, _address(listener), javascript=False) as profile:
        await _stay(profile)
        yield profile


@pytest.fixture
async def visit(scripted: BrowserContext, base: str, store: Store) -> AsyncIterator[Visit]:
    """A browser without cookies."""
    async with _visit(scripted, base, store) as visit:
        yield visit


@pytest.fixture
async def plain_visit(plain: BrowserContext, base: str, store: Store) -> AsyncIterator[Visit]:
    """A browser without cookies and without JavaScript."""
    async with _visit(plain, base, store) as visit:
        yield visit


@pytest.fixture
async def lone_visit(chromium: Browser, base: str, store: Store) -> AsyncIterator[Visit]:
    """A browser whose clock or network the test may take in hand: no profile gets its own clock back, and a page hears
    that it is offline as soon as another one is."""
    async with _profile(chromium, base, javascript=True) as profile, _visit(profile, base, store) as visit:
        yield visit


@asynccontextmanager
async def _profile(browser: Browser, base: str, *, javascript: bool) -> AsyncIterator[BrowserContext]:
    profile = await browser.new_context(
        base_url=base, java_script_enabled=javascript, viewport={"width": 1280, "height": 800}
    )
    profile.set_default_timeout(15_000)
    yield profile
    await profile.close()


async def _stay(profile: BrowserContext) -> None:
    """Leave a page open, and with it the process of all pages of the site: starting one costs more than most tests do
    in it."""
    page = await profile.new_page()
    await page.route("**", lambda route: route.fulfill(body=""))
    await page.goto("/")


@asynccontextmanager
async def _visit(profile: BrowserContext, base: str, store: Store) -> AsyncIterator[Visit]:
    """A page in the profile, which is as it was when the visit is over."""
    kept = list(profile.pages)
    visit = Visit(profile, await profile.new_page(), base, store)
    visit.listen()
    yield visit
    for page in profile.pages:
        if page not in kept:
            await page.close()
    await profile.clear_permissions()
    await profile.clear_cookies()
    assert visit.complaints == []


def _address(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


async def _serve(app: Quart, config: Config, stop: asyncio.Event) -> None:
    async def stopping() -> None:
        await stop.wait()
        current.end_streams(app)

    await serve(app, config, shutdown_trigger=stopping)


async def _tick(store: Store, stop: asyncio.Event) -> None:
    # No cancellation: redis-py swallows one in ten, and this would tick on in the tests to come.
    while not stop.is_set():
        await tick_clock(store, now_ms())
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await stop.wait()
