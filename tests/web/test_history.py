"""The log, run times and uptime beyond what Redis keeps, and those pages while Postgres is away."""

import re
from html import unescape

import pytest
from quart import Quart

from tests.archive.past import KINDS, WINDOW, go_on, make_past, with_archive
from tests.web.conftest import Visitor, text
from ttr import current
from ttr.archive.database import Database
from ttr.archive.snapshot import snapshot
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.redis import Store

MINUTE = 60_000
AWAY = "be read at the moment"


@pytest.fixture
def settings(settings: Settings, database_url: str, patient: None) -> Settings:
    """With the test's Postgres."""
    return with_archive(settings, database_url)


async def past(owner: Visitor, store: Store, database: Database, count: int) -> int:
    """A check with that many pings, all of them in Postgres; its number."""
    assert owner.user
    check = await make_past(store, database, owner.user, count, first=now_ms() - 2 * count * MINUTE)
    await snapshot(store, database)
    return check.id


async def set_away(database: Database, away: bool) -> None:
    """Take away what is asked for, or bring it back."""
    async with database.connection() as connection:
        names = ("pings", "hidden") if away else ("hidden", "pings")
        await connection.execute(f"alter table {names[0]} rename to {names[1]}")


def names(page: str) -> list[str]:
    return re.findall(r'<li class="log__line[^"]*" id="([a-z]+-\d+)"', page)


def pings(lines: list[str]) -> list[int]:
    return [int(name.removeprefix("ping-")) for name in lines if name.startswith("ping")]


def flips(lines: list[str]) -> list[int]:
    return [int(name.removeprefix("flip-")) for name in lines if name.startswith("flip")]


def link(page: str, name: str) -> str:
    """Where a link leads; "" when it is not there."""
    found = re.search(rf'id="{name}" href="([^"]+)"', page)
    return unescape(found[1]) if found else ""


async def walk(owner: Visitor, path: str, way: str) -> list[list[str]]:
    """The lines of each page, from one on."""
    pages = []
    for _ in range(50):
        page = await owner.read(path)
        assert AWAY not in page
        pages.append(names(page))
        path = link(page, way)
        if not path:
            return pages
    pytest.fail("there is no end")


async def test_the_log_goes_on_across_the_border_and_back(
    owner: Visitor, store: Store, database: Database
) -> None:
    check = await past(owner, store, database, 450)
    pages = await walk(owner, f"/checks/{check}/log", "older")
    seen = [name for page in pages for name in page]
    assert pings(seen) == list(range(450, 0, -1))
    assert flips(seen) == list(range(len(flips(seen)), 0, -1))
    assert len(flips(seen)) == 226
    assert {len(page) for page in pages[1:-1]} == {50}
    # Each change stands above the ping that made it, wherever either is kept.
    for flip, ping in ((1, 1), (2, 2), (3, 4), (4, 6)):
        assert seen.index(f"flip-{flip}") == seen.index(f"ping-{ping}") - 1

    page, path, back = "", f"/checks/{check}/log", []
    while path:
        page, path = await owner.read(path), link(await owner.read(path), "older")
    path = link(page, "newer")
    while path:
        page = await owner.read(path)
        back.append(names(page))
        path = link(page, "newer")
    assert back == pages[-2::-1]


async def test_the_filter_goes_on_across_the_border_and_back(
    owner: Visitor, store: Store, database: Database
) -> None:
    check = await past(owner, store, database, 450)
    for kinds in (("fail",), ("status",), ("fail", "status"), ("success", "log")):
        path, page = f"/checks/{check}/log?" + "&".join(f"kind={kind}" for kind in kinds), ""
        pages = []
        while path:
            page = await owner.read(path)
            pages.append(names(page))
            path = link(page, "older")
        seen = [name for page in pages for name in page]
        assert pings(seen) == [number for number in range(450, 0, -1) if KINDS[number % 4] in kinds]
        assert flips(seen) == (list(range(226, 0, -1)) if "status" in kinds else [])
        back = []
        while path := link(page, "newer"):
            page = await owner.read(path)
            back.append(names(page))
        assert back == pages[-2::-1]


