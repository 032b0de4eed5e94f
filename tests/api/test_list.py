"""The list of checks: every order in both directions, both ways through its pages, its filters and its refusals."""

from collections.abc import Callable
from datetime import datetime
from itertools import product
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from quart import Quart

from tests.api.conftest import NEW, Caller, problem
from ttr.domain.folding import fold
from ttr.domain.limits import FILTER_TAGS_MAX
from ttr.store.check_list import SORTS, Place
from ttr.store.cursor import cursor_text

Json = dict[str, Any]


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def status_key(check: Json) -> tuple[int, float]:
    return ("down", "new", "up", "paused").index(check["status"]), -moment(check["status_since"])


KEYS: dict[str, Callable[[Json], Any]] = {
    "id": lambda check: check["id"],
    "created_at": lambda check: check["id"],
    "name": lambda check: fold(check["name"]).encode(),
    "uuid": lambda check: int(check["uuid"].replace("-", "")[:12], 16),
    "deadline": lambda check: check["deadline"] and moment(check["deadline"]),
    "last_ping": lambda check: check["last_ping"] and moment(check["last_ping"]),
    "last_duration_seconds": lambda check: check["last_duration_seconds"],
    "status": status_key,
}


def in_order(checks: list[Json], sort: str, direction: str) -> list[int]:
    """The ids as the list should have them: nothing last, ties by number, all of it turned round by desc."""
    key = KEYS[sort]
    valued = [check for check in checks if key(check) is not None]
    empty = [check for check in checks if key(check) is None]
    down = direction == "desc"
    ordered = sorted(valued, key=lambda check: (key(check), check["id"]), reverse=down)
    return [check["id"] for check in ordered + sorted(empty, key=lambda check: check["id"], reverse=down)]


async def ping(api: Caller, check: Json, end: str = "") -> None:
    answer = await api.client.post(urlsplit(check["ping_url"]).path + end)
    assert answer.status_code == 200


async def populate(api: Caller) -> list[Json]:
    """Checks of every status, with names and times that tie, and without pings, durations and deadlines."""
    names = (
        "beta",
        "Beta",
        "\uff22eta",
        "alpha",
        "\u017b\u00f3\u0142w",
        "omega",
        "omega",
        "omega",
        "Zeta",
        "a b",
    )
    checks = [
        await api.make(
            name=name,
            slug=f"job-{n}",
            tags=[["db"], ["db", "Night"], ["Night"], []][n % 4],
            interval_seconds=60 + n % 3,
        )
        for n, name in enumerate(names)
    ]
    await ping(api, checks[0])
    await ping(api, checks[1], "/start")
    await ping(api, checks[1])
    await ping(api, checks[2], "/fail")
    await ping(api, checks[3], "/start")
    await ping(api, checks[4])
    await ping(api, checks[5], "/7")
    for n in (6, 4):
        await api.call("POST", f"/checks/job-{n}/pause")
    _, page = await api.call("GET", "/checks?size=100")
    assert len(page["items"]) == len(names)
    items: list[Json] = page["items"]
    return items


def ids(page: Any) -> list[int]:
    return [check["id"] for check in page["items"]]


async def walk(api: Caller, query: str, direction: str, size: int) -> list[int]:
    """All pages forward, then both ways that lead back from each of them: they must agree."""
    path = f"/checks?size={size}&{query}&sort_direction="
    pages: list[list[int]] = []
    status, page = await api.call("GET", path + direction)
    assert (status, page["prev_cursor"]) == (200, None)
    while True:
        assert page["size"] == size
        pages.append(ids(page))
        if page["next_cursor"] is None:
            break
        status, page = await api.call("GET", f"{path}{direction}&cursor={page['next_cursor']}")
        assert status == 200
        assert page["items"]
        assert page["prev_cursor"]
    for before in reversed(pages[:-1]):
        cursor = page["prev_cursor"]
        _, page = await api.call("GET", f"{path}{direction}&cursor={cursor}")
        _, as_the_seed_asks = await api.call("GET", f"{path}{direction}_prev&cursor={cursor}")
        assert ids(page) == ids(as_the_seed_asks) == before
        assert page["next_cursor"]
        assert as_the_seed_asks == page
    assert page["prev_cursor"] is None
    seen = [check_id for one in pages for check_id in one]
    _, last = await api.call("GET", f"{path}{direction}_prev")
    assert ids(last) == seen[-size:]
    assert last["next_cursor"] is None
    return seen


