"""`python -m tests.pictures [folder]`: the README's pictures, of the running app with an account of three months."""

import asyncio
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from hypercorn.asyncio import serve
from hypercorn.config import Config
from playwright.async_api import Browser, async_playwright

from tests.browser.scenes import account_with_checks, status_page
from tests.conftest import MASTER_KEY, start_redis
from ttr.app import create_app
from ttr.now import now_ms
from ttr.settings import load_settings
from ttr.store.check_list import list_checks
from ttr.store.deadlines import tick_clock
from ttr.store.redis import Store, open_store, verify, wait_until_ready

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
PICTURES = (
    ("dashboard", "/dashboard", "cyberpunk.dark", DESK),
    ("check", "/checks/8", "solarized.light", DESK),
    ("themes", "/account", "blueprint.light", DESK),
    ("phone", "/dashboard", "terminal.dark", PHONE),
    ("status-page", "/s/{public_slug}/jobs", "", DESK),
)
"""Name, page, theme and scheme (a status page has its own), size."""


async def main(folder: Path) -> None:
    """Take them all; needs Chromium, as the browser tests do."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ttr-") as data:
        server = start_redis(Path(data))
        try:
            async with open_store(server.url) as store:
                await wait_until_ready(store)
                await verify(store)
                user, auth_key = await account_with_checks(store)
                checks = (
                    await list_checks(store, user, sort="name", descending=False, size=9, now=now_ms())
                ).checks
                await status_page(store, user, checks, "jobs", theme="solarized", scheme="dark")
                settings = load_settings(
                    {
                        "REDIS_URL": server.url,
                        "SECRET_KEY": "pictures",
                        "ENCRYPTION_KEY": MASTER_KEY,
                        "TTR_DATA_DIR": f"{data}/data",
                        "PUBLIC_URL": "https://ttr.example",
                    }
                )
                listener = socket.create_server(("127.0.0.1", 0))
                base = f"http://127.0.0.1:{listener.getsockname()[1]}"
                config = Config()
                config.bind = [f"fd://{listener.detach()}"]
                config.loglevel, config.graceful_timeout = "WARNING", 1
                stop = asyncio.Event()
                serving = asyncio.create_task(serve(create_app(settings), config, shutdown_trigger=stop.wait))
                ticking = asyncio.create_task(_tick(store))
                async with async_playwright() as playwright:
                    browser = await playwright.chromium.launch(
                        executable_path="/usr/bin/chromium", args=["--no-sandbox"]
                    )
                    await _take(browser, base, auth_key, user.public_slug, folder)
                    await browser.close()
                stop.set()
                ticking.cancel()
                with suppress(asyncio.CancelledError):
                    await ticking
                await serving
        finally:
            server.process.terminate()
            server.process.wait(10)


async def _take(browser: Browser, base: str, auth_key: str, public_slug: str, folder: Path) -> None:
    for name, path, look, size in PICTURES:
        context = await browser.new_context(
            base_url=base, viewport={"width": size["width"], "height": size["height"]}
        )
        page = await context.new_page()
        await page.goto("/")
        await page.get_by_label("Access key").fill(auth_key)
        await page.get_by_role("button", name="Log in").click()
        await page.wait_for_url("**/dashboard*")
        await context.add_cookies([{"name": "ttr_look", "value": f"{look}.25.", "url": base}])
        await page.goto(path.format(public_slug=public_slug))
        await page.evaluate("document.fonts.ready")
        await page.screenshot(path=folder / f"{name}.png")
        await context.close()
        print(folder / f"{name}.png")


async def _tick(store: Store) -> None:
    while True:
        await tick_clock(store, now_ms())
        await asyncio.sleep(0.5)


asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images")))
