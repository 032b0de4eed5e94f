"""axe finds nothing to object to on any page, in six themes, light and dark, on a desk and on a phone; and no page is
wider than its screen."""

import pytest

from tests.browser.conftest import Visit
from tests.browser.entry import log_in
from tests.browser.looks import objections
from tests.browser.scenes import account_with_checks
from ttr.store.redis import Store

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

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
    "/account/keys",
    "/account/sessions",
    "/account/names",
    "/account/delete",
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
_DOCS = (
    "/docs",
    "/docs/concepts",
    "/docs/settings",
    "/docs/recipes",
    "/docs/search?q=redis+snapshot",
    "/docs/decisions",
    "/docs/api",
)
PAGES = {"account": ("/patterns", *_LISTS, *_CHECKS), "docs": _DOCS}


@pytest.mark.parametrize("group", list(PAGES))
async def test_axe_objects_to_nothing_and_no_page_is_too_wide(visit: Visit, store: Store, group: str) -> None:
    page = visit.page
    user, _ = await account_with_checks(store)
    await log_in(visit, user)
    found: list[object] = []
    for path in PAGES[group]:
        await page.goto(path)
        found += await objections(page, path)
    visit.complaints[:] = [
        said for said in visit.complaints if "404" not in said
    ]  # of the page that is not there
    assert found == []
