"""What axe objects to on a page, in six themes, each light and dark, on a desk and on a phone; and whether the page is
wider than its screen."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from ttr.domain.preferences import THEMES

DESK, PHONE = 1280, 390
"""Widths of screens, in px."""

_RULES = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
_LOOKS = [{"theme": theme, "scheme": scheme} for theme in THEMES for scheme in ("light", "dark")]
_SCRIPT = Path(__file__).with_suffix(".js").read_text()


async def objections(
    page: Page, path: str, *, all_looks: bool = True, widths: Sequence[int] = (DESK, PHONE)
) -> list[object]:
    """Of the page that is open, on a desk and on a phone: its width in every look and all rules in the first one; on
    the desk, with `all_looks`, what a theme may break in all others. `path` names it in what is found.

    The page stays as it is, the last width included.
    """
    # Once a page: what an engine has learned of a script, it learns anew when that comes a second time.
    await page.evaluate(Axe().axe_script)
    found: list[object] = []
    for width in widths:
        await page.set_viewport_size({"width": width, "height": 844})
        asked = {"looks": _LOOKS, "rules": _RULES, "again": all_looks and width == DESK}
        faults: list[Any] = await page.evaluate(_SCRIPT, asked)
        found += [(path, width, *fault) for fault in faults]
    return found
