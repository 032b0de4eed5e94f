"""A check's changes of status, and its uptime."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import Caller
from tests.lua.clock import look, tick
from tests.lua.parts import make_check, ping
from ttr.domain.flapping import FlapRules
from ttr.domain.moments import iso
from ttr.now import now_ms
from ttr.store.redis import Store

HOUR = 3_600_000
NEVER_FLAPS = FlapRules(window_ms=1, threshold=0, suppression_ms=1)


async def old_check(store: Store, api: Caller, now: int, *changes: tuple[str, int]) -> int:
    """A check made five hours before `now`, and changes so many hours before it."""
    check = await make_check(store, api.user, now=now - 5 * HOUR)
    for kind, hours in changes:
        await ping(
            store,
            api.user,
            check.id,
            kind,
            now=now - hours * HOUR,
            reason="exit_status" if kind == "fail" else "",
            detail="3" if kind == "fail" else "",
            due="",
            flap=NEVER_FLAPS,
        )
    return check.id


async def test_changes_are_listed_newest_first(api: Caller, store: Store) -> None:
    now = now_ms()
    check = await old_check(store, api, now, ("success", 4), ("fail", 2), ("success", 1))
    status, page = await api.call("GET", f"/checks/{check}/flips")
    assert status == 200
    assert page == {
        "items": [
            change(3, now - HOUR, "down", "up", HOUR),
            change(2, now - 2 * HOUR, "up", "down", 2 * HOUR) | {"reason": "exit_status", "detail": "3"},
            change(1, now - 4 * HOUR, "new", "up", HOUR),
        ],
        "next_cursor": None,
        "total": 3,
        "history": "off",
    }


def change(number: int, at: int, old: str, new: str, lasted: int) -> dict[str, Any]:
    return {
        "n": number,
        "timestamp": iso(at),
        "from": old,
        "to": new,
        "reason": None,
        "detail": None,
        "duration_seconds": lasted / 1000,
    }


async def test_changes_are_paged_while_new_ones_come(api: Caller) -> None:
    check = await api.make(slug="job")
    address = f"/p/{api.user.user_slug}/job"
    for action in ("", "/fail", "", "/fail"):
        await api.client.get(address + action)
    _, page = await api.call("GET", "/checks/job/flips?size=2")
    assert [(flip["n"], flip["to"]) for flip in page["items"]] == [(4, "down"), (3, "up")]
    await api.client.get(address)
    await api.call("POST", f"/checks/{check['id']}/pause")
    _, page = await api.call("GET", f"/checks/{check['uuid']}/flips?size=2&cursor={page['next_cursor']}")
    assert [(flip["n"], flip["from"], flip["to"]) for flip in page["items"]] == [
        (2, "up", "down"),
        (1, "new", "up"),
    ]
    assert (page["next_cursor"], page["total"]) == (None, 6)


async def test_a_check_without_a_change_has_an_empty_page(api: Caller) -> None:
    await api.make(slug="job")
    assert await api.call("GET", "/checks/job/flips") == (
        200,
        {"items": [], "next_cursor": None, "total": 0, "history": "off"},
    )


async def test_uptime_counts_up_against_down_and_leaves_the_rest_out(api: Caller, store: Store) -> None:
    now = now_ms()
    check = await old_check(store, api, now, ("success", 4), ("fail", 1))
    status, answer = await api.call("GET", f"/checks/{check}/uptime")
    assert status == 200
    assert answer["uptime"].keys() == {"24h", "7d", "30d", "90d"}
    late = (now_ms() - now) / 1000
    for window in answer["uptime"].values():
        assert (window["new_seconds"], window["up_seconds"], window["paused_seconds"]) == (3_600, 10_800, 0)
        assert 3_600 <= window["down_seconds"] <= 3_600 + late
        assert window["ratio"] == pytest.approx(0.75, abs=late / 14_400)
    days = answer["days"]
    today = datetime.fromtimestamp(now_ms() / 1000, UTC).date()
    assert days[-1]["date"] in (today.isoformat(), (today - timedelta(days=1)).isoformat())
    assert len({day["date"] for day in days}) == 90
    assert [day["date"] for day in days] == sorted(day["date"] for day in days)
    assert sum(day["up_seconds"] for day in days) == 10_800
    assert days[0] == {
        "date": days[0]["date"],
        "ratio": None,
        "up_seconds": 0,
        "down_seconds": 0,
        "paused_seconds": 0,
        "new_seconds": 0,
        "blind_seconds": 0,
    }


async def test_uptime_leaves_out_when_we_did_not_watch(api: Caller, store: Store) -> None:
    now = now_ms()
    check = await old_check(store, api, now, ("success", 4), ("fail", 1))
    await tick(store, api.user, now - 3 * HOUR)
    await look(store, api.user, now - 2 * HOUR)
    await tick(store, api.user, now)
    _, answer = await api.call("GET", f"/checks/{check}/uptime")
    window = answer["uptime"]["24h"]
    assert (window["up_seconds"], window["blind_seconds"]) == (7_200, 3_600)
    late = (now_ms() - now) / 1000
    assert window["ratio"] == pytest.approx(2 / 3, abs=late / 10_800)
    assert sum(day["blind_seconds"] for day in answer["days"]) == 3_600


@pytest.mark.parametrize(
    ("query", "windows", "days"),
    [
        ("days=1", {"24h", "7d", "30d", "90d"}, 1),
        ("days=90", {"24h", "7d", "30d", "90d"}, 90),
        ("days=91", {"24h", "7d", "30d", "90d", "365d"}, 91),
        ("days=365", {"24h", "7d", "30d", "90d", "365d"}, 365),
    ],
)
async def test_uptime_has_as_many_days_as_are_asked_for(
    api: Caller, store: Store, query: str, windows: set[str], days: int
) -> None:
    now = now_ms()
    check = await old_check(store, api, now, ("success", 4), ("fail", 1))
    _, answer = await api.call("GET", f"/checks/{check}/uptime?{query}")
    assert (answer["uptime"].keys(), len(answer["days"]), answer["history"]) == (windows, days, "off")
    assert {window["up_seconds"] for window in answer["uptime"].values()} == {10_800}


@pytest.mark.parametrize("path", ["pings", "flips", "uptime"])
async def test_history_is_private_and_a_check_that_is_not_there_has_none(api: Caller, path: str) -> None:
    await api.make(slug="job")
    answer = await api.raw("GET", f"/checks/job/{path}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-cache")
    assert (await api.call("GET", f"/checks/jobs/{path}"))[0] == 404
    assert (await api.raw("GET", f"/checks/job/{path}", X_Auth_Key="x" * 32)).status_code == 401
