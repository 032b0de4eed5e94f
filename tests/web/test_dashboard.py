"""The list of checks: what it shows, how it pages, when it is quiet."""

import re
from html import unescape
from urllib.parse import urlencode

import pytest

from tests.conftest import eventually
from tests.lua.parts import make_channel
from tests.web.conftest import Visitor, text
from ttr.domain.check_input import parse_check_json
from ttr.now import now_ms
from ttr.store.channels import assign
from ttr.store.check_list import Place
from ttr.store.checks import create_check
from ttr.store.cursor import cursor_text
from ttr.store.deadlines import tick_clock
from ttr.store.redis import Store
from ttr.web.list_query import SORTS

HOSTILE = "<script>alert(1)</script>\"'&"


async def test_an_empty_dashboard_teaches_the_first_ping(owner: Visitor) -> None:
    assert owner.user
    page = await owner.read("/dashboard")
    command = f"curl -fsS &#39;http://localhost/p/{owner.user.user_slug}/my-first-check?create=1&#39;"
    assert command in page
    response = await owner.client.get(f"/p/{owner.user.user_slug}/my-first-check?create=1")
    assert response.status_code == 201
    assert "my-first-check" in await owner.read("/dashboard")


async def test_a_row_shows_what_there_is_to_know(owner: Visitor) -> None:
    assert owner.user
    check = await owner.make_check(name="Nightly", slug="nightly", tags="db, big")
    page = await owner.read("/dashboard")
    row = page[page.index(f'id="check-{check}"') : page.index("</tbody>")]
    assert 'data-status="new"' in row
    for words in ("Nightly", "every hour", ">db<", ">big<", "never", f"/p/{owner.user.user_slug}/nightly"):
        assert words in row
    for action in ("pings", "pause", "delete"):
        assert (
            f'form="row-act" formaction="/checks/{check}/{action}" hx-post="/checks/{check}/{action}"' in row
        )
    for link in ("settings?back=%2Fdashboard", "integrations", "log"):
        assert f'href="/checks/{check}/{link}"' in row


async def test_names_and_tags_are_shown_as_text(owner: Visitor) -> None:
    check = await owner.make_check(name=HOSTILE, tags=HOSTILE, description=HOSTILE)
    for path in ("/dashboard", f"/checks/{check}", f"/checks/{check}/settings", f"/checks/{check}/delete"):
        page = await owner.read(path)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;" in page


async def test_a_fresh_list_is_answered_with_nothing(owner: Visitor, store: Store) -> None:
    await tick_clock(store, now_ms())
    check = await owner.make_check()
    since = token(await owner.read("/dashboard"))
    response = await owner.get(f"/dashboard/list?since={since}", htmx=True)
    assert (response.status_code, await text(response)) == (204, "")
    await owner.post(f"/checks/{check}/pings")
    response = await owner.get(f"/dashboard/list?since={since}", htmx=True)
    assert response.status_code == 200
    assert 'data-status="up"' in await text(response)


async def test_time_alone_makes_a_list_stale(owner: Visitor, store: Store) -> None:
    await tick_clock(store, now_ms())
    await owner.make_check(interval="1", interval_unit="seconds")
    since = token(await owner.read("/dashboard"))

    async def is_stale() -> bool:
        await tick_clock(store, now_ms())
        return (await owner.get(f"/dashboard/list?since={since}", htmx=True)).status_code == 200

    await eventually(is_stale)
    assert 'data-status="late"' in await owner.read("/dashboard/list")


async def test_a_nonsense_token_gets_the_list(owner: Visitor) -> None:
    for since in ("", "x", "1-2", "9" * 400, "1.2.3.4", "%D9%A3.0.0"):
        assert (await owner.get(f"/dashboard/list?since={since}")).status_code == 200


async def test_a_silent_clock_is_said(owner: Visitor, store: Store) -> None:
    await tick_clock(store, now_ms())
    page = await owner.read("/dashboard")
    assert "Nobody looks for overdue checks" not in page
    await tick_clock(store, now_ms() - 60_000)
    response = await owner.get(f"/dashboard/list?since={token(page)}", htmx=True)
    assert "Nobody looks for overdue checks" in await text(response)


async def test_what_somebody_types_becomes_the_address(owner: Visitor) -> None:
    await owner.make_check(name="Nightly", tags="db")
    response = await owner.get("/dashboard/list?q=night&tag=db&size=7", htmx=True)
    assert response.headers["HX-Replace-Url"] == "/dashboard?q=night&tag=db"
    assert "Nightly" in await text(response)
    refreshed = await owner.get("/dashboard/list?q=night&since=1.0.0", htmx=True)
    assert "HX-Replace-Url" not in refreshed.headers


