"""axe finds nothing to object to on any page, in six themes, light and dark, on a desk and on a phone; and no page is
wider than its screen."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from tests.browser.conftest import Visit
from tests.browser.scenes import account_with_checks
from ttr.domain.preferences import THEMES
from ttr.store.redis import Store

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_LOOKS = ["color-contrast", "target-size", "link-in-text-block"]
_LISTS = (
    "/",
    "/dashboard",
    "/dashboard?q=no-check-has-this-name",
    "/channels",
    "/channels/new",
    "/channels/1",
    "/deliveries",
    "/account",
    "/account/badge",
    "/badges",
    "/docs/keyboard",
    "/nothing-is-here",
)
_CHECKS = (
    "/checks/1",
    "/checks/8",
    "/checks/12",
    "/checks/new",
    "/checks/1/settings",
    "/checks/1/log",
    "/checks/1/pings/170",
    "/checks/1/integrations",
    "/checks/1/deliveries",
    "/checks/1/content",
    "/checks/1/badge",
    "/checks/11/badge?show=uptime",
    "/checks/1/delete",
)
_LARGE = ("/patterns", "/docs/api")
PAGES = {"lists": _LISTS, "checks": _CHECKS, "large": _LARGE}


def _looks() -> Iterator[dict[str, str]]:
    for theme in THEMES:
        for scheme in ("light", "dark"):
            yield {"theme": theme, "scheme": scheme}


async def _log_in(page: Page, auth_key: str) -> None:
    await page.goto("/")
    await page.get_by_label("Access key").fill(auth_key)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url("**/dashboard*")


async def _faults(page: Page, only: dict[str, object]) -> list[tuple[str, list[str]]]:
    answer = await Axe().run(page, options={"runOnly": only, "resultTypes": ["violations"]})
    return [
        (fault["id"], [node["html"] for node in fault["nodes"]]) for fault in answer.response["violations"]
    ]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("group", list(PAGES))
async def test_axe_objects_to_nothing_and_no_page_is_too_wide(
    visit: Visit, store: Store, group: str, width: int
) -> None:
    page = visit.page
    await page.set_viewport_size({"width": width, "height": 844})
    _, auth_key = await account_with_checks(store)
    await _log_in(page, auth_key)
    found: list[object] = []
    for path in PAGES[group]:
        await page.goto(path)
        # All rules once; what a theme changes is colours and sizes, and those on a desk show all there is.
        for at, look in enumerate(_looks()):
            await page.evaluate("look => Object.assign(document.documentElement.dataset, look)", look)
            over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            found += [(path, look, f"{over} px too wide")] if over > 0 else []
            if at == 0:
                found += [(path, *fault) for fault in await _faults(page, {"type": "tag", "values": _RULES})]
            elif width > 1000:
                only = {"type": "rule", "values": _LOOKS}
                found += [(path, look, *fault) for fault in await _faults(page, only)]
    visit.complaints[:] = [
        said for said in visit.complaints if "404" not in said
    ]  # of the page that is not there
    assert found == []
