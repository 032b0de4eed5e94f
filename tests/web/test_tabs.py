"""The pages of one check lead to each other."""

import re

import pytest

from tests.web.conftest import Visitor

TABS = {
    "": "Overview",
    "/log": "Log",
    "/integrations": "Integrations",
    "/deliveries": "Alerts sent",
    "/settings": "Settings",
}


@pytest.mark.parametrize("path", TABS)
async def test_each_page_of_a_check_names_the_others_and_itself(owner: Visitor, path: str) -> None:
    check = await owner.make_check(name="<i>Nightly</i>")
    page = await owner.read(f"/checks/{check}{path}")
    tabs = page[page.index('<nav class="tabs"') :].partition("</nav>")[0]
    for other, label in TABS.items():
        here = ' aria-current="page"' if other == path else ""
        assert f'href="/checks/{check}{other}"{here}>{label}</a>' in tabs
    assert re.search(r'aria-label="Pages of &lt;i&gt;Nightly', tabs)
    assert page.count("<h1") == 1


async def test_the_page_of_a_badge_lies_within_the_settings(owner: Visitor) -> None:
    check = await owner.make_check()
    page = await owner.read(f"/checks/{check}/badge")
    assert f'href="/checks/{check}/settings" aria-current="true">Settings</a>' in page
    assert page.count("aria-current") == 2  # and the checks, in the header


async def test_the_list_of_badges_lies_within_the_account(owner: Visitor) -> None:
    assert 'href="/account" aria-current="true">Account</a>' in await owner.read("/badges")
