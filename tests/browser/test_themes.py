"""Six themes in two schemes: true swatches, fonts only where used, no sideways scroll, focus that can be seen."""

import re

import pytest
from playwright.async_api import Request, expect

from tests.browser.conftest import Visit
from tests.web.test_contrast import FILES, colours
from ttr.domain.preferences import THEMES, Preferences

pytestmark = pytest.mark.browser

_BOX = "e => { const s = getComputedStyle(e); return [s.backgroundColor, s.color, s.borderTopStyle, s.borderRadius] }"
_FONTS = {
    "cyberpunk": {"orbitron", "share-tech-mono"},
    "retro": {"vt323"},
    "blueprint": {"special-elite"},
    "terminal": set(),
    "solarized": set(),
    "arcade": {"press-start-2p"},
}


def _rgb(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


async def test_a_swatch_is_true_inside_any_other_theme(visit: Visit) -> None:
    page = visit.page
    seen = []
    for around in ("theme=terminal&scheme=dark", "theme=blueprint&scheme=light"):
        await page.goto(f"/patterns?{around}")
        boxes = {}
        for path in FILES:
            for scheme in ("light", "dark"):
                swatch = page.locator(f'.swatch[data-theme="{path.stem}"][data-scheme="{scheme}"]')
                boxes[path.stem, scheme] = box = await swatch.evaluate(_BOX)
                palette = colours(path, scheme)
                assert box[:2] == [_rgb(palette["surface"]), _rgb(palette["text"])]
                assert box[2] == ("dashed" if path.stem == "blueprint" else "solid")
        seen.append(boxes)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("theme", THEMES)
async def test_a_theme_fetches_its_own_fonts_and_fits_a_phone(visit: Visit, theme: str) -> None:
    page = visit.page
    fetched: set[str] = set()

    def note(request: Request) -> None:
        if found := re.search(r"/fonts/([a-z0-9-]+)\.woff2", request.url):
            fetched.add(found[1])

    look = str(Preferences(theme=theme, scheme="light"))
    await visit.context.add_cookies([{"name": "ttr_look", "value": look, "url": visit.base}])
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto("/")
    await page.get_by_role("button", name="Get a key").click()
    await page.get_by_role("link", name="I have stored it").click()
    await expect(page.get_by_role("heading", name="Nothing is watched yet")).to_be_visible()
    page.on("request", note)
    for path in ("/dashboard", "/checks/new", "/channels"):
        await page.goto(path)
        await page.evaluate("document.fonts.ready.then(() => 0)")
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width == 390, f"{path} is {width} px wide"
        links = page.get_by_role("navigation", name="Main").get_by_role("link")
        for at in range(await links.count()):
            box = await links.nth(at).bounding_box()
            assert box
            assert box["height"] >= 24
            assert 0 <= box["x"] <= 390 - box["width"]
    assert fetched == _FONTS[theme]


async def test_the_keyboard_sees_where_it_is(visit: Visit) -> None:
    page = visit.page
    await page.goto("/patterns?theme=cyberpunk&scheme=dark")
    await page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport(ratio=1)
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()
    ringed = 0
    for _ in range(60):
        await page.keyboard.press("Tab")
        tag, style, width = await page.evaluate(
            "(() => { const e = document.activeElement, s = getComputedStyle(e);"
            " return [e.tagName, s.outlineStyle, parseFloat(s.outlineWidth)] })()"
        )
        if tag == "BODY":
            break
        assert (style, width >= 2) == ("solid", True), await page.evaluate("document.activeElement.outerHTML")
        ringed += 1
    assert ringed > 40


async def test_more_contrast_and_colours_of_the_readers_own(visit: Visit) -> None:
    page = visit.page
    await page.goto("/patterns?theme=solarized&scheme=light")
    muted = page.locator(".page-head .muted")
    before = await muted.evaluate("e => getComputedStyle(e).color")
    await page.emulate_media(contrast="more")
    after = await muted.evaluate("e => getComputedStyle(e).color")
    assert before != after == await page.evaluate("getComputedStyle(document.documentElement).color")
    await page.emulate_media(contrast="no-preference", forced_colors="active")
    status = page.locator('.status[data-status="down"]').first
    assert await status.evaluate("e => getComputedStyle(e).borderTopWidth") == "1px"
    await expect(status).to_have_text("down")
    chosen = page.locator('.appearance [aria-pressed="true"]')
    assert await chosen.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


async def test_the_system_chooses_where_nobody_has(visit: Visit) -> None:
    page = visit.page
    dark = next(path for path in FILES if path.stem == "retro")
    await page.goto("/patterns?theme=retro&scheme=system")
    for scheme in ("light", "dark", "light"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        ground = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert ground == _rgb(colours(dark, scheme)["surface"])
