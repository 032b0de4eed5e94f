"""Whoever opens a page anywhere learns what its commands' variables are, before the first command that uses them."""

import re
from pathlib import Path

import pytest

from tests.docs.fences import PAGES, ROOT, fences

_LINK = "quick-start.md#by-curl"
_USED = re.compile(r"\$\{?(BASE|AUTH_KEY|USER_SLUG)\b")


def unset(document: str) -> list[str]:
    """Those that a line for a shell uses before one above it sets them, on a page that has not linked yet."""
    found: list[str] = []
    known: set[str] = set()
    lines = document.splitlines()
    for fence in fences(document):
        if fence.language != "sh" or _LINK in "\n".join(lines[: fence.line - 1]):
            continue
        for number, line in enumerate(fence.text.splitlines(), fence.line):
            found += [f"{number}: {name}" for name in _USED.findall(line) if name not in known]
            known |= set(re.findall(r"^([A-Z_]+)=", line))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_uses_it_sets_or_says_where_that_is_done(page: Path) -> None:
    assert unset(page.read_text()) == []


def test_what_nobody_has_set_is_noticed() -> None:
    fence = "# Title\n\n```sh\nBASE=http://there\ncurl $BASE -H $AUTH_KEY\n```\n"
    assert unset(fence) == ["5: AUTH_KEY"]
    assert unset(fence.replace("# Title\n", f"[those of the start]({_LINK})\n")) == []
    assert unset(f"{fence}\n[too late]({_LINK})\n") == ["5: AUTH_KEY"]
