"""Bulk calls: many checks made, changed or deleted as a whole or not at all, and every refusal tells which item."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from quart import Quart

from tests.api.conftest import NEW, Caller, problem
from tests.conftest import MASTER_KEY
from tests.lua.indexes import assert_indexed
from tests.lua.parts import settings as settings_of_a_check
from ttr import bulk, current
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import chores, keys
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store
from ttr.store.users import create_user

CRON = {
    "name": "Nightly",
    "schedule_type": "cron",
    "schedule": "0 3 * * *",
    "tz": "Europe/Riga",
    "grace_seconds": 60,
}


async def refused(api: Caller, method: str, path: str, body: Any) -> tuple[int, dict[str, str]]:
    """The status of a refusal and its errors by field."""
    answer = await api.raw(method, path, json.dumps(body).encode())
    return answer.status_code, await problem(answer)


async def everything(api: Caller) -> dict[int, Any]:
    """What the account's owner sees of it, by check, and which tags there are."""
    _, page = await api.call("GET", "/checks?size=100")
    seen = {
        check["id"]: check | {"tags": sorted(tag["name"] for tag in check["tags"])} for check in page["items"]
    }
    assert await api.call("GET", "/checks/stats") is not None
    return seen


async def is_settled(api: Caller, store: Store) -> bool:
    """Whether no chore is open."""
    return not await store.redis.exists(keys.user_chore(api.user.partition, api.user.id))


async def test_checks_are_made_in_the_order_in_which_they_are_sent_as_single_ones_are(
    api: Caller, store: Store
) -> None:
    _, default = await api.call(
        "POST", "/channels", {"kind": "webhook", "webhook_url": "http://127.0.0.1:9/x", "default": True}
    )
    single = await api.make(slug="single", tags=["db"], description="x")
    sent = [
        NEW | {"slug": "a", "tags": ["db"], "description": "x"},
        CRON | {"channels": []},
        NEW | {"name": "third", "channels": [default["id"]], "expected_content": "ok"},
        # What a list answered can be sent back.
        single | {"slug": "copy"},
    ]
    status, answer = await api.call("POST", "/checks/bulk", {"checks": sent})
    assert (status, list(answer)) == (201, ["items"])
    items = answer["items"]
    assert [item["name"] for item in items] == ["My Job", "Nightly", "third", "My Job"]
    assert [item["channels"] for item in items] == [[default["id"]], [], [default["id"]], [default["id"]]]
    numbers = [item["id"] for item in items]
    assert numbers == sorted(numbers)
    own = {"id", "uuid", "slug", "created_at", "status_since", "next_due", "deadline", "ping_url"}
    assert {k: v for k, v in items[0].items() if k not in own} == {
        k: v for k, v in single.items() if k not in own
    }
    for item in items:
        assert (await api.call("GET", f"/checks/{item['id']}"))[1] == item
        assert (await api.call("GET", f"/checks/{item['uuid']}"))[1] == item
    assert await is_settled(api, store)


async def test_an_answer_is_its_owners_alone(api: Caller) -> None:
    answer = await api.raw("POST", "/checks/bulk", json.dumps({"checks": [NEW]}).encode())
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.mimetype == "application/json"


async def test_one_bad_item_refuses_all_and_each_error_names_its_item(api: Caller, store: Store) -> None:
    sent = [
        NEW,
        NEW | {"name": "", "grace_seconds": 0},
        5,
        NEW | {"schedule_type": "cron"},
        {},
        CRON | {"schedule": "x"},
    ]
    status, errors = await refused(api, "POST", "/checks/bulk", {"checks": sent})
    assert status == 400
    assert errors.keys() == {
        "checks.1.name",
        "checks.1.grace_seconds",
        "checks.2",
        "checks.3.schedule",
        "checks.4.name",
        "checks.4.grace_seconds",
        "checks.5.schedule",
    }
    assert errors["checks.3.schedule"] == "This field is required."
    assert await everything(api) == {}
    assert await is_settled(api, store)


