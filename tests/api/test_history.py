"""Pings, changes of status and uptime beyond what Redis keeps."""

from typing import Any

import pytest

from tests.api.conftest import Caller
from tests.archive.past import KINDS, WINDOW, go_on, make_past, with_archive
from ttr.archive.database import Database
from ttr.archive.snapshot import snapshot
from ttr.domain.check import Check
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.redis import Store

HOUR = 3_600_000
DAY = 24 * HOUR


@pytest.fixture
def settings(settings: Settings, database_url: str, patient: None) -> Settings:
    """With the test's Postgres."""
    return with_archive(settings, database_url)


async def walk(api: Caller, check: Check, path: str, size: int, query: str = "") -> list[int]:
    """All numbers, page by page, from the newest on."""
    seen: list[int] = []
    cursor = ""
    for _ in range(100):
        page = await read(api, check, f"{path}?size={size}&cursor={cursor}{query}")
        assert page["history"] == "complete"
        seen += [item["n"] for item in page["items"]]
        if page["next_cursor"] is None:
            return seen
        assert len(page["items"]) == size, "only the last page may be short"
        cursor = page["next_cursor"]
    pytest.fail("there is no end")


async def read(api: Caller, check: Check, path: str) -> Any:
    status, page = await api.call("GET", f"/checks/{check.id}/{path}")
    assert status == 200, page
    return page


async def test_pings_go_on_across_the_border(api: Caller, store: Store, database: Database) -> None:
    first = now_ms() - 36 * 60_000
    check = await make_past(store, database, api.user, 30, first=first)
    await snapshot(store, database)
    await go_on(store, api.user, check, range(31, 36), first=first)  # not in Postgres yet
    for size in (1, 3, WINDOW - 1, WINDOW, WINDOW + 1, 35, 36):
        assert await walk(api, check, "pings", size) == list(range(35, 0, -1)), size


async def test_kinds_are_chosen_across_the_border(api: Caller, store: Store, database: Database) -> None:
    check = await make_past(store, database, api.user, 33, first=now_ms() - DAY)
    await snapshot(store, database)
    for kinds in ("fail", "success,log", "start"):
        wanted = [number for number in range(33, 0, -1) if KINDS[number % 4] in kinds.split(",")]
        for size in (1, 4, 50):
            assert await walk_ends(api, check, size, kinds) == wanted, (kinds, size)


async def walk_ends(api: Caller, check: Check, size: int, kinds: str) -> list[int]:
    """As `walk`; a page that ends where Redis does may be followed by an empty one."""
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await read(api, check, f"pings?size={size}&cursor={cursor}&kind={kinds}")
        seen += [item["n"] for item in page["items"]]
        cursor = page["next_cursor"]
    return seen


async def test_pings_that_come_between_two_pages_move_nothing(
    api: Caller, store: Store, database: Database
) -> None:
    first = now_ms() - HOUR
    check = await make_past(store, database, api.user, 20, first=first)
    await snapshot(store, database)
    page = await read(api, check, "pings?size=6")
    assert [ping["n"] for ping in page["items"]] == [20, 19, 18, 17, 16, 15]
    # The border passes the cursor, once with what it passes in Postgres, and once before that.
    await go_on(store, api.user, check, range(21, 28), first=first)
    await snapshot(store, database)
    page = await read(api, check, f"pings?size=6&cursor={page['next_cursor']}")
    assert [ping["n"] for ping in page["items"]] == [14, 13, 12, 11, 10, 9]
    await go_on(store, api.user, check, range(28, 60), first=first)
    page = await read(api, check, "pings?size=20")
    assert ([ping["n"] for ping in page["items"]], page["next_cursor"], page["history"]) == (
        list(range(59, 49, -1)),
        "50",
        "unavailable",
    ), "what has left Redis since the last snapshot would be missing in the middle"
    await snapshot(store, database)
    assert await walk(api, check, "pings", 20) == list(range(59, 0, -1))


async def test_what_retention_has_taken_ends_the_log(api: Caller, store: Store, database: Database) -> None:
    check = await make_past(store, database, api.user, 30, first=now_ms() - DAY)
    await snapshot(store, database)
    async with database.connection() as connection:
        await connection.execute("delete from pings where number <= 12")
    assert await walk(api, check, "pings", 7) == list(range(30, 12, -1))
    async with database.connection() as connection:
        await connection.execute("delete from pings where number <= 20")
    page = await read(api, check, f"pings?size={WINDOW}")
    assert page["next_cursor"] == "21"
    page = await read(api, check, "pings?cursor=21")
    assert (page["items"], page["next_cursor"], page["history"]) == ([], None, "complete")


