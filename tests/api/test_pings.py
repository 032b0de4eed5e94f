"""The log of a check's pings, page by page and by kind."""

import pytest

from tests.api.conftest import Caller, problem


async def send(api: Caller, count: int, action: str = "", slug: str = "job") -> None:
    """That many pings."""
    for _ in range(count):
        answer = await api.client.get(f"/p/{api.user.user_slug}/{slug}{action}")
        assert answer.status_code == 200


async def numbers(api: Caller, query: str) -> tuple[list[int], str | None]:
    """The numbers on a page and its cursor."""
    status, page = await api.call("GET", f"/checks/job/pings?{query}")
    assert status == 200, page
    assert page.keys() == {"items", "next_cursor", "total", "history"}
    assert page["history"] == "off"
    return [ping["n"] for ping in page["items"]], page["next_cursor"]


async def test_the_log_is_paged_by_number_while_new_pings_come(api: Caller) -> None:
    await api.make(slug="job")
    await send(api, 7)
    assert await numbers(api, "size=3") == ([7, 6, 5], "5")
    await send(api, 4)
    assert await numbers(api, "size=3&cursor=5") == ([4, 3, 2], "2")
    await send(api, 1, "/log")
    assert await numbers(api, "size=3&cursor=2") == ([1], None)
    assert await numbers(api, "size=3&cursor=1") == ([], None)
    assert await numbers(api, "size=3&cursor=0") == ([], None)
    assert await numbers(api, "size=3&cursor=") == ([12, 11, 10], "10")
    assert (await api.call("GET", "/checks/job/pings?cursor=2"))[1]["total"] == 12


async def test_a_cursor_of_pings_that_are_no_longer_kept_ends_the_log(api: Caller) -> None:
    await api.make(slug="job")
    await send(api, 103)
    assert await numbers(api, "size=97") == (list(range(103, 6, -1)), "7")
    assert await numbers(api, "size=3&cursor=7") == ([6, 5, 4], None)
    assert await numbers(api, "cursor=4") == ([], None)
    assert (await numbers(api, "cursor=999999999999999"))[1] is None


async def test_a_last_page_that_is_full_has_no_cursor(api: Caller) -> None:
    await api.make(slug="job")
    assert await numbers(api, "") == ([], None)
    await send(api, 4)
    assert await numbers(api, "size=4") == ([4, 3, 2, 1], None)
    assert await numbers(api, "size=2&cursor=3") == ([2, 1], None)


async def test_kinds_are_chosen_one_or_several_and_paged(api: Caller) -> None:
    await api.make(slug="job")
    for action in ("", "/start", "/fail", "/log", "/fail", ""):
        await send(api, 1, action)
    assert await numbers(api, "kind=fail") == ([5, 3], None)
    assert await numbers(api, "kind=start,log") == ([4, 2], None)
    assert await numbers(api, "kind=success,fail&size=2") == ([6, 5], "5")
    assert await numbers(api, "kind=success,fail&size=2&cursor=5") == ([3, 1], None)
    assert await numbers(api, "kind=ignored") == ([], None)
    assert len((await numbers(api, "kind="))[0]) == 6


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("pings?size=0", "size"),
        ("pings?size=1001", "size"),
        ("pings?size=x", "size"),
        ("pings?cursor=x", "cursor"),
        ("pings?cursor=-1", "cursor"),
        ("pings?cursor=%D9%A1", "cursor"),
        ("pings?cursor=1%0A", "cursor"),
        ("pings?cursor=1234567890123456", "cursor"),
        ("pings?kind=other", "kind"),
        ("pings?kind=fail,", "kind"),
        ("pings?kind=fail,%20log", "kind"),
        ("flips?size=0", "size"),
        ("flips?size=201", "size"),
        ("flips?cursor=x", "cursor"),
        ("uptime?days=0", "days"),
        ("uptime?days=366", "days"),
    ],
)
async def test_a_query_that_is_wrong_is_refused_beside_its_field(api: Caller, path: str, field: str) -> None:
    await api.make(slug="job")
    answer = await api.raw("GET", f"/checks/job/{path}")
    assert (answer.status_code, list(await problem(answer))) == (400, [field])


async def test_a_ping_without_a_body_says_so(api: Caller) -> None:
    await api.make(slug="job")
    await send(api, 1)
    status, answer = await api.call("GET", "/checks/job/pings/1/body")
    assert (status, answer["detail"]) == (404, "This ping has no body that is kept.")
    status, answer = await api.call("GET", "/checks/other/pings/1/body")
    assert (status, answer["detail"]) == (404, "You have no such check.")
