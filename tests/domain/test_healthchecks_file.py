"""Checks as the API of Healthchecks lists them, read as a file: each version, each key, and whatever else comes."""

from dataclasses import replace
from typing import Any

import pytest

from tests.domain.test_transfer import CHECK, one, read, refusal, wrong
from ttr.domain.transfer import AccountFile, FileCheck

UUID = "31365bce-8da9-4729-8ff3-aaa71d56b712"
OTHER = "803f680d-e89b-492b-82ef-2be7b774a92d"
ROOT = "https://healthchecks.io/api/v3/checks"
V1: dict[str, Any] = {
    "name": "Filesystem Backup",
    "slug": "filesystem-backup",
    "tags": "backup fs",
    "desc": "Runs incremental backup every hour",
    "grace": 600,
    "n_pings": 1,
    "status": "up",
    "last_ping": "2026-03-24T14:02:03+00:00",
    "next_ping": "2026-03-24T15:02:03+00:00",
    "manual_resume": False,
    "methods": "",
    "ping_url": f"https://hc-ping.com/{UUID}",
    "update_url": f"{ROOT}/{UUID}",
    "pause_url": f"{ROOT}/{UUID}/pause",
    "resume_url": f"{ROOT}/{UUID}/resume",
    "channels": "",
    "timeout": 3600,
}
V3: dict[str, Any] = V1 | {
    "started": False,
    "subject": "",
    "subject_fail": "",
    "start_kw": "",
    "success_kw": "",
    "failure_kw": "",
    "filter_subject": False,
    "filter_body": False,
    "filter_http_body": False,
    "filter_default_fail": False,
    "badge_url": "https://healthchecks.io/b/2/8a2c1f1e-8f9b-4b7e-a0c1-1d6b5a0c9e77.svg",
    "uuid": UUID,
}
_ADDRESSES = ("uuid", "ping_url", "update_url", "pause_url", "resume_url", "channels")


def without(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in names}


def answer(*entries: Any) -> AccountFile:
    return read({"checks": list(entries)})


def taken(entry: dict[str, Any]) -> FileCheck:
    """The only check of an answer, taken without a word."""
    file = answer(entry)
    assert (file.refused, file.left.warnings()) == ([], [])
    return file.checks[0]


def warnings(*entries: dict[str, Any]) -> list[str]:
    file = answer(*entries)
    assert not file.refused, file.refused
    return file.left.warnings()


@pytest.mark.parametrize("entry", [V1, V3, [V3]], ids=["older", "newest", "a bare list"])
def test_a_check_is_the_same_here(entry: Any) -> None:
    file = read(entry) if isinstance(entry, list) else answer(entry)
    assert (file.refused, file.left.warnings()) == ([], [])
    ours = one(
        uuid=UUID,
        name="Filesystem Backup",
        slug="filesystem-backup",
        tags=["backup", "fs"],
        description="Runs incremental backup every hour",
        schedule_type="interval",
        interval_seconds=3600,
        grace_seconds=600,
        max_runtime_seconds=600,
        post_only=False,
        paused=False,
    )
    assert file.checks == [replace(ours, theirs=True)]


def test_fields_that_older_versions_lack_or_leave_null_are_empty() -> None:
    least = {"name": None, "grace": 60, "timeout": 60, "ping_url": f"https://hc-ping.com/{UUID}/"}
    check = taken(least | {"subject": None, "filter_subject": None, "success_kw": None, "desc": None})
    assert (check.uuid, check.settings.name, check.settings.slug, check.settings.tags) == (
        UUID,
        "Unnamed 31365bce",
        None,
        (),
    )
    # A project that prefers slugs once had them in ping_url.
    url = "https://hc-ping.com/fqousmwlqpuhfadp0xqpfw/filesystem-backup"
    assert taken(V1 | {"ping_url": url}).uuid == UUID
    url = f"https://hc.example.com/ping/{UUID.upper()}"
    assert taken(without(V1, "update_url") | {"ping_url": url}).uuid == UUID


@pytest.mark.parametrize(
    ("schedule", "kind"),
    [
        ("15 5 * * *", "cron"),
        ("  0 12 * * MON-FRI\n", "cron"),
        ("0 0 L * *", "cron"),
        ("*-*-* 04:00:00", "oncalendar"),
        ("Mon..Fri 08:00\nSat 10:00", "oncalendar"),
        ("Mon..Fri *-*-* 08:00 Europe/Riga", "oncalendar"),
        ("daily", "oncalendar"),
    ],
)
def test_a_schedule_is_what_its_form_says(schedule: str, kind: str) -> None:
    entry = without(V3, "timeout") | {"schedule": schedule, "tz": "Europe/Kyiv"}
    found = taken(entry).settings.schedule
    assert (found.kind, found.tz) == (kind, "Europe/Kyiv")


def test_status_methods_and_tags_say_what_they_said() -> None:
    for status in ("new", "up", "grace", "down", "started"):
        assert taken(V3 | {"status": status}).paused is False
    assert taken(V3 | {"status": "paused", "manual_resume": True}).paused is True
    assert taken(V3 | {"methods": "POST"}).settings.post_only
    assert taken(V3 | {"tags": "  prod  db, prod ,"}).settings.tags == ("prod", "db")


