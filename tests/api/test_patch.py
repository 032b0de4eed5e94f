"""PATCH: what is sent changes, what is not sent stays, and what can't work is named."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api.conftest import Caller, problem
from tests.api.test_hostile import BAD_BODIES, BAD_FIELDS

FULL: dict[str, Any] = {
    "name": "Full",
    "slug": "full",
    "tags": ["a", "b"],
    "description": "what it is",
    "tz": "Europe/Riga",
    "grace_seconds": 77,
    "max_runtime_seconds": 10,
    "notify_after_failures": 3,
    "notify_on_up": False,
    "remind_every_minutes": 60,
    "expected_content": "done",
    "expected_content_type": "absent",
    "use_regex_for_content": True,
    "post_only": True,
}
CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"name": " New "}, {"name": "New"}),
    ({"slug": "other"}, {"slug": "other"}),
    ({"slug": None}, {"slug": None}),
    ({"slug": ""}, {"slug": None}),
    ({"description": ""}, {"description": ""}),
    ({"tz": "utc"}, {"tz": "UTC"}),
    ({"interval_seconds": 90}, {"interval_seconds": 90}),
    ({"grace_seconds": 1}, {"grace_seconds": 1}),
    ({"max_runtime_seconds": None}, {"max_runtime_seconds": None}),
    ({"notify_after_failures": None}, {"notify_after_failures": None}),
    ({"notify_on_up": True}, {"notify_on_up": True}),
    ({"remind_every_minutes": None}, {"remind_every_minutes": None}),
    ({"expected_content": "new"}, {"expected_content": "new"}),
    ({"use_regex_for_content": False}, {"use_regex_for_content": False}),
    ({"expected_content_type": "present"}, {"expected_content_type": "present"}),
    (
        {"expected_content": None},
        {"expected_content": None, "expected_content_type": None, "use_regex_for_content": False},
    ),
    ({"post_only": False}, {"post_only": False}),
    ({"schedule_type": "interval", "schedule": None}, {}),
    ({"schedule": None}, {}),
    (
        {"schedule_type": "cron", "schedule": "0 3 * * *"},
        {"schedule_type": "cron", "schedule": "0 3 * * *", "interval_seconds": None},
    ),
    ({"channels": None}, {}),
    ({"status": "down", "id": 7, "nothing": 1}, {}),
]
DERIVED = ("deadline", "next_due", "ping_url")


@pytest.mark.parametrize(("sent", "changed"), CHANGES, ids=lambda value: json.dumps(value)[:40])
async def test_what_is_sent_changes_and_nothing_else(
    api: Caller, sent: dict[str, Any], changed: dict[str, Any]
) -> None:
    check = await api.make(**FULL)
    status, after = await api.call("PATCH", f"/checks/{check['id']}", sent)
    assert status == 200
    plain = {name: value for name, value in check.items() if name not in DERIVED}
    assert {name: value for name, value in after.items() if name not in DERIVED} == plain | changed
    assert (await api.call("GET", f"/checks/{check['id']}"))[1] == after


async def test_tags_and_channels_that_are_sent_replace_those_before(api: Caller) -> None:
    check = await api.make(**FULL)
    path = "/checks/full"
    _, hook = await api.call("POST", "/channels", {"kind": "webhook", "webhook_url": "https://example.com/"})
    status, after = await api.call("PATCH", path, {"tags": ["c", {"id": 9, "name": "a"}]})
    assert (status, [tag["name"] for tag in after["tags"]]) == (200, ["c", "a"])
    status, after = await api.call("PATCH", path, {"channels": [hook["id"]]})
    assert (status, after["channels"]) == (200, [hook["id"]])
    status, after = await api.call("PATCH", path, {"tags": [], "channels": []})
    assert (status, after["tags"], after["channels"], after["name"]) == (200, [], [], "Full")
    status, answer = await api.call("PATCH", path, {"channels": [hook["id"] + 1]})
    assert (status, answer["errors"][0]["field"]) == (409, "channels")
    assert check["id"] == after["id"]


async def test_a_check_can_be_patched_with_its_own_answer(api: Caller) -> None:
    check = await api.make(**FULL)
    assert await api.call("PATCH", f"/checks/{check['uuid']}", check) == (200, check)


@pytest.mark.parametrize("reference", ["id", "uuid", "slug"])
async def test_a_check_is_patched_by_number_uuid_and_slug(api: Caller, reference: str) -> None:
    check = await api.make(slug="job")
    status, after = await api.call("PATCH", f"/checks/{check[reference]}", {"name": "New"})
    assert (status, after["id"], after["name"]) == (200, check["id"], "New")


@pytest.mark.parametrize(
    ("kept", "sent", "field", "word"),
    [
        ({}, {"schedule": "0 3 * * *"}, "schedule", "schedule_type"),
        (
            {"schedule_type": "cron", "schedule": "0 3 * * *"},
            {"interval_seconds": 60},
            "interval_seconds",
            "schedule_type",
        ),
        (
            {"schedule_type": "oncalendar", "schedule": "12:00"},
            {"interval_seconds": 5},
            "interval_seconds",
            "schedule_type",
        ),
        ({}, {"schedule_type": "cron"}, "schedule", "required"),
        (
            {"schedule_type": "cron", "schedule": "0 3 * * *"},
            {"schedule_type": "interval"},
            "interval_seconds",
            "required",
        ),
        (
            {"schedule_type": "cron", "schedule": "0 3 * * *"},
            {"schedule_type": "oncalendar"},
            "schedule",
            "required",
        ),
        ({"schedule_type": "cron", "schedule": "0 3 * * *"}, {"schedule": ""}, "schedule", "required"),
        ({"expected_content": "("}, {"use_regex_for_content": True}, "expected_content", ""),
    ],
)
async def test_what_does_not_go_with_what_is_kept_is_a_conflict_and_changes_nothing(
    api: Caller, kept: dict[str, Any], sent: dict[str, Any], field: str, word: str
) -> None:
    check = await api.make(**kept)
    answer = await api.raw("PATCH", f"/checks/{check['id']}", json.dumps({"name": "New"} | sent).encode())
    assert answer.status_code == 409
    errors = await problem(answer)
    assert errors.keys() == {field}
    assert word in errors[field]
    assert (await api.call("GET", f"/checks/{check['id']}"))[1] == check


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_a_body_that_is_no_object_of_fields_is_a_400(api: Caller, body: bytes) -> None:
    check = await api.make()
    answer = await api.raw("PATCH", f"/checks/{check['id']}", body)
    assert answer.status_code == 400
    assert await problem(answer)
    assert (await api.call("GET", f"/checks/{check['id']}"))[1] == check


@pytest.mark.parametrize(
    ("field", "value"), BAD_FIELDS, ids=lambda v: repr(v)[:30].encode("ascii", "replace").decode()
)
async def test_a_bad_field_is_named(api: Caller, field: str, value: Any) -> None:
    check = await api.make()
    answer = await api.raw("PATCH", f"/checks/{check['id']}", json.dumps({field: value}).encode())
    # Without an interval a check can be right; this one has no other schedule. A channel's number can be right too.
    kept = (field, value) == ("interval_seconds", None) or (field == "channels" and answer.status_code == 409)
    assert answer.status_code == (409 if kept else 400)
    assert (await problem(answer)).keys() == {field}
    assert (await api.call("GET", f"/checks/{check['id']}"))[1] == check


async def test_a_taken_slug_is_a_conflict_and_changes_nothing(api: Caller) -> None:
    await api.make(slug="one")
    two = await api.make(slug="two")
    answer = await api.raw("PATCH", "/checks/two", b'{"slug": "one", "name": "New"}')
    assert answer.status_code == 409
    assert (await problem(answer)).keys() == {"slug"}
    assert (await api.call("GET", "/checks/two"))[1] == two


async def test_a_patch_that_says_nothing_of_time_moves_no_deadline(api: Caller) -> None:
    check = await api.make()
    await api.client.post(urlsplit(check["ping_url"]).path)
    _, before = await api.call("GET", f"/checks/{check['id']}")
    _, after = await api.call("PATCH", f"/checks/{check['id']}", {"name": "New", "notify_after_failures": 2})
    assert after == before | {"name": "New", "notify_after_failures": 2}


async def test_nobodys_check_is_a_404(api: Caller) -> None:
    for reference in ("1", "none", "123e4567-e89b-42d3-a456-426614174000"):
        answer = await api.raw("PATCH", f"/checks/{reference}", b"{}")
        assert answer.status_code == 404
        await problem(answer)