async def test_a_filter_that_finds_nothing_looks_further_back(
    owner: Visitor, store: Store, database: Database
) -> None:
    check = await past(owner, store, database, 30)
    page = await owner.read(f"/checks/{check}/log?kind=start&kind=ignored")
    assert f"None of the last {WINDOW} pings is start or ignored." in page
    page = await owner.read(link(page, "further"))
    assert "None of what is kept is start or ignored." in page


async def test_the_first_page_does_not_ask_postgres(owner: Visitor, store: Store, database: Database) -> None:
    check = await past(owner, store, database, 30)
    await set_away(database, True)
    for query in ("", "?kind=fail", "?kind=status"):
        page = await owner.read(f"/checks/{check}/log{query}")
        assert AWAY not in page
        assert "hx-trigger" in page.partition('id="log"')[2]
    page = await owner.read(f"/checks/{check}/log?kind=fail")
    assert pings(names(page)) == [30, 26, 22]
    assert f"among the last {WINDOW} pings" in page
    assert link(page, "older")


async def test_while_postgres_is_away_the_page_says_so_and_leads_back_and_on(
    owner: Visitor, store: Store, database: Database
) -> None:
    check = await past(owner, store, database, 90)
    older = link(await owner.read(f"/checks/{check}/log"), "older")
    await set_away(database, True)
    page = await owner.read(older)
    assert (names(page), link(page, "older")) == ([], "")
    assert AWAY in page
    assert link(page, "again") == older
    assert link(page, "newer")
    assert "hx-trigger" not in page.partition('id="log"')[2].partition(">")[0], (
        "it would ask again with every ping"
    )
    await set_away(database, False)
    page = await owner.read(link(page, "again"))
    assert pings(names(page))[0] == 80
    newer = link(await owner.read(link(page, "older")), "newer")
    await set_away(database, True)
    page = await owner.read(newer)
    assert AWAY in page
    assert names(page) == []
    assert f'href="/checks/{check}/log">go to the newest' in page


async def test_a_ping_between_two_pages_moves_nothing(
    owner: Visitor, store: Store, database: Database
) -> None:
    assert owner.user
    first = now_ms() - 1_000 * MINUTE
    check = await make_past(store, database, owner.user, 60, first=first)
    await snapshot(store, database)
    page = await owner.read(f"/checks/{check.id}/log")
    seen = names(page)
    await go_on(store, owner.user, check, range(61, 66), first=first)
    await snapshot(store, database)
    path = link(page, "older")
    while path:
        page = await owner.read(path)
        seen += names(page)
        path = link(page, "older")
    assert pings(seen) == list(range(60, 0, -1))


async def test_the_end_says_how_long_history_is_kept(
    owner: Visitor, store: Store, database: Database
) -> None:
    check = await past(owner, store, database, 40)
    older = link(await owner.read(f"/checks/{check}/log"), "older")
    assert "Older entries are not kept" not in await owner.read(older)
    async with database.connection() as connection:
        await connection.execute("delete from pings where number <= 12")
        await connection.execute("delete from flips where number <= 6")
    page = await owner.read(older)
    assert pings(names(page))[-1] == 13
    assert "Older entries are not kept: they stay for 365 days, and of pings the last 10,000." in page


async def test_a_ping_that_has_left_redis_has_its_page(
    owner: Visitor, store: Store, database: Database
) -> None:
    check = await past(owner, store, database, 450)
    page = await owner.read(f"/checks/{check}/pings/6")
    assert re.search(r"It made the check</dt><dd>\s*<span class=\"status\" data-status=\"down\"", page)
    assert link(page, "older") == f"/checks/{check}/pings/5"
    assert link(page, "newer") == f"/checks/{check}/pings/7"
    assert "It made the check" not in await owner.read(f"/checks/{check}/pings/7")
    border = 450 - WINDOW
    for number in (border - 1, border, border + 1, border + 2):
        page = await owner.read(f"/checks/{check}/pings/{number}")
        assert link(page, "older") == f"/checks/{check}/pings/{number - 1}"
        assert link(page, "newer") == f"/checks/{check}/pings/{number + 1}"
    page = await owner.read(f"/checks/{check}/pings/1")
    assert (link(page, "older"), link(page, "newer")) == ("", f"/checks/{check}/pings/2")
    for number in (0, 451):
        assert (await owner.get(f"/checks/{check}/pings/{number}")).status_code == 404
    await set_away(database, True)
    response = await owner.get(f"/checks/{check}/pings/6")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "It is kept in Postgres" in await text(response)
    await owner.read(f"/checks/{check}/pings/{border + 1}")


