"""The list of checks: what it shows, how it pages, when it is quiet."""

import re

from tests.web.conftest import Visitor, text
from ttr.domain.check_input import parse_check_json
from ttr.now import now_ms
from ttr.store.checks import create_check
from ttr.store.deadlines import tick_clock
from ttr.store.redis import Store

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
        assert f'<form method="post" action="/checks/{check}/{action}"' in row
    assert f'href="/checks/{check}/edit"' in row


async def test_names_and_tags_are_shown_as_text(owner: Visitor) -> None:
    check = await owner.make_check(name=HOSTILE, tags=HOSTILE, description=HOSTILE)
    for path in ("/dashboard", f"/checks/{check}", f"/checks/{check}/edit", f"/checks/{check}/delete"):
        page = await owner.read(path)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;" in page


async def test_a_fresh_fragment_is_answered_with_nothing(owner: Visitor, store: Store) -> None:
    await tick_clock(store, now_ms())
    check = await owner.make_check()
    since = token(await owner.read("/dashboard"))
    response = await owner.get(f"/dashboard/table?since={since}", htmx=True)
    assert (response.status_code, await text(response)) == (204, "")
    await owner.post(f"/checks/{check}/pings")
    response = await owner.get(f"/dashboard/table?since={since}", htmx=True)
    assert response.status_code == 200
    assert 'data-status="up"' in await text(response)


async def test_time_alone_makes_a_fragment_stale(owner: Visitor, store: Store) -> None:
    await tick_clock(store, now_ms())
    check = await owner.make_check(interval="1", interval_unit="seconds")
    page = await owner.read("/dashboard")
    version, until, _ = token(page).split("-")
    due = await store.redis.hget(f"ttr:{{{owner.user.partition}}}:check:{check}", "due")  # type: ignore[union-attr]
    assert int(until) == int(due or 0)
    response = await owner.get(f"/dashboard/table?since={version}-{now_ms() - 1}-0", htmx=True)
    assert response.status_code == 200


async def test_a_nonsense_token_gets_the_table(owner: Visitor) -> None:
    for since in ("", "x", "1-2", "-1-0-0", "9" * 400, "1-2-3-4", "%D9%A3-0-0"):
        assert (await owner.get(f"/dashboard/table?since={since}")).status_code == 200


async def test_a_silent_clock_is_said(owner: Visitor, store: Store) -> None:
    await tick_clock(store, now_ms())
    page = await owner.read("/dashboard")
    assert "Nobody looks for overdue checks" not in page
    await tick_clock(store, now_ms() - 60_000)
    response = await owner.get(f"/dashboard/table?since={token(page)}", htmx=True)
    assert "Nobody looks for overdue checks" in await text(response)


async def test_every_check_is_on_exactly_one_page(owner: Visitor, store: Store) -> None:
    assert owner.user
    for number in range(60):
        settings = parse_check_json(
            b'{"name": "Check %d", "interval_seconds": 3600, "grace_seconds": 60}' % number, now=now_ms()
        )
        await create_check(store, owner.user, settings, now=now_ms(), most=100)
    path, seen, pages = "/dashboard", [], []
    while path:
        page = await owner.read(path)
        pages.append(path)
        seen += re.findall(r'class="check-list__name"[^>]*>([^<]+)<', page)
        older = re.search(r'id="older" href="([^"]+)"', page)
        path = older[1] if older else ""
    assert seen == [f"Check {number}" for number in reversed(range(60))]
    assert len(pages) == 3

    newer = re.search(r'id="newer" href="([^"]+)"', await owner.read(pages[2]))
    assert newer
    second = await owner.read(newer[1])
    assert names(second) == seen[25:50]
    assert 'id="older"' in second
    newer = re.search(r'id="newer" href="([^"]+)"', second)
    assert newer
    first = await owner.read(newer[1])
    assert names(first) == seen[:25]
    assert 'id="newer"' not in first


async def test_a_page_beyond_the_end_shows_the_first(owner: Visitor) -> None:
    await owner.make_check(name="Only")
    for query in ("older_than=1", "newer_than=99", "older_than=x", "older_than=" + "9" * 50, "older_than=-1"):
        assert "Only" in await owner.read(f"/dashboard?{query}")


async def test_the_list_without_a_page_of_its_own_leads_to_the_dashboard(owner: Visitor) -> None:
    assert (await owner.get("/checks")).headers["Location"] == "/dashboard"


def names(page: str) -> list[str]:
    return re.findall(r'class="check-list__name"[^>]*>([^<]+)<', page)


def token(page: str) -> str:
    found = re.search(r'hx-get="/dashboard/table\?since=([0-9-]+)', page)
    assert found
    return found[1]