@pytest.mark.parametrize("sort", list(SORTS))
@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_every_check_is_on_exactly_one_page(
    owner: Visitor, store: Store, sort: str, direction: str
) -> None:
    assert owner.user
    for number in range(60):
        settings = parse_check_json(
            b'{"name": "Check %03d", "interval_seconds": 3600, "grace_seconds": 60}' % number, now=now_ms()
        )
        await create_check(store, owner.user, settings, now=now_ms(), most=100)
    path, seen, pages = f"/dashboard?sort={sort}&dir={direction}&q=check", list[list[str]](), list[str]()
    everything = list[str]()
    while path:
        page = await owner.read(path)
        assert "q=check" in path
        pages.append(path)
        seen.append(names(page))
        everything += names(page)
        path = link(page, "after")
    assert [len(some) for some in seen] == [25, 25, 10]
    assert sorted(everything) == [f"Check {number:03d}" for number in range(60)]
    if sort in ("name", "made"):
        assert everything == sorted(everything, reverse=direction == "desc")

    second = await owner.read(link(await owner.read(pages[2]), "before"))
    assert names(second) == seen[1]
    assert link(second, "after")
    first = await owner.read(link(second, "before"))
    assert names(first) == seen[0]
    assert not link(first, "before")


async def test_a_page_beyond_the_end_shows_the_first(owner: Visitor) -> None:
    await owner.make_check(name="Only")
    for cursor in (
        cursor_text("status", Place("99", 1), backward=False),
        cursor_text("status", Place("0", 1), backward=True),
        cursor_text("name", Place("x", 1), backward=False),
        "x",
    ):
        assert "Only" in await owner.read(f"/dashboard?cursor={cursor}")


async def test_a_size_is_remembered(owner: Visitor) -> None:
    for number in range(12):
        await owner.make_check(name=f"Check {number}")
    assert len(names(await owner.read("/dashboard?size=10"))) == 10
    assert len(names(await owner.read("/dashboard"))) == 12
    response = await owner.post("/appearance", page_size="10", back="/dashboard?q=check")
    assert response.headers["Location"] == "/dashboard?q=check"
    assert len(names(await owner.read("/dashboard"))) == 10


async def test_counters_count_all_checks_and_filter(owner: Visitor) -> None:
    first, second = await owner.make_check(name="One"), await owner.make_check(name="Two")
    await owner.post(f"/checks/{first}/pings")
    await owner.post(f"/checks/{second}/pause")
    page = await owner.read("/dashboard?status=paused")
    assert names(page) == ["Two"]
    for status, count in (("all", 2), ("up", 1), ("paused", 1), ("down", 0)):
        part = page[page.index(f'id="count-{status}"') :]
        assert f'<span class="counter__number">{count}</span>' in part[: part.index("</a>")]


async def test_nothing_found_says_so_and_how_to_go_on(owner: Visitor) -> None:
    await owner.make_check()
    page = await owner.read("/dashboard?q=nothing-has-this-name&size=50")
    assert "No check is like that" in page
    assert 'href="/dashboard?size=50"' in page


async def test_tags_filter_all_or_any(owner: Visitor) -> None:
    await owner.make_check(name="One", tags="a, b")
    await owner.make_check(name="Two", tags="a")
    assert names(await owner.read("/dashboard?tag=a&tag=b")) == ["One"]
    assert sorted(names(await owner.read("/dashboard?tag=a&tag=b&match=any"))) == ["One", "Two"]
    assert "No check is like that" in await owner.read("/dashboard?tag=none-has-it")


async def test_a_row_alone_is_the_row_of_its_page(owner: Visitor) -> None:
    check = await owner.make_check(name="Nightly", tags="db")
    await owner.post(f"/checks/{check}/pings")
    page = await owner.read("/dashboard?q=night")
    row = await owner.read(f"/checks/{check}/row?back=%2Fdashboard%3Fq%3Dnight")
    shown = page[page.index(f'<tr id="check-{check}"') : page.index("</tbody>")].strip()
    assert timeless(row.strip()) == timeless(shown)


async def test_nobody_sees_a_row_of_another_account(owner: Visitor, visitor: Visitor) -> None:
    check = await owner.make_check(name="Secret")
    await visitor.post("/keys")
    for path in ("row", "recent", "content", "content/fragment"):
        response = await visitor.get(f"/checks/{check}/{path}")
        assert response.status_code == 404
        assert "Secret" not in await text(response)


