"""What axe objects to on a page, in six themes, each light and dark; and whether the page is wider than its screen."""

from collections.abc import Iterator

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from ttr.domain.preferences import THEMES

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_LOOKS = ["color-contrast", "target-size", "link-in-text-block"]


async def objections(page: Page, path: str, *, all_looks: bool) -> list[object]:
    """Of the page that is open: its width in every look, all rules in the first one, and with `all_looks` those that a
    theme may break in all others. `path` names it in what is found."""
    found: list[object] = []
    for at, look in enumerate(_looks()):
        await page.evaluate("look => Object.assign(document.documentElement.dataset, look)", look)
        over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [(path, look, f"{over} px too wide")] if over > 0 else []
        if at == 0:
            found += [(path, *fault) for fault in await _faults(page, {"type": "tag", "values": _RULES})]
        elif all_looks:
            only: dict[str, object] = {"type": "rule", "values": _LOOKS}
            found += [(path, look, *fault) for fault in await _faults(page, only)]
    return found


def _looks() -> Iterator[dict[str, str]]:
    for theme in THEMES:
        for scheme in ("light", "dark"):
            yield {"theme": theme, "scheme": scheme}


async def _faults(page: Page, only: dict[str, object]) -> list[tuple[str, list[str]]]:
    answer = await Axe().run(page, options={"runOnly": only, "resultTypes": ["violations"]})
    return [
        (fault["id"], [node["html"] for node in fault["nodes"]]) for fault in answer.response["violations"]
    ]