@pytest.mark.parametrize("path", ["/checks/bulk", "/checks/bulk-delete"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", ""),
        (b"[]", ""),
        (b"{}", "checks"),
        (b'{"checks": null}', "checks"),
        (b'{"checks": []}', "checks"),
        (b'{"checks": {}}', "checks"),
        (b'{"checks": "1"}', "checks"),
        (b'{"checks": [null]}', "checks.0"),
        (b'{"checks": [[]]}', "checks.0"),
        (b'{"checks": [true]}', "checks.0"),
        (b'{"checks": [1.5]}', "checks.0"),
        (b'{"checks": ["\\ud800"]}', ""),
        (b'{"checks": ["\xff"]}', ""),
        (b'{"checks": [' + b"[" * 5_000 + b"]" * 5_000 + b"]}", ""),
        (b'{"checks": [' + b"1," * 1_000 + b"1]}", "checks"),
        (b'{"checks": [' + b"9" * 5_000 + b"]}", ""),
    ],
)
async def test_what_is_no_list_of_checks_is_refused(api: Caller, path: str, body: bytes, field: str) -> None:
    for method in ("POST", "PATCH") if path.endswith("bulk") else ("POST",):
        answer = await api.raw(method, path, body)
        assert answer.status_code == 400, (method, body)
        found = set(await problem(answer))
        # A PATCH of these asks for nothing besides.
        assert found - ({""} if method == "PATCH" and "." in field else set()) == {field}, (method, body)


async def test_a_hundred_errors_are_told(api: Caller) -> None:
    answer = await api.raw("POST", "/checks/bulk", json.dumps({"checks": [{}] * 1_000}).encode())
    assert answer.status_code == 400
    assert len(await problem(answer)) == 100


async def test_slugs_that_are_taken_or_sent_twice_refuse_all(api: Caller) -> None:
    await api.make(slug="here")
    before = await everything(api)
    assert await refused(
        api, "POST", "/checks/bulk", {"checks": [NEW, NEW | {"slug": "here"}, NEW | {"slug": "free"}]}
    ) == (409, {"checks.1.slug": "Another of your checks has this slug."})
    assert await refused(
        api, "POST", "/checks/bulk", {"checks": [NEW | {"slug": "x"}, NEW, NEW | {"slug": "x"}]}
    ) == (409, {"checks.2.slug": "checks.0 has the same slug."})
    assert await everything(api) == before


