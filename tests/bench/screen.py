"""From a change of status to the changed row on the screen, in a Chromium that shows the dashboard of fifty checks."""

import asyncio
import shutil

import aiohttp
from playwright.async_api import async_playwright

from tests.bench import population, stack
from ttr.now import now_ms
from ttr.store.checks import get_check
from ttr.store.deadlines import tick_clock
from ttr.store.sessions import open_session
from ttr.web.security import SESSION_COOKIE

CHECKS, FLIPS = 50, 60
_WATCH = """(id) => {
  window.seen = [];
  new MutationObserver(() => {
    const status = document.querySelector(`[data-check="${id}"]`)?.dataset.status;
    if (status && status !== window.status_) window.seen.push([status, performance.timeOrigin + performance.now()]);
    window.status_ = status;
  }).observe(document.body, {subtree: true, childList: true, attributes: true, attributeFilter: ["data-status"]});
}"""


async def run() -> None:
    """A check fails and succeeds in turns; both clocks are this machine's."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        print("screen: no Chromium on the PATH")
        return
    with stack.redis() as url:
        async with stack.store(url) as store, stack.process("web", url) as (_, base):
            user = await population.account(store)
            checks = await population.populate(
                store, user, [population.settings(n, 3_600) for n in range(CHECKS)]
            )
            check = await get_check(store, user, str(checks[7].id))
            await tick_clock(store, now_ms() + 3_600_000)  # no clock runs here, and the page would say so
            async with async_playwright() as playwright, aiohttp.ClientSession() as client:
                browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
                context = await browser.new_context(base_url=base)
                session = await open_session(store, user, now_ms())
                await context.add_cookies([{"name": SESSION_COOKIE, "value": session, "url": base}])
                page = await context.new_page()
                await page.goto("/dashboard?size=50")
                await asyncio.sleep(2)  # the stream is open
                await page.evaluate(_WATCH, check.id)
                sent, pings = [], []
                for turn in range(FLIPS):
                    end = "" if turn % 2 else "/fail"
                    began = now_ms()
                    async with client.post(f"{base}/p/{user.user_slug}/{check.address}{end}") as answer:
                        assert answer.status == 200
                    sent.append(now_ms())
                    pings.append(sent[-1] - began)
                    await asyncio.sleep(1.3)  # a second is what a busy page waits between two lists
                seen = await page.evaluate("window.seen")
                await browser.close()
    took = sorted(int(at - when) for when, (_, at) in zip(sent, seen, strict=False))
    print(
        f"screen: {len(seen)} of {FLIPS} changes of status seen among {CHECKS} checks; from the ping's answer to "
        f"the changed row p50 {stack.percentile(took, 0.5)} ms, p99 {stack.percentile(took, 0.99)} ms; the median is "
        f"{stack.percentile(took, 0.5) / max(1, stack.percentile(pings, 0.5)):.1f}x that of the pings themselves"
    )
