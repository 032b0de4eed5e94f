"""An account in numbers, its tags, and both with a page of checks in one call."""

from typing import Any

from tests.api.conftest import Caller
from tests.conftest import MASTER_KEY, eventually
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.redis import Store
from ttr.store.users import create_user

NOTHING = {
    "total_checks": 0,
    "up_count": 0,
    "down_count": 0,
    "new_count": 0,
    "paused_count": 0,
    "late_count": 0,
    "running_count": 0,
    "overdue_count": 0,
    "active_count": 0,
    "tags_count": 0,
    "avg_interval_seconds": None,
    "avg_duration_seconds": None,
    "user_queued_notifications": 0,
}


async def stats(api: Caller) -> Any:
    status, found = await api.call("GET", "/checks/stats")
    assert status == 200
    return found


async def ping(api: Caller, slug: str, end: str = "") -> None:
    assert (await api.client.post(f"/p/{api.user.user_slug}/{slug}{end}")).status_code == 200


async def test_an_empty_account_has_nothing_of_anything(api: Caller) -> None:
    assert await stats(api) == NOTHING


async def test_checks_are_counted_by_what_they_are(api: Caller) -> None:
    for slug, tags, seconds in (
        ("fresh", ["a"], 60),
        ("good", ["a", "b"], 120),
        ("bad", [], 60),
        ("still", ["c"], 60),
        ("busy", [], 60),
    ):
        await api.make(slug=slug, tags=tags, interval_seconds=seconds)
    await api.make(slug="cron", schedule_type="cron", schedule="0 3 * * *")
    await ping(api, "good")
    await ping(api, "bad", "/fail")
    await ping(api, "still", "/fail")
    await ping(api, "busy", "/start")
    await api.call("POST", "/checks/still/pause")
    assert await stats(api) == NOTHING | {
        "total_checks": 6,
        "up_count": 1,
        "down_count": 1,
        "new_count": 3,
        "paused_count": 1,
        "running_count": 1,
        "active_count": 5,
        "tags_count": 3,
        "avg_interval_seconds": 72.0,
    }
    await ping(api, "busy")
    await ping(api, "good", "/start")
    await ping(api, "good")
    found = await stats(api)
    _, page = await api.call("GET", "/checks?q=busy")
    _, good = await api.call("GET", "/checks/good")
    seconds = (page["items"][0]["last_duration_seconds"] + good["last_duration_seconds"]) / 2
    assert abs(found["avg_duration_seconds"] - seconds) < 0.001
    assert (found["up_count"], found["new_count"], found["running_count"]) == (2, 2, 0)
    for slug in ("fresh", "good", "bad", "still", "busy", "cron"):
        await api.call("DELETE", f"/checks/{slug}")
    assert await stats(api) == NOTHING


async def test_a_check_past_its_due_time_is_late_unless_it_is_paused(api: Caller) -> None:
    await api.make(slug="job", interval_seconds=1, grace_seconds=3_600)
    await api.make(slug="other", interval_seconds=1, grace_seconds=3_600)
    await api.call("POST", "/checks/other/pause")

    async def late() -> bool:
        return bool((await stats(api))["late_count"])

    await eventually(late)
    found = await stats(api)
    assert (found["late_count"], found["overdue_count"], found["new_count"]) == (1, 1, 1)
    _, page = await api.call("GET", "/checks?status=late")
    assert [check["slug"] for check in page["items"]] == ["job"]


async def test_events_that_wait_are_counted(api: Caller, store: Store) -> None:
    await store.redis.hset(keys.user(api.user.partition, api.user.id), "queued", 3)
    assert (await stats(api))["user_queued_notifications"] == 3


async def test_tags_are_listed_by_name_with_their_checks(api: Caller) -> None:
    assert await api.call("GET", "/checks/tags") == (200, [])
    one = await api.make(tags=["night", "Day"])
    await api.make(tags=["night", "\u017c\u00f3\u0142w"])
    status, found = await api.call("GET", "/checks/tags")
    assert status == 200
    assert {(tag["name"], tag["checks"]) for tag in found} == {
        ("Day", 1),
        ("night", 2),
        ("\u017c\u00f3\u0142w", 1),
    }
    assert [tag["name"] for tag in found] == ["Day", "night", "\u017c\u00f3\u0142w"]
    assert {tag["id"]: tag["name"] for tag in one["tags"]}.items() <= {
        t["id"]: t["name"] for t in found
    }.items()
    await api.call("PATCH", f"/checks/{one['id']}", {"tags": []})
    _, found = await api.call("GET", "/checks/tags")
    assert [(tag["name"], tag["checks"]) for tag in found] == [("night", 1), ("\u017c\u00f3\u0142w", 1)]


async def test_aggregate_is_page_numbers_and_tags_in_one(api: Caller) -> None:
    for n in range(4):
        await api.make(name=f"n{n}", tags=["a"] if n % 2 else ["b"])
    for query in ("", "?size=1&sort_by=name", "?tag=a&sort_direction=asc_prev&size=1"):
        status, found = await api.call("GET", f"/checks/aggregate{query}")
        assert status == 200
        assert found == {
            "checks": (await api.call("GET", f"/checks{query}"))[1],
            "user_stats": await stats(api),
            "tags": (await api.call("GET", "/checks/tags"))[1],
            "user_slug": api.user.user_slug,
            "ping_base": f"/p/{api.user.user_slug}",
        }
    cursor = (await api.call("GET", "/checks/aggregate?size=3"))[1]["checks"]["next_cursor"]
    _, rest = await api.call("GET", f"/checks/aggregate?size=3&cursor={cursor}")
    assert [check["name"] for check in rest["checks"]["items"]] == ["n0"]


async def test_another_account_is_counted_for_itself(api: Caller, store: Store) -> None:
    await api.make(tags=["a"])
    stranger = Caller(
        api.client,
        *await create_user(store, now=now_ms(), master=MASTER_KEY),
    )
    assert await stats(stranger) == NOTHING
    assert (await stranger.call("GET", "/checks/tags"))[1] == []
    _, found = await stranger.call("GET", "/checks/aggregate")
    assert (found["checks"]["items"], found["user_slug"]) == ([], stranger.user.user_slug)
