"""Badges in a real renderer: the text is as wide as it was taken for, and lies inside its ground; and their pages."""

from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.entry import enter, log_in
from tests.browser.scenes import account_with_checks
from tests.lua.parts import make_check
from ttr.domain.badge import Badge, layout
from ttr.now import now_ms
from ttr.store.redis import Store
from ttr.store.users import User

pytestmark = pytest.mark.browser

LATIN = (
    *(
        "Nightly backup of the billing database",
        "backup-billing",
        "WWWWWWWW",
        "iiiillll||||",
        "MiMiMi",
        "a  b",
    ),
    *("1,234 down", "99.98 %", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "x" * 100, "-"),
    *(
        "0123456789 .,:;!?()[]{}<>&\"'/@#",
        "\u2013 \u2014 \u201cquoted\u201d \u2026",
        "Gr\u00f6\u00dfe, \u00c6\u00d8\u00c5",
    ),
    *(
        "\u0160\u0137\u016b\u0146a \u017eurn\u0101ls",
        "\u0416\u0443\u0440\u043d\u0430\u043b",
        "\u0391\u03bd\u03c4\u03af\u03b3\u03c1\u03b1\u03c6\u03b1",
    ),
)
OTHERS = (
    *(
        "\u65e5\u672c\u8a9e\u306e\u30d0\u30c3\u30af\u30a2\u30c3\u30d7",
        "\u65e5" * 100,
        "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
    ),
    *(
        "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645",
        "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
        "\u0928\u092e\u0938\u094d\u0924\u0947",
    ),
    *(
        "\U0001f600\U0001f680 go",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\u0301\u0302",
        "\u202eevil",
        "]]>",
    ),
    *("\uff21\uff22\uff43", "&amp;", '"', "<script>alert(1)</script>"),
)
_FONTS = ("", "DejaVu Sans Mono", "DejaVu Serif", "DejaVu Sans Condensed")
"""Its own, and such as others have in its place."""
_MEASURE = """fonts => {
  const texts = [...document.querySelectorAll("text")], own = texts.map(text => text.getAttribute("font-family"));
  const draw = font => texts.forEach((text, at) => {
    if (font || own[at]) text.setAttribute("font-family", font || own[at]);
    else text.removeAttribute("font-family");
  });
  const span = element => { const {x, width} = element.getBBox(); return [x, x + width]; };
  const drawn = fonts.map(font => (draw(font), texts.map(span)));
  const grounds = [...document.querySelectorAll("svg > path")].map(span);
  draw("");
  texts.forEach(text => { text.removeAttribute("textLength"); text.removeAttribute("lengthAdjust"); });
  return {drawn, grounds, free: texts.map(text => text.getComputedTextLength())};
}"""


async def test_every_text_lies_on_its_ground_in_whatever_font_and_is_as_wide_as_we_think(
    visit: Visit, store: Store, account: tuple[User, str]
) -> None:
    path = await _badge(store, account[0])
    for label in (*LATIN, *OTHERS):
        await visit.page.goto(f"{path}?label={quote(label)}")
        found = await visit.page.evaluate(_MEASURE, _FONTS)
        for font, texts in zip(_FONTS, found["drawn"], strict=True):
            for (left, right), (start, end) in zip(texts, found["grounds"], strict=True):
                # An accent without a letter is drawn back over the edge of its text.
                edge = 0 if label in OTHERS else 4
                assert start + edge <= left < right <= end - edge, (label, font, found)
        if label in OTHERS:
            continue
        at = layout(Badge(label, "new", "new"))
        for free, ours in zip(found["free"], (at.label_width, at.message_width), strict=True):
            assert 0.8 <= free / ours <= 1.25, (label, free, ours)