async def test_an_archived_ping_is_told_in_full(api: Caller, store: Store, database: Database) -> None:
    check = await make_past(store, database, api.user, 20, first=now_ms() - DAY)
    page = await read(api, check, "pings?size=1&cursor=12")
    for number in (21, 22, 23):
        await go_on(store, api.user, check, range(number, number + 1), first=now_ms() - DAY)
    await snapshot(store, database)
    assert (await read(api, check, "pings?size=1&cursor=12"))["items"] == page["items"]


async def test_while_postgres_is_away_the_page_ends_at_the_border_and_a_later_try_goes_on(
    api: Caller, store: Store, database: Database
) -> None:
    check = await make_past(store, database, api.user, 30, first=now_ms() - DAY)
    await snapshot(store, database)
    async with database.connection() as connection:
        await connection.execute("alter table pings rename to away")
    page = await read(api, check, "pings?size=20")
    assert ([ping["n"] for ping in page["items"]], page["next_cursor"], page["history"]) == (
        list(range(30, 20, -1)),
        "21",
        "unavailable",
    )
    page = await read(api, check, "pings?size=20&cursor=15")
    assert (page["items"], page["next_cursor"], page["history"]) == ([], "15", "unavailable")
    page = await read(api, check, "pings?size=5")
    assert (len(page["items"]), page["next_cursor"], page["history"]) == (5, "26", "complete")
    async with database.connection() as connection:
        await connection.execute("alter table away rename to pings")
    page = await read(api, check, "pings?size=20&cursor=21")
    assert [ping["n"] for ping in page["items"]] == list(range(20, 0, -1))


async def test_changes_go_on_across_the_border(api: Caller, store: Store, database: Database) -> None:
    check = await make_past(store, database, api.user, 450, first=now_ms() - DAY)
    await snapshot(store, database)
    total = (await read(api, check, "flips?size=1"))["total"]
    assert total > 220
    for size in (7, 199, 200):
        assert await walk(api, check, "flips", size) == list(range(total, 0, -1))
    async with database.connection() as connection:
        await connection.execute("alter table flips rename to away")
    page = await read(api, check, f"flips?cursor={total - 150}&size=200")
    assert (len(page["items"]), page["next_cursor"], page["history"]) == (
        49,
        str(total - 199),
        "unavailable",
    )


async def test_a_year_of_uptime_reads_the_changes_that_redis_has_forgotten(
    api: Caller, store: Store, database: Database
) -> None:
    now = now_ms()
    # One ping every 16 hours for 340 days: up and down in turn for 450 changes and more.
    check = await make_past(store, database, api.user, 510, first=now - 340 * DAY, step=16 * HOUR)
    await snapshot(store, database)
    answer = await read(api, check, "uptime?days=365")
    year = answer["uptime"]["365d"]
    judged = year["up_seconds"] + year["down_seconds"]
    assert answer["history"] == "complete"
    assert judged + year["new_seconds"] == pytest.approx(340 * 86_400, abs=600)
    assert year["ratio"] == pytest.approx(0.5, abs=0.01), "fail, log, success, success"
    assert sum(day["ratio"] is not None for day in answer["days"]) >= 339
    short = await read(api, check, "uptime")
    assert (len(short["days"]), short["history"]) == (90, "complete")
    assert answer["days"][-89:-1] == short["days"][1:-1]

    async with database.connection() as connection:
        await connection.execute("alter table flips rename to away")
    answer = await read(api, check, "uptime?days=365")
    assert answer["history"] == "unavailable"
    assert answer["uptime"]["365d"]["up_seconds"] < year["up_seconds"] * 0.9
    assert (await read(api, check, "uptime"))["history"] == "complete"


async def test_nobody_sees_the_history_of_another_installation(
    api: Caller, store: Store, database: Database
) -> None:
    check = await make_past(store, database, api.user, 30, first=now_ms() - DAY)
    await snapshot(store, database)
    async with database.connection() as connection:
        await connection.execute(
            """update checks set fields = fields || '{"uuid": "e4aa1d2b-0000-4000-8000-000000000000"}'"""
        )
    page = await read(api, check, "pings?cursor=15")
    assert (page["items"], page["history"]) == ([], "unavailable")
