"""The log of a check as its page shows it, and the page of one ping."""

import asyncio
import re
from html import unescape

import pytest

from tests.lua.parts import ping
from tests.web.conftest import Visitor, text
from ttr.now import now_ms
from ttr.store.checks import get_check
from ttr.store.redis import Store

RID = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
HOSTILE = "</code><script>alert(1)</script>"


async def knock(owner: Visitor, *paths: str, agent: str = "curl/8.5.0", body: bytes = b"") -> None:
    """Send pings, each in a millisecond of its own: of two in one no page can tell which has changed the status."""
    assert owner.user
    for path in paths:
        url = f"/p/{owner.user.user_slug}/job{path}"
        response = await owner.client.post(url, data=body, headers={"User-Agent": agent})
        assert response.status_code == 200
        came = now_ms()
        while now_ms() == came:
            await asyncio.sleep(0)


def names(page: str) -> list[str]:
    return re.findall(r'<li class="log__line[^"]*" id="([a-z]+-\d+)"', page)


async def test_pings_and_changes_stand_in_one_list_newest_first(owner: Visitor) -> None:
    check = await owner.make_check(slug="job")
    await knock(owner, "/start", "/3", "/log", "")
    page = await owner.read(f"/checks/{check}/log")
    found = names(page)
    assert [name for name in found if name.startswith("ping")] == ["ping-4", "ping-3", "ping-2", "ping-1"]
    assert [name for name in found if name.startswith("flip")] == ["flip-2", "flip-1"]
    assert found.index("flip-1") == found.index("ping-2") - 1
    assert found.index("flip-2") == found.index("ping-4") - 1
    for words in ("exit status 3", ">curl <", "POST", "down became", 'title="curl/8.5.0"'):
        assert words in page


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("kind=fail", {"fail"}),
        ("kind=status", {"status"}),
        ("kind=success&kind=start", {"success", "start"}),
        ("kind=<b>", {"success", "start", "fail", "log", "status"}),
    ],
)
async def test_the_filter_shows_only_what_it_names_and_keeps_its_ticks(
    owner: Visitor, query: str, kinds: set[str]
) -> None:
    check = await owner.make_check(slug="job")
    await knock(owner, "/start", "/fail", "/log", "")
    page = await owner.read(f"/checks/{check}/log?{query}")
    assert set(re.findall(r'<li class="log__line[^>]*data-kind="([a-z]+)"', page)) == kinds
    assert "<b>" not in page
    ticked = set(re.findall(r'name="kind" value="([a-z]+)" checked', page))
    assert ticked == (kinds if len(kinds) < 5 else set())


async def test_what_no_entry_matches_says_so_and_leads_back(owner: Visitor) -> None:
    check = await owner.make_check(slug="job")
    await knock(owner, "")
    page = await owner.read(f"/checks/{check}/log?kind=fail&kind=status&kind=log&zone=utc&older=1-1")
    assert "There is nothing this far back" in page
    page = await owner.read(f"/checks/{check}/log?kind=fail&kind=log&zone=utc")
    assert "None of what is kept is fail or log." in page
    assert f'id="unfiltered" href="/checks/{check}/log?zone=utc"' in page


async def test_an_empty_log_has_the_line_to_run(owner: Visitor) -> None:
    check = await owner.make_check(slug="job")
    page = await owner.read(f"/checks/{check}/log")
    assert "Nothing has happened yet" in page
    assert owner.user
    assert f"/p/{owner.user.user_slug}/job</span>" in page
    assert 'id="older"' not in page