async def test_a_slug_that_is_taken_a_moment_later_refuses_all_too(
    api: Caller, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def judged_before(*_: object) -> None:
        return None

    await api.make(slug="here")
    before = await everything(api)
    monkeypatch.setattr(bulk, "_judge_new", judged_before)
    sent = [NEW] * 20 + [NEW | {"slug": "here"}] + [NEW] * 20
    assert await refused(api, "POST", "/checks/bulk", {"checks": sent}) == (
        409,
        {"checks.20.slug": "Another of your checks has this slug."},
    )
    unknown = NEW | {"channels": [99]}
    assert (await refused(api, "POST", "/checks/bulk", {"checks": [NEW, unknown]}))[1].keys() == {
        "checks.1.channels"
    }
    assert await everything(api) == before
    assert await is_settled(api, store)


async def test_channels_of_others_are_unknown(api: Caller, store: Store) -> None:
    stranger, key = await create_user(store, now=now_ms(), master=MASTER_KEY)
    theirs = Caller(api.client, stranger, key)
    hook = {"kind": "webhook", "webhook_url": "http://127.0.0.1:9/x"}
    _, channel = await theirs.call("POST", "/channels", hook)
    check, other = await api.make(), await api.make()
    await api.call("PUT", f"/checks/{check['id']}/webhook", {"webhook_url": "http://127.0.0.1:9/y"})
    (own,) = (await api.call("GET", f"/checks/{check['id']}"))[1]["channels"]
    before = await everything(api)
    for number in (channel["id"], own):
        status, errors = await refused(
            api, "POST", "/checks/bulk", {"checks": [NEW, NEW | {"channels": [number]}]}
        )
        assert (status, list(errors)) == (409, ["checks.1.channels"])
        status, errors = await refused(
            api,
            "PATCH",
            "/checks/bulk",
            {"checks": [check["id"], other["id"]], "changes": {"channels": [number]}},
        )
        assert (status, list(errors)) == (409, ["changes.channels"])
    assert await everything(api) == before
    status, _ = await api.call(
        "PATCH", "/checks/bulk", {"checks": [check["id"]], "changes": {"channels": [own]}}
    )
    assert status == 200


async def test_checks_of_others_are_unknown_by_every_name(api: Caller, store: Store) -> None:
    stranger, key = await create_user(store, now=now_ms(), master=MASTER_KEY)
    theirs = await Caller(api.client, stranger, key).make(slug="theirs")
    mine = await api.make()
    for name in (
        theirs["id"],
        str(theirs["id"]),
        theirs["uuid"],
        theirs["slug"],
        10**14,
        10**20,
        "\x00",
        "x" * 300,
    ):
        for method, path in (("PATCH", "/checks/bulk"), ("POST", "/checks/bulk-delete")):
            assert await refused(api, method, path, {"checks": [mine["id"], name], "paused": True}) == (
                409,
                {"checks.1": "You have no such check."},
            )
    assert (await everything(api))[mine["id"]] == mine | {"tags": []}
    assert (await Caller(api.client, stranger, key).call("GET", "/checks/theirs"))[1]["paused"] is False


async def test_more_than_the_account_may_have_are_refused(
    api: Caller, app: Quart, settings: Settings
) -> None:
    for name in ("one", "two", "three"):
        await api.make(name=name)
    before = await everything(api)
    current.install(app, settings.model_copy(update={"checks_per_account": 5}))
    assert await refused(api, "POST", "/checks/bulk", {"checks": [NEW] * 3}) == (409, {})
    assert await everything(api) == before
    assert (await api.call("POST", "/checks/bulk", {"checks": [NEW] * 2}))[0] == 201


async def test_a_thousand_are_made_changed_and_deleted(api: Caller, store: Store) -> None:
    sent = [NEW | {"name": f"job {n}", "slug": f"job-{n}"} for n in range(1_000)]
    _, made = await api.call("POST", "/checks/bulk", {"checks": sent})
    assert [item["slug"] for item in made["items"]] == [check["slug"] for check in sent]
    names = [item[("id", "uuid", "slug")[n % 3]] for n, item in enumerate(made["items"])]
    status, changed = await api.call(
        "PATCH", "/checks/bulk", {"checks": names, "changes": {"grace_seconds": 77}}
    )
    assert status == 200
    assert [item["id"] for item in changed["items"]] == [item["id"] for item in made["items"]]
    assert {item["grace_seconds"] for item in changed["items"]} == {77}
    assert await api.call("POST", "/checks/bulk-delete", {"checks": names}) == (200, {"deleted": 1_000})
    assert await everything(api) == {}
    for item in made["items"][::200]:
        assert await store.redis.exists(keys.check_uuid(item["uuid"])) == 0


async def test_what_is_sent_changes_and_nothing_else(api: Caller, store: Store) -> None:
    one = await api.make(slug="one", tags=["a", "b"], description="stays")
    two = await api.make(slug="two", tags=["b", "c"], notify_after_failures=3)
    three = await api.make(slug="three", tags=["b"])
    status, answer = await api.call(
        "PATCH",
        "/checks/bulk",
        {
            "checks": ["two", one["uuid"], two["id"], str(one["id"])],
            "changes": {"grace_seconds": 600, "remind_every_minutes": 5},
            "add_tags": ["new", "b"],
            "remove_tags": ["a", "unknown"],
        },
    )
    assert status == 200
    assert [item["id"] for item in answer["items"]] == [two["id"], one["id"]]
    assert [[tag["name"] for tag in item["tags"]] for item in answer["items"]] == [
        ["b", "c", "new"],
        ["b", "new"],
    ]
    moves = {"grace_seconds", "remind_every_minutes", "tags", "deadline"}
    for item, before in zip(answer["items"], (two, one), strict=True):
        assert (item["grace_seconds"], item["remind_every_minutes"]) == (600, 5)
        assert {k: v for k, v in item.items() if k not in moves} == {
            k: v for k, v in before.items() if k not in moves
        }
    assert (await everything(api))[three["id"]] == three | {"tags": ["b"]}


async def test_tags_can_be_replaced_first_and_then_added_to(api: Caller) -> None:
    check = await api.make(tags=["a"])
    _, answer = await api.call(
        "PATCH",
        "/checks/bulk",
        {"checks": [check["id"]], "changes": {"tags": ["x", "y"]}, "remove_tags": ["x"], "add_tags": ["z"]},
    )
    assert [tag["name"] for tag in answer["items"][0]["tags"]] == ["y", "z"]


async def test_pausing_and_resuming_many_is_done_only_where_it_is_needed(api: Caller) -> None:
    paused, armed = await api.make(), await api.make()
    await api.call("POST", f"/checks/{paused['id']}/pause")
    both = [paused["id"], armed["id"]]
    before = (await api.call("GET", f"/checks/{paused['id']}"))[1]
    answer: Any = None
    for wanted, status in ((True, "paused"), (None, "paused"), (False, "new"), (False, "new")):
        asked = {"checks": both, "paused": wanted, "changes": {"name": "My Job"}}
        _, answer = await api.call("PATCH", "/checks/bulk", asked)
        assert [item["status"] for item in answer["items"]] == [status, status]
        if wanted:
            assert answer["items"][0] == before
    assert all(item["deadline"] for item in answer["items"])


async def test_a_change_that_changes_nothing_writes_nothing(api: Caller, store: Store) -> None:
    check = await api.make(tags=["a"])
    await api.call("PUT", f"/checks/{check['id']}/webhook", {"webhook_url": "http://127.0.0.1:9/y"})
    key = keys.check(api.user.partition, check["id"])
    before = await store.redis.hgetall(key)
    bodies: tuple[dict[str, Any], ...] = (
        {"changes": {"name": check["name"], "grace_seconds": check["grace_seconds"]}},
        {"add_tags": ["a"], "remove_tags": ["b"], "paused": False},
    )
    for body in bodies:
        assert (await api.call("PATCH", "/checks/bulk", {"checks": [check["id"]]} | body))[0] == 200
    assert await store.redis.hgetall(key) == before


@pytest.mark.parametrize(
    ("body", "status", "fields"),
    [
        ({"changes": {"name": "", "grace_seconds": 0}}, 400, {"changes.name", "changes.grace_seconds"}),
        ({"changes": {"grace_seconds": "60"}}, 400, {"changes.grace_seconds"}),
        ({"changes": []}, 400, {"changes"}),
        ({"changes": None}, 400, {"changes"}),
        (
            {"changes": {"schedule_type": "cron", "schedule": "61 * * * *"}},
            400,
            {"checks.0.schedule", "checks.1.schedule"},
        ),
        ({"changes": {"schedule": "0 3 * * *"}}, 409, {"checks.0.schedule"}),
        ({"changes": {"interval_seconds": 60}}, 409, {"checks.1.interval_seconds"}),
        ({"changes": {"slug": "both"}}, 409, {"changes.slug"}),
        ({"changes": {"channels": [99]}}, 409, {"changes.channels"}),
        ({"add_tags": ["a,b"]}, 400, {"add_tags"}),
        ({"add_tags": "a"}, 400, {"add_tags"}),
        ({"add_tags": [1]}, 400, {"add_tags"}),
        ({"remove_tags": ["x" * 51]}, 400, {"remove_tags"}),
        ({"add_tags": [str(n) for n in range(20)]}, 409, {"checks.1.tags"}),
        ({"paused": "yes"}, 400, {"paused"}),
    ],
)
async def test_a_change_that_can_not_be_made_to_one_is_made_to_none(
    api: Caller, body: Any, status: int, fields: set[str]
) -> None:
    interval, cron = await api.make(), await api.make(**CRON, tags=["x"])
    before = await everything(api)
    found, errors = await refused(
        api, "PATCH", "/checks/bulk", {"checks": [interval["id"], cron["id"]]} | body
    )
    assert (found, set(errors)) == (status, fields)
    assert await everything(api) == before


async def test_a_slug_is_changed_for_one_and_refused_when_another_has_it(api: Caller) -> None:
    one = await api.make(slug="one")
    await api.make(slug="two")
    change = {"checks": [one["id"], "one"], "changes": {"slug": "uno"}}
    assert (await refused(api, "PATCH", "/checks/bulk", change))[0] == 409
    change["checks"] = [one["id"]]
    assert (await api.call("PATCH", "/checks/bulk", change))[1]["items"][0]["slug"] == "uno"
    assert (await api.call("PATCH", "/checks/bulk", change))[0] == 200
    change["changes"] = {"slug": "two"}
    assert await refused(api, "PATCH", "/checks/bulk", change) == (
        409,
        {"changes.slug": "Another of your checks has this slug."},
    )


async def test_one_at_a_time(api: Caller, store: Store) -> None:
    check = await api.make()
    chore = await chores.begin(store, api.user.id, "change", now=now_ms())
    for method, path, body in (
        ("POST", "/checks/bulk", {"checks": [NEW]}),
        ("PATCH", "/checks/bulk", {"checks": [check["id"]], "paused": True}),
        ("POST", "/checks/bulk-delete", {"checks": [check["id"]]}),
    ):
        answer = await api.raw(method, path, json.dumps(body).encode())
        assert answer.status_code == 409
        assert "running" in json.loads(await answer.get_data(as_text=False))["detail"]
    # Everything else goes on.
    await api.make()
    await chores.end(store, chore)
    assert (await api.call("POST", "/checks/bulk", {"checks": [NEW]}))[0] == 201


MADE = {"checks": [NEW | {"name": f"new {n}", "slug": f"new-{n}", "tags": ["fresh"]} for n in range(4)]}
CHANGED = {
    "checks": ["a", "b", "c"],
    "changes": {
        "name": "x",
        "schedule_type": "cron",
        "schedule": "0 3 * * *",
        "channels": [],
        "expected_content": "ok",
    },
    "add_tags": ["z"],
    "remove_tags": ["t"],
    "paused": True,
}
DELETED = {"checks": ["a", "b", "c"]}


@pytest.mark.parametrize("answer_lost", [False, True])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/checks/bulk", MADE),
        ("PATCH", "/checks/bulk", CHANGED),
        ("POST", "/checks/bulk-delete", DELETED),
    ],
)
async def test_at_whatever_step_it_fails_all_of_it_stands_or_none(
    api: Caller,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    body: Any,
    answer_lost: bool,
) -> None:
    await api.call(
        "POST", "/channels", {"kind": "webhook", "webhook_url": "http://127.0.0.1:9/x", "default": True}
    )
    run: Callable[..., Any] = chores._FencedScripts.run
    left = 0

    async def fail(self: object, *args: object) -> object:
        nonlocal left
        left -= 1
        if left != 0:
            return await run(self, *args)
        if answer_lost:
            await run(self, *args)
        raise StoreUnavailable("gone for a moment")

    monkeypatch.setattr(chores._FencedScripts, "run", fail)
    failures = 0
    while True:
        for slug in ("a", "b", "c"):
            await api.call(
                "POST", "/checks", CRON | {"slug": slug, "tags": ["t"]} | (NEW if slug == "b" else {})
            )
        await api.call("POST", "/checks/c/pause")
        before = await everything(api)
        left = failures + 1
        status, _ = await api.call(method, path, body)
        if left > 0:
            break
        failures += 1
        assert status == 503
        await assert_indexed(store, api.user)
        after = await everything(api)
        if body is DELETED:  # it can't be taken back, so what was noted is finished
            assert after in (before, {})
        else:
            for number, check in before.items():
                since = {"status_since": check["status_since"]}  # a pause that was taken back is not hidden
                assert after.pop(number) | since == check, failures
            assert after == {}
        assert await is_settled(api, store)
    assert status in (200, 201)
    assert failures >= 3


