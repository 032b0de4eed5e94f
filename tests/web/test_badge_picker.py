"""Where an owner finds badges: what is to be pasted is right, and tells nobody how to ping."""

import re
from html import unescape
from urllib.parse import urlsplit

import pytest

from tests.web.conftest import Visitor, text, typed_in
from ttr.domain.badge import BadgeQuery
from ttr.domain.badge_address import sealed
from ttr.now import now_ms
from ttr.store.account_slugs import rename
from ttr.store.checks import get_check
from ttr.store.redis import Store
from ttr.store.users import User, user_by_id
from ttr.web.badge_codes import codes, markdown

BASE = "http://localhost"


def copied(page: str) -> list[str]:
    """What the buttons of a page copy."""
    return [unescape(found) for found in re.findall(r'data-copy="([^"]*)"', page)]


def badge_of(user: User | None) -> str:
    assert user
    return f"{BASE}/p/{user.public_slug}"


async def test_a_checks_page_has_every_form_of_its_badge(owner: Visitor) -> None:
    check = await owner.make_check(name="Nightly & more", slug="nightly")
    page = await owner.read(f"/checks/{check}/badge")
    badge = f"{badge_of(owner.user)}/nightly/badge"
    assert copied(page) == [
        rf"![Nightly \& more]({badge}.svg)",
        f'<img src="{badge}.svg" alt="Nightly &amp; more" height="20">',
        f"{badge}.svg",
        f"{badge}.json",
    ]
    assert f'src="{urlsplit(badge).path}.svg"' in page


async def test_a_choice_is_kept_in_the_form_and_in_the_lines(owner: Visitor) -> None:
    check = await owner.make_check(slug="nightly")
    asked = "label=My%20job%20%281%29&show=uptime&window=7d"
    for path, htmx in ((f"/checks/{check}/badge", False), (f"/checks/{check}/badge/codes", True)):
        response = await owner.get(f"{path}?{asked}", htmx=htmx)
        page = await text(response)
        assert copied(page)[2] == f"{badge_of(owner.user)}/nightly/badge.svg?{asked}"
        assert copied(page)[1].count("&amp;") == 2
        assert await owner.read(urlsplit(copied(page)[2]).path + f"?{asked}")
        if htmx:
            assert response.headers["HX-Replace-Url"] == f"/checks/{check}/badge?{asked}"
        else:
            assert typed_in(page, "badge-form") == {"label": "My job (1)", "show": "uptime", "window": "7d"}


async def test_the_accounts_page(owner: Visitor) -> None:
    page = await owner.read("/account/badge?label=Jobs")
    badge = f"{badge_of(owner.user)}/badge"
    assert copied(page)[0] == f"![Jobs]({badge}.svg?label=Jobs)"
    assert typed_in(page, "badge-form") == {"label": "Jobs"}
    response = await owner.get("/account/badge/codes", htmx=True)
    assert copied(await text(response))[3] == f"{badge}.json"
    assert response.headers["HX-Replace-Url"] == "/account/badge"
    assert f'src="{urlsplit(badge).path}.svg"' in await owner.read("/account")


@pytest.mark.parametrize("path", ["/checks/{id}/badge", "/checks/{id}/badge/codes", "/account/badge/codes"])
async def test_what_the_badge_would_refuse_is_said(owner: Visitor, path: str) -> None:
    check = await owner.make_check()
    response = await owner.get(path.format(id=check) + "?label=a%0Ab&window=1y")
    page = await text(response)
    assert response.status_code == 422
    assert "Control characters can&#39;t be in a label." in page
    assert copied(page) == []


async def test_no_page_publishes_what_pings(owner: Visitor, store: Store) -> None:
    assert owner.user
    numbers = [await owner.make_check(slug=slug) for slug in ("nightly", "")]
    for number in numbers:
        check = await get_check(store, owner.user, str(number))
        for path in (f"/checks/{number}/badge", f"/checks/{number}/badge/codes", "/badges", "/account/badge"):
            page = await owner.read(path)
            assert owner.user.user_slug not in page
            assert check.uuid not in page
    name = sealed(check.id, check.uuid)
    badge = f"{badge_of(owner.user)}/{name}/badge.svg"
    assert badge in copied(await owner.read(f"/checks/{number}/badge"))
    assert (await owner.get(urlsplit(badge).path)).status_code == 200
    menu = copied(await owner.read("/dashboard"))
    assert f"![Backup]({badge})" in menu
    assert f"![Backup]({badge_of(owner.user)}/nightly/badge.svg)" in menu
    assert f"![Backup]({badge})" in copied(await owner.read(f"/checks/{number}/row"))


async def test_where_the_public_slug_pings_no_address_tells_a_checks_slug(
    owner: Visitor, store: Store
) -> None:
    assert owner.user
    number = await owner.make_check(slug="nightly")
    check = await get_check(store, owner.user, str(number))
    badge = f"{BASE}/p/{{}}/{sealed(check.id, check.uuid)}/badge.svg"
    pages = (f"/checks/{number}/badge", "/badges", "/dashboard")

    # Both slugs are one text; then the ping slug changes, and the one before takes pings for 30 days more.
    for user_slug in ("both-slugs", "another-slug"):
        user = await user_by_id(store, owner.user.id)
        assert user
        await rename(store, user, user_slug=user_slug, public_slug="both-slugs", now=now_ms())
        for path in pages:
            assert any(badge.format("both-slugs") in line for line in copied(await owner.read(path)))
            assert not any("nightly/badge" in line for line in copied(await owner.read(path)))
        assert "Your public slug takes pings as well" in await owner.read(pages[0])


async def test_the_list_pages_through_the_checks_by_name(owner: Visitor) -> None:
    for number in range(12):
        await owner.make_check(name=f"Job {number:02}", slug=f"job-{number:02}")
    await owner.post("/appearance", page_size="10", back="/badges")
    first = await owner.read("/badges")
    names = re.findall(r'href="/checks/\d+/badge">([^<]+)<', first)
    assert names == [f"Job {number:02}" for number in range(10)]
    following = re.search(r'id="after" href="([^"]+)"', first)
    assert following
    second = await owner.read(unescape(following[1]))
    assert re.findall(r'href="/checks/\d+/badge">([^<]+)<', second) == ["Job 10", "Job 11"]
    back = re.search(r'id="before" href="([^"]+)"', second)
    assert back
    assert re.findall(r'href="/checks/\d+/badge">([^<]+)<', await owner.read(unescape(back[1]))) == names
    assert re.findall(r'href="/checks/\d+/badge">([^<]+)<', await owner.read("/badges?cursor=x")) == names


async def test_a_checks_settings_show_its_badge(owner: Visitor) -> None:
    check = await owner.make_check(slug="nightly")
    page = await owner.read(f"/checks/{check}/settings")
    assert f'href="/checks/{check}/badge"' in page
    assert f'src="{urlsplit(badge_of(owner.user)).path}/nightly/badge.svg"' in page


def test_no_name_ends_the_picture_in_markdown() -> None:
    assert markdown("a](x)[b\\ `c` <d> &amp;", "u") == r"![a\](x)\[b\\ \`c\` \<d> \&amp;](u)"


def test_no_label_ends_the_picture_in_html_or_its_address() -> None:
    lines = codes(BASE, "pub", "job", "x", BadgeQuery(label="\"><script> ')+%"))
    assert lines.html.count('"') == 6
    assert "<script>" not in lines.html
    assert lines.path == "/p/pub/job/badge.svg?label=%22%3E%3Cscript%3E%20%27%29%2B%25"