async def test_a_look_shows_the_last_content_as_text(owner: Visitor) -> None:
    assert owner.user
    check = await owner.make_check(slug="job")
    assert "None is kept" in await owner.read(f"/checks/{check}/content")
    await owner.client.post(f"/p/{owner.user.user_slug}/job", data=b"<b>not bold</b>\0")
    for path in ("content", "content/fragment"):
        assert "&lt;b&gt;not bold&lt;/b&gt;\ufffd" in await owner.read(f"/checks/{check}/{path}")
    assert "success" in await owner.read(f"/checks/{check}/recent")


async def test_the_list_without_a_page_of_its_own_leads_to_the_dashboard(owner: Visitor) -> None:
    assert (await owner.get("/checks")).headers["Location"] == "/dashboard"


def names(page: str) -> list[str]:
    return re.findall(r'class="check-list__name"[^>]*>([^<]+)<', page)


def link(page: str, name: str) -> str:
    found = re.search(rf'id="{name}" href="([^"]+)"', page)
    return unescape(found[1]) if found else ""


def timeless(row: str) -> str:
    return re.sub(r">[^<>]*(?:ago|now|in \d[^<>]*)</time>", "></time>", row)


def token(page: str) -> str:
    found = re.search(r'hx-get="/dashboard/list\?since=([0-9.]+)', page)
    assert found
    return found[1]


async def test_rows_read_the_channels_of_their_checks_alone(owner: Visitor, store: Store) -> None:
    assert owner.user
    check, told = await owner.make_check(name="Nightly"), await make_channel(store, owner.user)
    await assign(store, owner.user, check, told.id, True)

    async def hashes_read(path: str) -> int:
        before = (await store.redis.info("commandstats"))["cmdstat_hgetall"]["calls"]
        assert f'class="told-mark" href="/channels/{told.id}"' in await owner.read(path)
        return int((await store.redis.info("commandstats"))["cmdstat_hgetall"]["calls"]) - before

    paths = (f"/checks/{check}/row", "/dashboard/list")
    few = [await hashes_read(path) for path in paths]
    other = await owner.make_check(name="Other")
    for number in range(10):
        await make_channel(store, owner.user, name=f"more {number}", own_check=other if number == 0 else None)
    many = [await hashes_read(path) for path in paths]
    assert many[0] == few[0]
    # The second check's row, and its own channel.
    assert many[1] <= few[1] + 2
    assert "<dt>Channels</dt><dd>10</dd>" in await owner.read("/dashboard")


async def test_who_is_told_is_shown_and_nobody_is_a_warning(owner: Visitor) -> None:
    check = await owner.make_check(name="Nightly")
    assert f'href="/checks/{check}/integrations" title="Nobody is told about Nightly"' in await owner.read(
        "/dashboard"
    )
    channel = await owner.make_channel(name=HOSTILE)
    await owner.post(f"/channels/{channel}/checks")
    row = await owner.read(f"/checks/{check}/row")
    assert "Nobody is told" not in row
    assert "<script>" not in row
    assert f'class="told-mark" href="/channels/{channel}"' in row
    await owner.post(f"/channels/{channel}/off")
    row = await owner.read(f"/checks/{check}/row")
    assert f'href="/channels/{channel}" data-off' in row
    assert "Nobody is told" in row


async def test_one_choice_sorts_and_says_which_way(owner: Visitor) -> None:
    for name in ("Alpha", "Beta"):
        await owner.make_check(name=name)
    page = await owner.read("/dashboard?sort=name.desc")
    assert names(page) == ["Beta", "Alpha"]
    assert '<option value="name.desc" selected>' in page
    response = await owner.get("/dashboard/list?sort=name.desc", htmx=True)
    assert response.headers["HX-Replace-Url"] == "/dashboard?sort=name&dir=desc"


@pytest.mark.parametrize(
    "back",
    ["//[", "http://[::1", "/dashboard?" + "&".join(f"tag=t{n}" for n in range(900)), "\x00", "x" * 9_000],
)
async def test_a_row_stands_whatever_page_it_is_asked_for(owner: Visitor, back: str) -> None:
    check = await owner.make_check()
    assert f'id="check-{check}"' in await owner.read(f"/checks/{check}/row?{urlencode({'back': back})}")


async def test_typing_keeps_a_tag_that_is_not_offered(owner: Visitor) -> None:
    await owner.make_check(tags="db")
    page = await owner.read("/dashboard?tag=db&tag=unknown")
    assert '<input type="hidden" name="tag" value="unknown">' in page
    assert '<input type="hidden" name="tag" value="db">' not in page