async def test_who_hangs_up_leaves_nothing_half_done(api: Caller, store: Store) -> None:
    wanted = [settings_of_a_check(name=str(number)) for number in range(200)]
    made = keys.user_checks(api.user.partition, api.user.id)
    for wait_for in (1, 20, 120):
        changing = asyncio.create_task(bulk.create_all(store, api.user, wanted, most=1_000))
        while await store.redis.zcard(made) < wait_for:
            await asyncio.sleep(0)
        changing.cancel()
        (end,) = await asyncio.gather(changing, return_exceptions=True)
        # redis-py sometimes loses a cancellation: then it goes on to the end.
        left = await store.redis.zcard(made)
        assert left == (0 if isinstance(end, asyncio.CancelledError) else 200)
        assert await is_settled(api, store)
        if isinstance(end, list):
            await bulk.delete_all(store, api.user, [str(check.id) for check in end])


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"changes": {}, "add_tags": [], "remove_tags": None, "paused": None},
        {"add_tag": ["x"]},
        {"tags": ["x"]},
    ],
)
async def test_a_change_that_asks_for_nothing_is_refused(api: Caller, asked: dict[str, Any]) -> None:
    check = await api.make()
    assert await refused(api, "PATCH", "/checks/bulk", {"checks": [check["id"]]} | asked) == (
        400,
        {"": "Send changes, add_tags, remove_tags or paused."},
    )


async def test_a_schedule_in_a_list_needs_its_type_too(api: Caller) -> None:
    new = {"name": "Job", "interval_seconds": 60, "grace_seconds": 60, "schedule": "0 3 * * *"}
    assert await refused(api, "POST", "/checks/bulk", {"checks": [NEW, new]}) == (
        400,
        {"checks.1.schedule": "Send schedule_type with it: cron or oncalendar."},
    )


async def test_an_empty_list_is_too_short(api: Caller) -> None:
    for method, path in (
        ("POST", "/checks/bulk"),
        ("PATCH", "/checks/bulk"),
        ("POST", "/checks/bulk-delete"),
    ):
        body = {"checks": [], "paused": True}
        assert await refused(api, method, path, body) == (400, {"checks": "At least 1."})