async def test_every_order_is_right_both_ways(api: Caller) -> None:
    checks = await populate(api)
    for sort in SORTS:
        for direction in ("asc", "desc"):
            expected = in_order(checks, sort, direction)
            for size in (1, 3, 10, 100):
                assert await walk(api, f"sort_by={sort}", direction, size) == expected, (
                    sort,
                    direction,
                    size,
                )


def test_every_order_is_among_them() -> None:
    assert set(SORTS) == KEYS.keys()


async def test_the_newest_come_first_by_twenty_five_unless_said_otherwise(api: Caller) -> None:
    made = [(await api.make())["id"] for _ in range(27)]
    _, page = await api.call("GET", "/checks")
    assert (ids(page), page["size"]) == (made[:1:-1], 25)
    _, page = await api.call("GET", f"/checks?cursor={page['next_cursor']}")
    assert ids(page) == made[1::-1]


FILTERS: list[tuple[str, Callable[[Json], bool]]] = [
    ("tag=db", lambda check: "db" in tags(check)),
    ("tag=db,Night", lambda check: {"db", "Night"} <= tags(check)),
    ("tag=db,,%20Night%20,db", lambda check: {"db", "Night"} <= tags(check)),
    ("tag=db,Night&tag_match=any", lambda check: bool({"db", "Night"} & tags(check))),
    ("tag=db,unknown", lambda check: False),
    ("tag=unknown", lambda check: False),
    ("tag=unknown,db&tag_match=any", lambda check: "db" in tags(check)),
    ("tag=DB", lambda check: False),
    ("status=down", lambda check: check["status"] == "down"),
    ("status=paused,up", lambda check: check["status"] in ("paused", "up")),
    ("status=running", lambda check: check["running"]),
    ("status=running,down", lambda check: check["running"] or check["status"] == "down"),
    ("status=late", lambda check: False),
    ("q=BETA", lambda check: "beta" in fold(check["name"])),
    (f"q={quote(chr(0xFF22))}eta", lambda check: "beta" in fold(check["name"])),
    (f"q={quote('żÓŁ')}", lambda check: check["slug"] == "job-4"),
    ("q=job-1", lambda check: check["slug"] == "job-1"),
    ("q=night", lambda check: "Night" in tags(check)),
    ("q=night%20job-1", lambda check: check["slug"] == "job-1"),
    ("q=%20%20eta%09", lambda check: "eta" in fold(check["name"])),
    ("q=nothing", lambda check: False),
    ("q=%00", lambda check: False),
    ("q=a%20b", lambda check: "a" in line(check) and "b" in line(check)),
    ("q=eta&tag=db&status=down,up", lambda check: check["slug"] in ("job-0", "job-1")),
    ("tag=&status=&q=", lambda check: True),
]


def tags(check: Json) -> set[str]:
    return {tag["name"] for tag in check["tags"]}


def line(check: Json) -> str:
    return fold("\t".join((check["name"], check["slug"], *tags(check))))


async def test_filters_keep_the_order_and_page_both_ways(api: Caller) -> None:
    checks = await populate(api)
    found = 0
    for query, matches in FILTERS:
        wanted = [check for check in checks if matches(check)]
        found += len(wanted)
        for sort, direction in (("name", "asc"), ("last_ping", "desc")):
            expected = in_order(wanted, sort, direction)
            assert await walk(api, f"{query}&sort_by={sort}", direction, 2) == expected, query
    assert found > 20


async def test_a_search_does_not_look_at_numbers_that_nobody_gave(api: Caller) -> None:
    check = await api.make(name="x")
    assert (await api.call("GET", f"/checks?q={check['id']}"))[1]["items"] == []


async def test_pages_go_on_where_they_ended_while_checks_change(api: Caller) -> None:
    made = [await api.make(name=f"n{n}") for n in range(8)]
    path = "/checks?size=3&sort_by=name&sort_direction=asc"
    _, first = await api.call("GET", path)
    edge = made[2]["id"]
    # The edge moves to the end, and one comes in before it: neither is skipped or shown twice among the rest.
    await api.call("PATCH", f"/checks/{edge}", {"name": "z"})
    new = await api.make(name="n1x")
    _, second = await api.call("GET", f"{path}&cursor={first['next_cursor']}")
    assert ids(second) == [made[n]["id"] for n in (3, 4, 5)]
    await api.call("DELETE", f"/checks/{made[5]['id']}")
    _, third = await api.call("GET", f"{path}&cursor={second['next_cursor']}")
    assert ids(third) == [made[6]["id"], made[7]["id"], edge]
    assert third["next_cursor"] is None
    _, back = await api.call("GET", f"{path}&cursor={second['prev_cursor']}")
    assert ids(back) == [made[0]["id"], made[1]["id"], new["id"]]
    assert back["prev_cursor"] is None


