"""Status pages over the API: made, shown, replaced, changed and deleted; what stands on them, and what is refused."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from quart import Quart

from tests.api.conftest import Caller, problem
from tests.api.test_hostile import BAD_BODIES
from tests.conftest import MASTER_KEY
from ttr.app import create_app
from ttr.domain import limits
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.store.users import create_user

PAGES = "/status-pages"
PROD = {"name": "Prod", "slug": "prod"}


async def other_account(api: Caller, store: Store) -> Caller:
    return Caller(api.client, *await create_user(store, now=now_ms(), master=MASTER_KEY))


async def add(api: Caller, **fields: Any) -> Any:
    status, page = await api.call("POST", PAGES, PROD | fields)
    assert status == 201, page
    return page


async def three(api: Caller) -> list[int]:
    return [(await api.make(name=name))["id"] for name in ("One", "Two", "Three")]


def ids(page: Any) -> list[int]:
    """The checks as the page shows them."""
    return [check["id"] for check in page["checks"]]


async def test_a_page_is_made_listed_changed_and_deleted(api: Caller) -> None:
    assert await api.call("GET", PAGES) == (200, [])
    checks = await three(api)
    made = await add(api, check_ids=checks)
    plain = {
        "name": "Prod",
        "slug": "prod",
        "is_public": True,
        "visibility": "public",
        "layout": "cards",
        "theme": "cyberpunk",
        "scheme": "system",
        "intro": "",
        "notice": None,
        "entries": [{"check": check} for check in checks],
        "check_ids": checks,
        "owner_id": api.user.id,
        "url": f"http://localhost/s/{api.user.public_slug}/prod",
    }
    assert {name: made[name] for name in plain} == plain
    assert made.keys() == plain.keys() | {"id", "uuid", "checks", "created_at", "changed_at"}
    assert made["created_at"] == made["changed_at"]
    path = f"{PAGES}/{made['id']}"
    answer = await api.raw("GET", path)
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert await answer.get_json() == made
    second = await add(api, name="Second", slug="second")
    assert await api.call("GET", PAGES) == (200, [made, second])
    status, changed = await api.call("PATCH", path, {"name": " Production ", "layout": "grid"})
    assert status == 200
    later = {"name": "Production", "layout": "grid", "changed_at": changed["changed_at"]}
    assert changed == made | later
    assert await api.call("DELETE", path) == (204, None)
    for method in ("GET", "DELETE"):
        assert (await api.call(method, path))[0] == 404
    assert await api.call("GET", PAGES) == (200, [second])
    # Its checks stay, and its slug is free.
    assert (await api.call("GET", f"/checks/{checks[0]}"))[0] == 200
    await add(api)


async def test_a_check_is_shown_with_what_it_does(api: Caller) -> None:
    check = await api.make(name="Backup", slug="backup")
    quiet = await api.make(name="Quiet")
    await api.call("POST", f"/checks/{quiet['id']}/pause")
    for kind in ("/start", ""):
        await api.client.post(f"/p/{api.user.user_slug}/backup{kind}")
    _, seen = await api.call("GET", f"/checks/{check['id']}")
    page = await add(api, check_ids=[check["id"], quiet["id"]])
    assert page["checks"] == [
        {
            "id": check["id"],
            "uuid": check["uuid"],
            "name": "Backup",
            "status": "up",
            "paused": False,
            "last_ping": seen["last_ping"],
            "last_duration_seconds": seen["last_duration_seconds"],
        },
        {
            "id": quiet["id"],
            "uuid": quiet["uuid"],
            "name": "Quiet",
            "status": "paused",
            "paused": True,
            "last_ping": None,
            "last_duration_seconds": None,
        },
    ]
    assert seen["last_ping"] is not None
    assert seen["last_duration_seconds"] is not None


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_an_answer_sent_back_changes_nothing(api: Caller, method: str) -> None:
    checks = await three(api)
    tagged = await api.make(name="Tagged", tags=["db"])
    made = await add(
        api,
        visibility="unlisted",
        layout="timeline",
        theme="retro",
        scheme="dark",
        intro="Hello\r\n*there*",
        notice={"level": "outage", "text": "It burns."},
        entries=[
            {"heading": "A"},
            {"check": checks[1]},
            {"tag": "db"},
            {"heading": "A"},
            {"check": checks[0]},
        ],
    )
    assert ids(made) == [checks[1], tagged["id"], checks[0]]
    path = f"{PAGES}/{made['id']}"
    assert await api.call(method, path, made) == (200, made)
    # So it is when one of its checks has gone.
    await api.call("DELETE", f"/checks/{checks[1]}")
    _, shrunk = await api.call("GET", path)
    assert shrunk == made | {
        "entries": [entry for entry in made["entries"] if entry != {"check": checks[1]}],
        "check_ids": [checks[0]],
        "checks": made["checks"][1:],
    }
    assert await api.call(method, path, shrunk) == (200, shrunk)
    assert await api.call("GET", PAGES) == (200, [shrunk])


async def test_put_keeps_what_an_old_client_does_not_know(api: Caller) -> None:
    checks = await three(api)
    made = await add(
        api,
        visibility="unlisted",
        theme="arcade",
        notice={"text": "Soon"},
        entries=[
            {"heading": "A"},
            {"check": checks[0]},
            {"tag": "db"},
            {"check": checks[1]},
            {"heading": "B"},
        ],
    )
    path = f"{PAGES}/{made['id']}"
    status, seen = await api.call("PUT", path, {"name": "Prod 2", "slug": "prod", "check_ids": checks[:2]})
    assert (status, seen) == (200, made | {"name": "Prod 2", "changed_at": seen["changed_at"]})
    # Another choice of checks leaves headings and tags where they are; who stays shares out the places.
    for asked, entries in (
        ([checks[1]], [{"heading": "A"}, {"tag": "db"}, {"check": checks[1]}, {"heading": "B"}]),
        (
            [checks[2], checks[1], checks[0]],
            [
                {"heading": "A"},
                {"tag": "db"},
                {"check": checks[2]},
                {"check": checks[1]},
                {"check": checks[0]},
                {"heading": "B"},
            ],
        ),
        ([], [{"heading": "A"}, {"tag": "db"}, {"heading": "B"}]),
        ([checks[0]], [{"heading": "A"}, {"tag": "db"}, {"heading": "B"}, {"check": checks[0]}]),
    ):
        status, seen = await api.call("PUT", path, PROD | {"check_ids": asked})
        assert (status, seen["entries"], seen["check_ids"]) == (200, entries, asked)
    for lacking in ({"name": "Prod"}, {"slug": "prod"}, {}):
        answer = await api.raw("PUT", path, json.dumps(lacking).encode())
        assert answer.status_code == 400
        assert (await problem(answer)).keys() == {"name", "slug"} - lacking.keys()


async def test_a_client_may_read_change_and_send_back_either_of_two_names(api: Caller) -> None:
    one, two, _ = await three(api)
    made = await add(api, check_ids=[one])
    path = f"{PAGES}/{made['id']}"
    _, seen = await api.call("PUT", path, made | {"check_ids": [two, one]})
    assert seen["entries"] == [{"check": two}, {"check": one}]
    _, seen = await api.call("PUT", path, seen | {"entries": [{"check": one}, {"heading": "End"}]})
    assert (seen["check_ids"], len(seen["entries"])) == ([one], 2)
    _, seen = await api.call("PUT", path, seen | {"is_public": False})
    assert (seen["visibility"], seen["is_public"]) == ("off", False)
    _, seen = await api.call("PUT", path, seen | {"visibility": "unlisted"})
    assert (seen["visibility"], seen["is_public"]) == ("unlisted", True)
    # What disagrees with itself and with what was there can't be right.
    for fields in (
        {"entries": [{"check": one}], "check_ids": [two]},
        {"is_public": False, "visibility": "public"},
    ):
        answer = await api.raw("PATCH", path, json.dumps(fields).encode())
        assert answer.status_code == 409
        assert await problem(answer)
    assert await api.call("GET", path) == (200, seen)


async def test_is_public_is_a_word_for_the_visibility(api: Caller) -> None:
    made = await add(api, is_public=False)
    path = f"{PAGES}/{made['id']}"
    assert (made["is_public"], made["visibility"]) == (False, "off")
    for sent, visibility in (
        ({"is_public": True}, "public"),
        ({"visibility": "unlisted"}, "unlisted"),
        ({"is_public": True}, "unlisted"),
        ({"is_public": None, "visibility": None}, "unlisted"),
        ({"is_public": False}, "off"),
        ({"is_public": False, "visibility": "off"}, "off"),
    ):
        _, seen = await api.call("PATCH", path, sent)
        assert (seen["visibility"], seen["is_public"]) == (visibility, visibility != "off"), sent
    answer = await api.raw(
        "POST", PAGES, json.dumps(PROD | {"is_public": False, "visibility": "public"}).encode()
    )
    assert (answer.status_code, (await problem(answer)).keys()) == (409, {"is_public"})


async def test_a_notice_keeps_its_time_until_its_words_change(api: Caller) -> None:
    made = await add(api, notice={"text": " Soon\r\nand long \n"})
    path = f"{PAGES}/{made['id']}"
    notice = made["notice"]
    assert (notice["level"], notice["text"]) == ("info", "Soon\nand long")
    assert notice["at"] == made["created_at"]
    datetime.fromisoformat(notice["at"]).astimezone(UTC)
    _, seen = await api.call("PATCH", path, {"notice": {"text": "Soon\nand long"}, "name": "Other"})
    assert seen["notice"] == notice
    _, seen = await api.call("PATCH", path, {"notice": {"text": "Soon\nand long", "level": "outage"}})
    assert seen["notice"] == {"level": "outage", "text": "Soon\nand long", "at": seen["changed_at"]}
    for nothing in (None, {"text": ""}, {"text": " \n ", "level": "outage"}):
        await api.call("PATCH", path, {"notice": {"text": "There"}})
        _, seen = await api.call("PATCH", path, {"notice": nothing})
        assert seen["notice"] is None


async def test_tags_stand_for_their_checks_by_name(api: Caller) -> None:
    zoo = await api.make(name="zoo", tags=["db", "night"])
    ant = await api.make(name="Ant", tags=["db"])
    bee = await api.make(name="bee", tags=["night", "db"])
    made = await add(api, entries=[{"tag": "night"}, {"heading": "Rest"}, {"tag": "db"}, {"tag": "nothing"}])
    assert ids(made) == [bee["id"], zoo["id"], ant["id"]]
    assert made["check_ids"] == []
    # One that is chosen stands where it was chosen.
    path = f"{PAGES}/{made['id']}"
    _, seen = await api.call("PATCH", path, {"entries": [{"tag": "db"}, {"check": ant["id"]}, {"tag": "db"}]})
    assert seen["entries"] == [{"tag": "db"}, {"check": ant["id"]}]
    assert ids(seen) == [bee["id"], zoo["id"], ant["id"]]
    # A tag means those that carry it now.
    await api.call("PATCH", f"/checks/{bee['id']}", {"tags": []})
    new = await api.make(name="cat", tags=["db"])
    assert ids((await api.call("GET", path))[1]) == [new["id"], zoo["id"], ant["id"]]
    assert ids((await api.call("GET", PAGES))[1][0]) == [new["id"], zoo["id"], ant["id"]]


async def test_tags_are_told_apart_by_case_and_names_sorted_without(api: Caller) -> None:
    upper = await api.make(name="b", tags=["DB"])
    lower = [await api.make(name=name, tags=["db"]) for name in ("B", "a", "b")]
    page = await add(api, entries=[{"tag": "db"}])
    assert ids(page) == [lower[1]["id"], lower[0]["id"], lower[2]["id"]]
    _, seen = await api.call("PATCH", f"{PAGES}/{page['id']}", {"entries": [{"tag": "DB"}]})
    assert ids(seen) == [upper["id"]]


async def test_a_page_shows_as_many_checks_as_it_may(api: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STATUS_PAGE_CHECKS_MAX", 3)
    made = [await api.make(name=f"{n}", tags=["many"]) for n in range(4)]
    last = await api.make(name="Chosen")
    page = await add(api, entries=[{"tag": "many"}, {"check": last["id"]}])
    assert ids(page) == [check["id"] for check in made[:3]]
    # What is chosen beyond it is not lost.
    assert page["check_ids"] == [last["id"]]
    assert await api.call("PUT", f"{PAGES}/{page['id']}", page) == (200, page)
    await api.call("DELETE", f"/checks/{made[0]['id']}")
    await api.call("DELETE", f"/checks/{made[1]['id']}")
    _, seen = await api.call("GET", f"{PAGES}/{page['id']}")
    assert ids(seen) == [made[2]["id"], made[3]["id"], last["id"]]


async def test_doubles_stand_once_and_headings_as_often_as_sent(api: Caller) -> None:
    one, two, _ = await three(api)
    made = await add(api, check_ids=[one, two, one, 1.0 * two])
    assert made["check_ids"] == [one, two]
    entries = [
        {"heading": "A"},
        {"check": two},
        {"tag": " x "},
        {"heading": " A "},
        {"tag": "x"},
        {"check": two},
    ]
    _, seen = await api.call("PATCH", f"{PAGES}/{made['id']}", {"entries": entries})
    assert seen["entries"] == [{"heading": "A"}, {"check": two}, {"tag": "x"}, {"heading": "A"}]


async def test_a_slug_is_one_of_its_kind_in_the_account(api: Caller, store: Store) -> None:
    made, second = await add(api), await add(api, slug="second")
    for method, path in (
        ("POST", PAGES),
        ("PUT", f"{PAGES}/{second['id']}"),
        ("PATCH", f"{PAGES}/{second['id']}"),
    ):
        answer = await api.raw(method, path, json.dumps(PROD).encode())
        assert answer.status_code == 409
        assert await problem(answer) == {"slug": "Another of your status pages has this slug."}
    assert await api.call("GET", PAGES) == (200, [made, second])
    other = await other_account(api, store)
    assert (await add(other))["url"] == f"http://localhost/s/{other.user.public_slug}/prod"
    # A slug that was left is free.
    await api.call("PATCH", f"{PAGES}/{made['id']}", {"slug": "first"})
    status, seen = await api.call("PATCH", f"{PAGES}/{second['id']}", {"slug": "prod"})
    assert (status, seen["slug"]) == (200, "prod")


async def test_an_account_has_as_many_as_it_may(store: Store, settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"status_pages_per_account": 2}))
    async with app.test_app():
        api = Caller(app.test_client(), *await create_user(store, now=now_ms(), master=MASTER_KEY))
        first = await add(api)
        await add(api, slug="second")
        status, answer = await api.call("POST", PAGES, PROD | {"slug": "third"})
        assert (status, answer) == (
            409,
            {"detail": "Your account has 2 status pages, as many as it may have.", "errors": []},
        )
        assert len((await api.call("GET", PAGES))[1]) == 2
        await api.call("DELETE", f"{PAGES}/{first['id']}")
        await add(api, slug="third")


async def test_checks_of_others_and_of_nobody_are_refused(api: Caller, store: Store) -> None:
    other = await other_account(api, store)
    foreign, own = (await other.make(tags=["theirs"]))["id"], (await api.make())["id"]
    page = await add(api, check_ids=[own])
    for missing in (foreign, 999_999, limits.NUMBER_MAX):
        for fields in ({"check_ids": [own, missing]}, {"entries": [{"check": own}, {"check": missing}]}):
            for method, path in (
                ("POST", PAGES),
                ("PUT", f"{PAGES}/{page['id']}"),
                ("PATCH", f"{PAGES}/{page['id']}"),
            ):
                sent = {"name": "Mine", "slug": "mine"} | fields
                answer = await api.raw(method, path, json.dumps(sent).encode())
                assert answer.status_code == 409
                assert await problem(answer) == {"entries": f"You have no check {missing}."}
    assert await api.call("GET", PAGES) == (200, [page])
    # A tag of that name shows one's own checks only.
    assert ids(await add(api, slug="tags", entries=[{"tag": "theirs"}])) == []


async def test_pages_of_others_and_of_nobody_are_not_there(api: Caller, store: Store) -> None:
    other = await other_account(api, store)
    page = await add(other)
    for number in (page["id"], 999_999, 0, "1e3", "-1", "\u0661", "1.0", "9" * 16, "prod", page["uuid"]):
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            status, answer = await api.call(method, f"{PAGES}/{number}", PROD)
            assert (status, answer["detail"]) == (404, "You have no such status page."), (method, number)
    assert await other.call("GET", PAGES) == (200, [page])


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_a_body_that_is_no_page_is_a_400_everywhere(api: Caller, body: bytes) -> None:
    page = await add(api)
    for method, path in (
        ("POST", PAGES),
        ("PUT", f"{PAGES}/{page['id']}"),
        ("PATCH", f"{PAGES}/{page['id']}"),
    ):
        answer = await api.raw(method, path, body)
        if method == "PATCH" and answer.status_code == 200:
            continue  # what is a check's field and no page's is ignored
        assert answer.status_code == 400
        assert await problem(answer)
    assert len((await api.call("GET", PAGES))[1]) == 1


ENTRIES, INTRO, NOTICE = (
    limits.STATUS_PAGE_ENTRIES_MAX,
    limits.STATUS_PAGE_INTRO_MAX,
    limits.STATUS_PAGE_NOTICE_MAX,
)

BAD_FIELDS: list[tuple[str, Any]] = [
    *[("name", value) for value in (None, "", "   ", 5, True, ["x"], {}, "a\nb", "a\x00", "\u2028")],
    ("name", "x" * (limits.NAME_MAX + 1)),
    *[
        ("slug", value)
        for value in (None, "", "Upper", "a b", "a/b", "../x", "j\u00f6b", "a\n", 5, ["a"], "a.b")
    ],
    ("slug", "x" * (limits.SLUG_MAX + 1)),
    ("slug", "\u0661\u0662"),
    *[("visibility", value) for value in ("", "Public", "private", 1, True, ["off"], "__class__")],
    *[("is_public", value) for value in ("true", 1, 0, "", [], {})],
    *[("layout", value) for value in (None, "", "list", "CARDS", 1, ["cards"], "x" * 100_000)],
    *[("theme", value) for value in (None, "", "../retro", "Retro", 1)],
    *[("scheme", value) for value in (None, "", "auto", 1)],
    *[("intro", value) for value in (None, 5, ["x"], "a\x00b", "\x1b[31m", "a\u2028b", "x" * (INTRO + 1))],
    *[("notice", value) for value in ("text", 5, [], {}, {"level": "info"}, {"text": None}, {"text": 5})],
    *[("notice", {"text": text}) for text in ("a\x00", "a\x85b", "x" * (NOTICE + 1))],
    *[("notice", {"text": "x", "level": level}) for level in ("", "INFO", None, 1, "fatal")],
    *[("entries", value) for value in ("x", 5, {}, [5], ["x"], [None], [[]], [{}])],
    ("entries", [{"heading": "x"}] * (ENTRIES + 1)),
    ("entries", [{"heading": "x"}] * (limits.STATUS_PAGE_HEADINGS_MAX + 1)),
    ("entries", [{"tag": f"x{one}"} for one in range(limits.STATUS_PAGE_TAGS_MAX + 1)]),
    ("entries", [{}] * 200_000),
    *[("entries", [{"heading": text}]) for text in ("", "  ", "a\nb", "a\x00", None, 5, [])],
    ("entries", [{"heading": "x" * (limits.NAME_MAX + 1)}]),
    *[("entries", [{"tag": text}]) for text in ("", "  ", "a,b", "a\x00", None, 5, {"name": "x"})],
    ("entries", [{"tag": "x" * (limits.TAG_MAX + 1)}]),
    *[
        ("entries", [{"check": number}])
        for number in (None, 0, -1, "1", True, 1.5, 10**30, limits.NUMBER_MAX + 1, [1])
    ],
    *[("entries", [two]) for two in ({"heading": "x", "tag": "x"}, {"check": 1, "tag": None}, {"page": 1})],
    ("entries", [{"heading": "x", "colour": "red"}]),
    *[
        ("check_ids", value)
        for value in ("1", 5, {}, ["1"], [True], [None], [0], [-1], [1.5], [10**30], [[1]])
    ],
    ("check_ids", [limits.NUMBER_MAX + 1]),
    ("check_ids", list(range(1, ENTRIES + 2))),
]


@pytest.mark.parametrize(
    ("field", "value"), BAD_FIELDS, ids=lambda v: repr(v)[:30].encode("ascii", "replace").decode()
)
async def test_a_bad_field_is_named_and_nothing_changes(api: Caller, field: str, value: Any) -> None:
    page = await add(api, notice={"text": "Soon"}, entries=[{"heading": "Nothing yet"}])
    sent = json.dumps({"name": "New", "slug": "new"} | {field: value}).encode()
    for method, path in (
        ("POST", PAGES),
        ("PUT", f"{PAGES}/{page['id']}"),
        ("PATCH", f"{PAGES}/{page['id']}"),
    ):
        answer = await api.raw(method, path, sent)
        assert answer.status_code == 400
        assert (await problem(answer)).keys() == {field}
    assert await api.call("GET", PAGES) == (200, [page])


GOOD_FIELDS: list[tuple[str, Any]] = [
    ("name", "x" * limits.NAME_MAX),
    ("name", "<b>&\"' \u0645\u0631\u062d\u0628\u0627 \U0001f986"),
    ("slug", "x" * limits.SLUG_MAX),
    *[("slug", slug) for slug in ("a", "_", "-", "0", "12", "a-_9")],
    *[("visibility", value) for value in ("public", "unlisted", "off")],
    *[("layout", value) for value in ("cards", "grid", "timeline")],
    *[("scheme", value) for value in ("dark", "light", "system")],
    ("theme", "terminal"),
    ("intro", "x" * INTRO),
    ("intro", "a\n\tb <script>alert(1)</script>"),
    ("entries", []),
    ("entries", [{"heading": "x"}] * limits.STATUS_PAGE_HEADINGS_MAX),
    ("entries", [{"tag": f"x{one}"} for one in range(limits.STATUS_PAGE_TAGS_MAX)]),
    ("entries", [{"heading": "x" * limits.NAME_MAX}, {"tag": "x" * limits.TAG_MAX}]),
    ("check_ids", []),
]


@pytest.mark.parametrize(
    ("field", "value"), GOOD_FIELDS, ids=lambda v: repr(v)[:30].encode("ascii", "replace").decode()
)
async def test_a_field_at_its_limit_is_taken_and_shown(api: Caller, field: str, value: Any) -> None:
    made = await add(api, **{field: value})
    assert made[field] == value
    path = f"{PAGES}/{made['id']}"
    assert await api.call("GET", path) == (200, made)
    for method, more in (("PUT", {"name": "Again", "slug": "again"}), ("PATCH", {})):
        await api.call("PATCH", path, {"name": "Again", "slug": "again", "entries": [], "layout": "cards"})
        status, seen = await api.call(method, path, more | {field: value})
        assert (status, seen[field]) == (200, value)


async def test_as_many_checks_as_may_be_are_taken_beside_no_heading_too_many(
    api: Caller, store: Store
) -> None:
    body = {"checks": [{"name": f"{n}", "interval_seconds": 60, "grace_seconds": 60} for n in range(ENTRIES)]}
    _, made = await api.call("POST", "/checks/bulk", body)
    numbers = [check["id"] for check in made["items"]]
    page = await add(api, check_ids=numbers[:-1])
    path = f"{PAGES}/{page['id']}"
    assert ids(page) == numbers[:-1]
    _, page = await api.call("PATCH", path, {"entries": [{"heading": "One"}, *page["entries"]]})
    assert len(page["entries"]) == ENTRIES
    answer = await api.raw("PUT", path, json.dumps(PROD | {"check_ids": numbers}).encode())
    assert answer.status_code == 400
    assert await problem(answer) == {"check_ids": "At most 500, with the page's headings and tags."}
    assert await api.call("GET", path) == (200, page)
    notice = {"level": "resolved", "text": "x" * NOTICE}
    _, seen = await api.call("PATCH", path, {"entries": [], "check_ids": None, "notice": notice})
    assert (seen["entries"], seen["notice"]["text"]) == ([], notice["text"])
    _, seen = await api.call("PATCH", path, {"check_ids": numbers})
    assert (seen["check_ids"], ids(seen)) == (numbers, numbers)


@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
async def test_no_json_whatever_is_a_fault_of_ours(app: Quart, api: Caller) -> None:
    check = await api.make(tags=["x"])
    page = await add(api, check_ids=[check["id"]])
    scalar = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    value = st.recursive(
        scalar | st.sampled_from([check["id"], "off", "x", [check["id"]]]),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["heading", "check", "tag", "level", "text"]), inner, max_size=3
            )
        ),
        max_leaves=10,
    )
    body = st.binary(max_size=60) | st.dictionaries(st.sampled_from(sorted(page)), value, max_size=6).map(
        lambda fields: json.dumps(PROD | fields, ensure_ascii=False).encode("utf-8", "surrogatepass")
    )
    found: list[tuple[str, bytes]] = []

    @hypothesis_settings(
        max_examples=250,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(st.sampled_from(["POST", "PUT", "PATCH"]), body)
    def collect(method: str, sent: bytes) -> None:
        found.append((method, sent))

    collect()
    taken = 0
    for method, sent in found:
        path = PAGES if method == "POST" else f"{PAGES}/{page['id']}"
        answer = await api.raw(method, path, sent)
        assert answer.status_code in (200, 201, 400, 409), (method, sent)
        if answer.status_code >= 400:
            await problem(answer)
        else:
            taken += 1
            seen = await answer.get_json()
            assert await api.call("GET", f"{PAGES}/{seen['id']}") == (200, seen)
    assert taken > 5
    assert (await api.raw("GET", PAGES)).status_code == 200


async def test_the_slash_at_the_end_makes_no_difference(api: Caller) -> None:
    status, made = await api.call("POST", f"{PAGES}/", PROD)
    assert status == 201
    assert await api.call("GET", f"{PAGES}/{made['id']}/") == (200, made)
    status, answer = await api.call("DELETE", PAGES)
    assert (status, answer["detail"]) == (405, "This address takes GET, POST.")