async def test_all_that_is_kept_is_paged_and_the_end_says_what_is_not(owner: Visitor, store: Store) -> None:
    assert owner.user
    check = await owner.make_check(slug="job")
    start = now_ms() - 3_600_000
    for number in range(130):
        kind = "fail" if number % 2 else "success"
        await ping(store, owner.user, check, kind, now=start + number * 1_000, due="")
    path, seen, pages, page = f"/checks/{check}/log", [], 0, ""
    while path:
        page = await owner.read(path)
        assert ("Older pings are not kept" in page) is ('id="older"' not in page)
        seen += names(page)
        pages += 1
        older = re.search(r'id="older" href="([^"]+)"', page)
        path = unescape(older[1]) if older else ""
    assert "Older pings are not kept: the last 100 are." in page
    assert len(seen) == len(set(seen))
    numbers = [int(name.removeprefix("ping-")) for name in seen if name.startswith("ping")]
    assert numbers == list(range(130, 30, -1))
    assert pages == -(-len(seen) // 50)
    newer = re.search(r'id="newer" href="([^"]+)"', page)
    assert newer
    assert names(await owner.read(unescape(newer[1])))[-1] != seen[-1]


async def test_exact_times_are_written_in_the_zone_that_is_chosen(owner: Visitor, store: Store) -> None:
    assert owner.user
    check = await owner.make_check(slug="job", tz="Asia/Kolkata")
    await ping(store, owner.user, check, "success", now=1_772_404_500_000, due="")  # 2026-03-01 22:35 UTC
    owner.client.set_cookie("localhost", "ttr_zone", "America%2FNew_York")
    for query, day, time in (
        ("zone=utc", "Sunday 1 March 2026", "22:35:00"),
        ("zone=check", "Monday 2 March 2026", "04:05:00"),
        ("", "Sunday 1 March 2026", "17:35:00"),
        ("zone=Mars", "Sunday 1 March 2026", "17:35:00"),
    ):
        page = await owner.read(f"/checks/{check}/log?{query}")
        assert day in page
        assert f">{time}</span>" in page
    page = await owner.read(f"/checks/{check}/pings/1")
    for exact in ("2026-03-02 04:05:00 IST", "2026-03-01 17:35:00 EST", "2026-03-01 22:35:00 UTC"):
        assert exact in page


async def test_the_list_says_nothing_until_something_is_new(owner: Visitor) -> None:
    check = await owner.make_check(slug="job")
    await knock(owner, "")
    page = await owner.read(f"/checks/{check}/log?kind=success")
    found = re.search(r'hx-get="([^"]+shown=[^"]+)"', page)
    assert found
    address = unescape(found[1])
    assert (await owner.get(address, htmx=True)).status_code == 204
    await knock(owner, "/log")
    assert (await owner.get(address, htmx=True)).status_code == 204, "the filter leaves it out"
    await knock(owner, "")
    response = await owner.get(address, htmx=True)
    assert response.status_code == 200
    assert "HX-Replace-Url" not in response.headers
    assert "ping-3" in await text(response)


async def test_the_filter_sets_the_address(owner: Visitor) -> None:
    check = await owner.make_check(slug="job")
    response = await owner.get(f"/checks/{check}/log/list?kind=fail&zone=mine", htmx=True)
    assert response.headers["HX-Replace-Url"] == f"/checks/{check}/log?kind=fail"


async def test_hostile_agents_details_and_bodies_stay_text(owner: Visitor, store: Store) -> None:
    assert owner.user
    check = await owner.make_check(slug="job", name=HOSTILE)
    await knock(owner, "", agent=HOSTILE, body=HOSTILE.encode())
    reasons = {"reason": "content", "detail": HOSTILE, "rid": RID}
    await ping(store, owner.user, check, "fail", now=now_ms(), due="", **reasons)
    for path in ("log", "log/list", "pings/1", "pings/2"):
        page = await owner.read(f"/checks/{check}/{path}")
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
    assert (await get_check(store, owner.user, str(check))).status == "down"


async def test_a_ping_shows_its_run_and_what_it_did(owner: Visitor) -> None:
    check = await owner.make_check(slug="job")
    await knock(owner, "", f"/start?rid={RID}", f"/log?rid={RID}", f"/3?rid={RID}", "")
    page = await owner.read(f"/checks/{check}/pings/4")
    assert re.search(r"It made the check</dt><dd>\s*<span class=\"status\" data-status=\"down\"", page)
    assert "<dt>Exit status</dt><dd>3" in page
    assert f"<code>{RID}</code>" in page
    assert re.findall(r'id="run-(\d+)"', page) == ["2", "3"]
    assert (f'id="older" href="/checks/{check}/pings/3"' in page) is True
    assert f'id="newer" href="/checks/{check}/pings/5"' in page
    log = await owner.read(f"/checks/{check}/log")
    assert f'<span title="{RID}">run <code>1b4e28ba</code></span>' in log
    page = await owner.read(f"/checks/{check}/pings/3")
    assert "Only a note" in page
    assert "It made the check" not in page


async def test_an_ignored_ping_says_why(owner: Visitor) -> None:
    assert owner.user
    check = await owner.make_check(slug="job", post_only="on")
    await owner.client.get(f"/p/{owner.user.user_slug}/job")
    page = await owner.read(f"/checks/{check}/pings/1")
    assert "accepts POST only, and it came with GET" in page


async def test_a_ping_that_is_not_kept_is_a_404_in_words(owner: Visitor, store: Store) -> None:
    assert owner.user
    check = await owner.make_check(slug="job")
    for number in range(101):
        await ping(store, owner.user, check, "success", now=now_ms() + number, due="")
    assert 'id="older"' not in await owner.read(f"/checks/{check}/pings/2")
    for number in ("1", "0", "102", "9" * 40):
        response = await owner.get(f"/checks/{check}/pings/{number}")
        assert response.status_code == 404
        assert "may have been deleted" in await text(response)
