"""What is read from a file, whoever wrote it."""

import json
from typing import Any

import pytest

from ttr.domain.invalid import Invalid
from ttr.domain.transfer import AccountFile, FileCheck, faults_of, read_account_file
from ttr.domain.turns import Turns

NOW = 1_763_800_000_000
KINDS = {"telegram": ("telegram_bot_token", "telegram_chat_id"), "slack": ("slack_webhook_url",)}
CHECK = {"name": "job", "interval_seconds": 60, "grace_seconds": 30}
UUID = "0b7b8b1e-43a5-4a2e-9b0c-0f2f0f7f3a11"


def read(document: Any, *, checks_max: int = 100, channels_max: int = 10, pages_max: int = 10) -> AccountFile:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    most = {"checks_max": checks_max, "channels_max": channels_max, "pages_max": pages_max}
    return ended(read_account_file(data, KINDS, now=NOW, **most))


def ended(work: Turns[AccountFile]) -> AccountFile:
    """What the work ends with."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            file: AccountFile = end.value
            return file


def one(**fields: Any) -> FileCheck:
    file = read({"version": 1, "checks": [CHECK | fields]})
    assert not file.refused, file.refused
    return file.checks[0]


def refusal(entry: Any) -> dict[str, str]:
    file = read({"version": 1, "checks": [CHECK, entry]})
    assert len(file.checks) == 1
    return {error.field: error.message for error in faults_of(file.refused)}


def wrong(document: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        read(document)
    return {error.field: error.message for error in caught.value.errors}


def test_a_bare_list_is_a_file_of_checks() -> None:
    assert [check.settings.name for check in read([CHECK, CHECK | {"name": "other"}]).checks] == [
        "job",
        "other",
    ]


@pytest.mark.parametrize("root", [b"1", b'"checks"', b"null", b"true", b"", b"<html>", b"name,slug\na,b\n"])
def test_another_root_is_refused(root: bytes) -> None:
    assert "JSON object with checks" in wrong(root)[""]


@pytest.mark.parametrize("version", [0, 2, "1", None, True, 1.5, [1]])
def test_another_version_is_refused(version: object) -> None:
    assert wrong({"version": version, "checks": []}) == {"version": "Only version 1 can be read."}
    assert wrong({"checks": [], "version": version}) == {"version": "Only version 1 can be read."}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"version": 1}, "checks"),
        ({"version": 1, "checks": None}, "checks"),
        ({"version": 1, "checks": {}}, "checks"),
        ({"version": 1, "checks": [], "channels": {}}, "channels"),
        ({"version": 1, "checks": [], "user_slug": 1}, "user_slug"),
        (b'{"checks": [], "checks": []}', "checks"),
    ],
)
def test_what_surrounds_the_checks_is_judged(document: Any, field: str) -> None:
    assert wrong(document).keys() == {field}


def test_more_entries_than_an_account_may_have_are_refused_without_reading_on() -> None:
    assert wrong({"version": 1, "checks": [CHECK] * 101}) == {"checks": "At most 100."}
    assert wrong(b'{"checks": [' + (json.dumps(CHECK).encode() + b",") * 101 + b"nonsense") == {
        "checks": "At most 100."
    }
    channel = {"kind": "slack", "name": "s"}
    entries = [channel | {"ref": ref} for ref in range(11)]
    assert wrong({"version": 1, "channels": entries, "checks": []}) == {"channels": "At most 10."}


def test_each_fault_names_its_place() -> None:
    assert refusal({}) == {
        "checks.1.name": "This field is required.",
        "checks.1.grace_seconds": "This field is required.",
    }
    assert refusal(CHECK | {"schedule_type": "cron", "schedule": "every day"}).keys() == {"checks.1.schedule"}
    assert refusal(CHECK | {"paused": 1}) == {"checks.1.paused": "true or false is needed."}
    assert refusal(CHECK | {"slack_enabled": "yes"}) == {"checks.1.slack_enabled": "true or false is needed."}
    assert refusal(CHECK | {"uuid": "x"}) == {"checks.1.uuid": "This is no UUID."}
    assert refusal(CHECK | {"channels": "all"}) == {"checks.1.channels": "A list of refs is needed."}
    assert refusal(CHECK | {"channels": list(range(51))}) == {"checks.1.channels": "At most 50."}
    assert refusal(CHECK | {"grace_seconds": 10**300}).keys() == {"checks.1.grace_seconds"}
    assert refusal(CHECK | {"name": "\ud800"}).keys() == {"checks.1.name"}
    for entry in (None, 1, "job", [CHECK]):
        assert refusal(entry) == {"checks.1": "An object is needed."}


def test_null_is_the_default_where_a_check_cannot_have_null() -> None:
    check = one(
        tz=None, notify_on_up=None, use_regex_for_content=None, description=None, tags=None, slug=None
    )
    assert check.settings.schedule.tz == "UTC"
    assert check.settings.notify_on_up
    assert check.sent == {"name", "interval_seconds", "grace_seconds", "tags", "slug"}


def test_the_seeds_slug_of_a_check_without_one_is_its_uuid() -> None:
    check = one(slug=UUID.upper())
    assert (check.uuid, check.settings.slug) == (UUID, None)
    assert one(slug=UUID, uuid=UUID).uuid == UUID
    other = UUID.replace("0b", "1c")
    assert refusal(CHECK | {"slug": UUID, "uuid": other}) == {
        "checks.1.slug": "A slug can't look like a UUID."
    }


def test_a_calendar_that_has_run_out_is_read_and_told() -> None:
    over = one(schedule_type="oncalendar", schedule="2020-01-01 00:00:00", interval_seconds=None)
    assert over.over
    assert not one(schedule_type="oncalendar", schedule="Mon *-*-* 00:00:00").over
    assert refusal(CHECK | {"schedule_type": "oncalendar", "schedule": "Mon *-02-31"}).keys() == {
        "checks.1.schedule"
    }


def test_nothing_is_read_after_a_hundred_checks_that_are_refused() -> None:
    file = read(b'{"checks": [' + b"{}," * 100 + b"and then nonsense")
    assert (len(file.refused), file.cut) == (100, True)
    assert not read({"checks": [{}] * 99}).cut


def test_own_channels_are_those_of_which_the_entry_says_something() -> None:
    check = one(
        telegram_enabled=False,
        telegram_bot_token=None,
        telegram_chat_id="",
        slack_enabled=True,
        slack_webhook_url="https://x",
        discord_enabled=True,
    )
    assert check.own.keys() == {"slack"}
    assert (check.own["slack"].enabled, check.own["slack"].settings) == (
        True,
        {"slack_webhook_url": "https://x"},
    )
    assert one(telegram_chat_id=-100).own["telegram"].settings == {"telegram_chat_id": -100}


def test_channels_are_judged_one_by_one() -> None:
    file = read(
        {
            "version": 1,
            "channels": [
                {"ref": 1, "kind": "slack", "name": "ops", "slack_webhook_url": None},
                {"ref": "1", "kind": "slack", "name": "same ref"},
                {"ref": 2, "kind": "pager", "name": "x"},
                {"ref": 3, "kind": "slack", "name": ""},
                {"ref": 4, "kind": "slack", "name": "x", "enabled": "yes"},
                None,
            ],
            "checks": [],
        }
    )
    assert list(file.channels) == ["1"]
    assert [fault.field for fault in file.faults] == [
        "channels.1.ref",
        "channels.2.kind",
        "channels.3.name",
        "channels.4.enabled",
        "channels.5",
    ]


def test_fields_that_nobody_knows_are_left_alone() -> None:
    assert one(owner={"auth_key": "x"}, status="down", id=7, last_pings=[{}] * 3).settings.name == "job"


def test_status_pages_are_read_and_their_faults_named() -> None:
    pages = [{"name": "One", "slug": "one"}, {"name": "Two"}, 5, {"name": "Three", "slug": "three"}]
    file = read({"version": 1, "status_pages": pages, "checks": []}, pages_max=4)
    assert [(page.index, page.name, page.slug) for page in file.pages] == [
        (0, "One", "one"),
        (3, "Three", "three"),
    ]
    assert [fault.field for fault in file.faults] == ["status_pages.1.slug", "status_pages.2"]
    assert read({"version": 1, "status_pages": None, "checks": []}).pages == []
    for wrong in ({"status_pages": pages}, {"status_pages": {}}):
        with pytest.raises(Invalid) as caught:
            read({"version": 1, "checks": [], **wrong}, pages_max=3)
        assert caught.value.errors[0].field == "status_pages"


def test_a_file_has_fifty_members_at_most() -> None:
    more: dict[str, object] = {f"more {n}": n for n in range(48)}
    assert len(read({"version": 1, "checks": [CHECK], **more}).checks) == 1
    with pytest.raises(Invalid) as caught:
        read({"version": 1, "checks": [CHECK], **more, "one more": 1})
    assert caught.value.errors[0].message == "The file has more than 50 members."


def test_reading_lets_others_have_their_turn_after_each_entry() -> None:
    file = {"version": 1, "channels": [{}] * 3, "checks": [CHECK] * 5, "status_pages": [1] * 2}
    data = json.dumps(file).encode()
    most = {"checks_max": 100, "channels_max": 10, "pages_max": 2}
    turns = sum(1 for _ in read_account_file(data, KINDS, now=NOW, **most))
    assert turns >= 3 + 5 + 2