@pytest.mark.parametrize(
    "rules",
    [
        {"filter_http_body": True, "success_kw": "done,ok", "filter_default_fail": True},
        {"filter_subject": True, "failure_kw": "ERROR"},
        {"filter_body": True, "start_kw": "START"},
        {"subject": "SUCCESS"},
    ],
)
def test_key_words_are_said_to_be_left_out(rules: dict[str, Any]) -> None:
    assert warnings(V3 | rules) == ["Rules by key words in pings and mails are left out: Filesystem Backup."]


def test_a_check_without_a_name_has_its_slugs_or_little_of_its_uuid() -> None:
    for name in (None, "", " "):
        assert taken(V3 | {"name": name}).settings.name == "filesystem-backup"
        for slug in (None, "", UUID):
            assert taken(V3 | {"name": name, "slug": slug}).settings.name == "Unnamed 31365bce"


def test_what_a_refused_check_would_lose_is_not_said() -> None:
    lost = {"filter_body": True, "status": "paused", "channels": OTHER}
    # A slug, for a name, in the way of what is shown.
    for wrong_one in ({"slug": "x" * 190_000}, {"name": "", "slug": "x" * 190_000}, {"timeout": 0}):
        file = answer(V3 | lost | wrong_one)
        assert (len(file.refused), file.left.warnings()) == (1, [])
        assert len(str(file.refused)) < 1_000


def test_what_many_checks_lose_is_one_sentence_that_names_each() -> None:
    many = [V3 | {"uuid": UUID[:-2] + f"{n:02}", "slug": "", "name": f"Job {n}"} for n in range(7)]
    said = warnings(
        *(one | {"filter_body": True, "status": "paused", "channels": f"{OTHER},{UUID}"} for one in many)
    )
    named = "Job 0, Job 1, Job 2, Job 3, Job 4, Job 5, Job 6."
    assert said == [
        f"Rules by key words in pings and mails are left out: {named}",
        f"Unlike there, pings do not resume paused checks: {named}",
        "Integrations are left out: new checks use your default channels.",
    ]


def test_an_answer_to_a_read_only_key_is_refused_in_one_sentence() -> None:
    entry = without(V3, *_ADDRESSES) | {"unique_key": "a6c7b0a8a66bed0df66abfdab3c77736861703ee"}
    assert "read-write key" in wrong({"checks": [entry] * 3})[""]
    assert refusal(without(V3, *_ADDRESSES)).keys() == {"checks.1.uuid"}


def test_faults_have_the_names_that_the_file_has_and_are_said_once() -> None:
    (refused,) = answer(V3 | {"grace": 0}).refused
    assert [(error.field, error.message) for error in refused.errors] == [("grace", "At least 1.")]
    assert refusal(V3 | {"timeout": 10**300}).keys() == {"checks.1.timeout"}
    assert refusal(without(V3, "timeout")) == {"checks.1.timeout": "This field is required."}
    assert refusal(V3 | {"desc": "x" * 2_001}).keys() == {"checks.1.desc"}
    assert refusal(V3 | {"uuid": "x"}) == {"checks.1.uuid": "This is no UUID."}
    assert refusal(V3 | {"slug": "2026"}).keys() == {"checks.1.slug"}
    assert refusal(V3 | {"tags": "x" * 51}).keys() == {"checks.1.tags"}
    assert refusal(V3 | {"schedule": "0 9 15W * *"}).keys() == {"checks.1.schedule"}
    assert refusal(V3 | {"schedule": "0 9 * * *", "tz": "Mars/Olympus"}).keys() == {"checks.1.tz"}
    assert refusal(V3 | {"methods": "PUT"}).keys() == {"checks.1.methods"}


_TEXTS = (
    *("name", "slug", "tags", "desc", "schedule", "tz", "methods", "status", "channels", "uuid", "ping_url"),
    *("update_url", "start_kw", "success_kw", "failure_kw", "subject", "subject_fail"),
)
_SWITCHES = ("manual_resume", "filter_subject", "filter_body", "filter_http_body", "filter_default_fail")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *((name, (1, True, 1.5, 10**300, [], ["x"], {"x": None})) for name in _TEXTS),
        *((name, (0, 1, "true", [], {})) for name in _SWITCHES),
        *((name, ("600", 1.5, True, -1, 10**300, [], {})) for name in ("grace", "timeout")),
    ],
)
def test_a_wrong_type_is_a_fault_of_its_field(name: str, values: tuple[object, ...]) -> None:
    for value in values:
        assert refusal(V3 | {name: value}).keys() == {f"checks.1.{name}"}, value


def test_no_grace_is_not_read_as_one() -> None:
    assert refusal(V3 | {"grace": None}).keys() == {"checks.1.grace"}


def test_entries_of_ours_stay_what_they_are() -> None:
    file = read({"version": 1, "checks": [CHECK | {"grace": 5, "unique_key": "x"}, V3]})
    assert [check.settings.grace_seconds for check in file.checks] == [30, 600]