async def test_the_longest_name_makes_a_cursor_that_works(api: Caller) -> None:
    made = [(await api.make(name="\ufdfa" * 100))["id"] for _ in range(3)]
    assert await walk(api, "sort_by=name", "asc", 1) == made


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("size=0", "size"),
        ("size=101", "size"),
        ("size=x", "size"),
        ("size=", "size"),
        ("sort_by=", "sort_by"),
        ("sort_by=grace_seconds", "sort_by"),
        ("sort_direction=up", "sort_direction"),
        ("sort_direction=DESC", "sort_direction"),
        ("tag_match=some", "tag_match"),
        ("status=late,red", "status"),
        ("status=up,", "status"),
        ("q=" + "x" * 101, "q"),
        ("q=1+2+3+4+5+6+7+8+9", "q"),
        ("tag=" + "," * FILTER_TAGS_MAX, "tag"),
        ("cursor=x", "cursor"),
    ],
)
@pytest.mark.parametrize("path", ["/checks", "/checks/aggregate"])
async def test_a_query_that_can_not_be_answered_is_named(
    api: Caller, path: str, query: str, field: str
) -> None:
    answer = await api.raw("GET", f"{path}?{query}")
    assert answer.status_code == 400
    assert (await problem(answer)).keys() == {field}
    assert "ETag" not in answer.headers


async def test_a_cursor_belongs_to_its_order(api: Caller) -> None:
    for _ in range(2):
        await api.make()
    _, page = await api.call("GET", "/checks?size=1&sort_by=name")
    for sort in set(SORTS) - {"name"}:
        answer = await api.raw("GET", f"/checks?size=1&sort_by={sort}&cursor={page['next_cursor']}")
        assert answer.status_code == 400
        assert (await problem(answer)).keys() == {"cursor"}


async def test_a_cursor_that_somebody_made_up_in_the_right_form_is_only_a_place(api: Caller) -> None:
    made = {(await api.make(name=f"n{n}"))["id"] for n in range(3)}
    for sort in SORTS:
        values = (
            ("", "n1", "\x01", "\U0010ffff" * 900, "%[a-") if sort == "name" else ("0", "9" * 15, "inf", "7")
        )
        for value, number, backward in product(values, (0, 1, 9_999_999_999), (False, True)):
            cursor = cursor_text(sort, Place(value, number), backward=backward)
            for direction in ("asc", "desc"):
                status, page = await api.call(
                    "GET", f"/checks?size=2&sort_by={sort}&sort_direction={direction}&cursor={cursor}"
                )
                assert status == 200
                assert set(ids(page)) <= made


async def test_as_many_words_and_tags_as_may_be_are_taken(api: Caller) -> None:
    assert (await api.call("GET", "/checks?q=1+2+3+4+5+6+7+8"))[0] == 200
    assert (await api.call("GET", "/checks?q=" + quote("\ufdfa" * 100)))[0] == 200
    assert (await api.call("GET", "/checks?tag_match=any&tag=" + ",".join("abcde"[:FILTER_TAGS_MAX])))[
        0
    ] == 200


async def test_a_slash_at_the_end_is_no_other_address(api: Caller) -> None:
    check = await api.make(slug="job")
    assert (await api.call("GET", "/checks/"))[1]["items"] == [check]
    assert (await api.call("GET", "/checks/job/"))[1] == check
    assert (await api.call("GET", "/checks/tags/")) == (200, [])
    assert (await api.call("POST", "/checks/", NEW))[0] == 201
    assert (await api.call("DELETE", "/checks/job/"))[0] == 204
    answer = await api.raw("GET", "/checks//1")
    assert answer.status_code == 404
    await problem(answer)


def test_every_route_of_the_api_takes_a_slash_at_its_end(app: Quart) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1")]
    assert len(rules) > 30
    assert [rule.rule for rule in rules if rule.strict_slashes or rule.merge_slashes] == []
