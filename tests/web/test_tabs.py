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