async def test_a_stranger_sees_no_history(
    owner: Visitor, visitor: Visitor, store: Store, database: Database
) -> None:
    check = await past(owner, store, database, 30)
    await visitor.post("/keys")
    for path in ("log?older=15-5", "pings/3", "history", "history/list?range=7d"):
        response = await visitor.get(f"/checks/{check}/{path}")
        assert response.status_code == 404, await text(response)


async def test_run_times_of_a_range_come_from_both(owner: Visitor, store: Store, database: Database) -> None:
    check = await past(owner, store, database, 40)
    for name in ("7d", "30d", "90d", "365d"):
        shown = await owner.read(f"/checks/{check}/history?range={name}")
        assert "30 runs ended in" in shown, "of 40 pings ten are logs"
        assert "10 failed." in shown
        assert re.findall(r'id="range-(\w+)"[^>]*aria-current', shown) == [name]
    for wrong in ("", "?range=1d", "?range=<b>", "?range=365"):
        shown = await owner.read(f"/checks/{check}/history{wrong}")
        assert re.findall(r'id="range-(\w+)"[^>]*aria-current', shown) == ["30d"]
        assert "<b>" not in shown
    response = await owner.get(f"/checks/{check}/history/list?range=90d", htmx=True)
    assert response.headers["HX-Replace-Url"] == f"/checks/{check}/history?range=90d"
    assert (await text(response)).count("<html") == 0


async def test_the_overview_does_not_ask_postgres(owner: Visitor, store: Store, database: Database) -> None:
    check = await past(owner, store, database, 30)
    await set_away(database, True)
    page = await owner.read(f"/checks/{check}")
    assert f'href="/checks/{check}/history#year"' in page
    shown = await owner.read(f"/checks/{check}/history?range=7d")
    assert AWAY in shown
    assert link(shown, "again") == f"/checks/{check}/history?range=7d"
    assert "runs ended in" not in shown
    await set_away(database, False)
    assert AWAY not in await owner.read(link(shown, "again"))


async def test_a_year_of_uptime_goes_on_across_the_border(
    owner: Visitor, store: Store, database: Database
) -> None:
    assert owner.user
    day = 24 * 60 * MINUTE
    check = await make_past(
        store, database, owner.user, 510, first=now_ms() - 340 * day, step=16 * 60 * MINUTE
    )
    await snapshot(store, database)
    shown = await owner.read(f"/checks/{check.id}/history")
    months = re.findall(r'<th scope="row">[^<]+</th>.*?<td>([0-9.]+ %|no data)</td>', shown, re.DOTALL)
    assert len(months) == 12
    assert months.count("no data") <= 1
    assert "only some" not in shown
    await set_away(database, True)
    shown = await owner.read(f"/checks/{check.id}/history")
    assert "Of the time before the last 200 changes only some can be known." in shown
    away = re.findall(r'<th scope="row">[^<]+</th>.*?<td>([0-9.]+ %|no data)</td>', shown, re.DOTALL)
    assert away[:3] == months[:3]
    assert away.count("no data") > 2


async def test_without_postgres_the_page_says_what_would_keep_more(
    owner: Visitor, app: Quart, store: Store, database: Database
) -> None:
    check = await past(owner, store, database, 30)
    current.set_archive(app, None)
    shown = await owner.read(f"/checks/{check}/history")
    assert 'id="off"' in shown
    assert "A year of uptime" in shown
    shown = await owner.read(f"/checks/{check}/log?kind=success&kind=fail&kind=log")
    assert f"Older pings are not kept: the last {WINDOW} are." in shown
    assert "DATABASE_URL" in shown
    assert (await owner.get(f"/checks/{check}/pings/3")).status_code == 404