async def test_a_badge_is_a_picture_in_another_sites_page(
    visit: Visit, store: Store, account: tuple[User, str]
) -> None:
    path = await _badge(store, account[0])

    async def wiki(_: web.Request) -> web.Response:
        image = f'<img crossorigin src="{visit.base}{path}" alt="Backup">'
        return web.Response(text=f'<link rel="icon" href="data:,">{image}', content_type="text/html")

    site = web.Application()
    site.router.add_get("/", wiki)
    async with TestServer(site, host="127.0.0.1") as server:
        # By another name, so that it is another site.
        await visit.page.goto(f"http://localhost:{server.port}/")
        await _judge_picture(visit, path)


async def _judge_picture(visit: Visit, path: str) -> None:
    size = await visit.page.locator("img").evaluate(
        "async image => { await image.decode(); return [image.naturalWidth, image.naturalHeight]; }"
    )
    assert size == [layout(Badge("backup", "new", "new")).width, 20]
    json = await visit.page.evaluate(
        "async url => (await fetch(url)).json()", visit.base + path.replace(".svg", ".json")
    )
    assert json["message"] == "new"
    assert await visit.context.cookies() == []


async def test_a_badge_is_chosen_and_copied(visit: Visit, store: Store) -> None:
    page = visit.page
    user, _ = await account_with_checks(store)
    await log_in(visit, user)
    await page.goto("/checks/1/settings")
    await page.get_by_role("link", name="Choose and copy").click()
    image, lines = page.locator("#codes img"), page.locator("#codes .copy__value")
    picture = f"{visit.base}/p/{user.public_slug}/backup-billing/badge.svg"
    await expect(lines.nth(2)).to_have_text(picture)
    await expect(page.get_by_text("30 days")).to_be_hidden()

    await page.get_by_label("Uptime").check()
    await expect(lines.nth(2)).to_have_text(f"{picture}?show=uptime&window=30d")
    await page.get_by_label("7 days").check()
    await page.get_by_label("Label").fill("Bill (ing)")
    asked = "label=Bill%20%28ing%29&show=uptime&window=7d"
    await expect(lines.nth(2)).to_have_text(f"{picture}?{asked}")
    await expect(lines.nth(0)).to_have_text(f"![Bill (ing)]({picture}?{asked})")
    assert page.url == f"{visit.base}/checks/1/badge?{asked}"
    assert await image.evaluate("async image => { await image.decode(); return image.naturalHeight; }") == 20

    await page.reload()
    await expect(page.get_by_label("Label")).to_have_value("Bill (ing)")
    await expect(page.get_by_label("7 days")).to_be_checked()
    await page.get_by_role("button", name="Copy the HTML").click()
    await expect(page.locator("#announcer")).to_have_text("Copied.")


async def test_the_row_menu_copies_the_badge(visit: Visit, store: Store) -> None:
    page = visit.page
    user, _ = await account_with_checks(store)
    await visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await log_in(visit, user)
    await page.goto("/dashboard")
    await page.locator("#menu-1 > summary").click()
    await page.locator("#badge-1").click()
    await expect(page.locator("#announcer")).to_have_text("Copied.")
    picture = f"{visit.base}/p/{user.public_slug}/backup-billing/badge.svg"
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied == f"![Nightly backup of the billing database]({picture})"


async def test_the_same_without_javascript(plain_visit: Visit) -> None:
    page = plain_visit.page
    await enter(plain_visit)
    await page.goto("/checks/new")
    await page.locator("#name").fill("Plain")
    await page.get_by_role("button", name="Create check").click()
    await page.locator("#settings").click()
    await page.get_by_role("link", name="Choose and copy").click()
    await page.get_by_label("Uptime").check()
    await page.get_by_label("24 hours").check()
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("#codes .copy__value").nth(2)).to_contain_text("?show=uptime&window=24h")
    await page.goto("/account/badge?label=Jobs")
    await expect(page.locator("#codes .copy__value").nth(2)).to_contain_text("/badge.svg?label=Jobs")


async def _badge(store: Store, user: User) -> str:
    """The path of a new check's badge."""
    await make_check(store, user, now=now_ms(), slug="job")
    return f"/p/{user.public_slug}/job/badge.svg"
