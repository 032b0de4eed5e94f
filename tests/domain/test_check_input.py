"""What people send about a check, through either door."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ttr.domain import limits
from ttr.domain.check import CheckSettings
from ttr.domain.check_input import (
    parse_check_fields,
    parse_check_form,
    parse_check_json,
    patch_check_json,
    slug_fault,
)
from ttr.domain.content import ContentRule
from ttr.domain.invalid import Invalid, has_control
from ttr.domain.schedule import Schedule

NOW = 1_790_000_000_000
LEAST = {"name": "Job", "interval_seconds": 60, "grace_seconds": 30}


def sent(current: CheckSettings | None = None, **fields: Any) -> CheckSettings:
    return parse_check_json(json.dumps(LEAST | fields).encode(), now=NOW, current=current)


def form(current: CheckSettings | None = None, **fields: Any) -> CheckSettings:
    plain = {"name": "Job", "interval_seconds": "60", "grace_seconds": "30", "csrf_token": "x"}
    return parse_check_form(plain | fields, now=NOW, current=current)


def faults(call: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        call()
    return {error.field: error.message for error in caught.value.errors}


def test_the_least_that_makes_a_check() -> None:
    assert sent() == CheckSettings(
        name="Job",
        slug=None,
        tags=(),
        description="",
        schedule=Schedule("interval", 60, None, "UTC"),
        grace_seconds=30,
        max_runtime_seconds=None,
        notify_after_failures=None,
        notify_on_up=True,
        remind_every_minutes=None,
        rule=None,
        post_only=False,
        channels=None,
    )


def test_both_doors_make_the_same_of_the_same() -> None:
    fields: dict[str, Any] = {
        "name": " Job ",
        "slug": "job",
        "tags": ["a", "b"],
        "description": "x\ny",
        "schedule_type": "cron",
        "schedule": " 0  3 * * * ",
        "tz": "europe/riga",
        "max_runtime_seconds": 5,
        "notify_after_failures": 2,
        "notify_on_up": True,
        "expected_content": "ok",
        "expected_content_type": "absent",
        "use_regex_for_content": True,
        "post_only": True,
    }
    texts: dict[str, Any] = {name: str(value) for name, value in fields.items()} | {
        "tags": "a, b ,,a",
        "description": "x\r\ny",
        "notify_on_up": "on",
        "use_regex_for_content": "on",
        "post_only": "on",
    }
    assert form(**texts) == sent(**fields)
    assert sent(**fields).schedule == Schedule("cron", None, "0 3 * * *", "Europe/Riga")
    assert sent(**fields).rule == ContentRule("ok", "absent", True)


def test_a_forms_unticked_boxes_are_off_and_empty_fields_are_defaults() -> None:
    got = form(
        slug="",
        max_runtime_seconds=" ",
        notify_after_failures="",
        tz="",
        expected_content="",
        expected_content_type="",
    )
    assert (got.notify_on_up, got.post_only, got.max_runtime_seconds, got.schedule.tz) == (
        False,
        False,
        None,
        "UTC",
    )


def test_both_doors_name_the_same_faults() -> None:
    wrong: dict[str, Any] = {
        "name": "x" * 101,
        "slug": "A",
        "grace_seconds": 0,
        "notify_after_failures": 1_001,
        "max_runtime_seconds": 0,
        "schedule_type": "weekly",
    }
    of_json = faults(lambda: sent(**wrong))
    texts: dict[str, Any] = {name: str(value) for name, value in wrong.items()}
    assert of_json == faults(lambda: form(**texts))
    assert of_json == {
        "name": "At most 100 characters.",
        "slug": "Only a-z, 0-9, _ and - can be in a slug.",
        "grace_seconds": "At least 1.",
        "notify_after_failures": "At most 1,000.",
        "max_runtime_seconds": "At least 1.",
        "schedule_type": "One of 'interval', 'cron' or 'oncalendar' is needed.",
    }


@pytest.mark.parametrize("minutes", [1, 10_080])
def test_a_reminder_comes_from_every_minute_to_once_a_week(minutes: int) -> None:
    assert sent(remind_every_minutes=minutes).remind_every_minutes == minutes
    assert form(remind_every_minutes=str(minutes)).remind_every_minutes == minutes
    assert form(remind_every_minutes="").remind_every_minutes is None


@pytest.mark.parametrize(("minutes", "fault"), [(0, "At least 1."), (10_081, "At most 10,080.")])
def test_other_reminders_are_refused_at_both_doors(minutes: int, fault: str) -> None:
    assert faults(lambda: sent(remind_every_minutes=minutes)) == {"remind_every_minutes": fault}
    assert faults(lambda: form(remind_every_minutes=str(minutes))) == {"remind_every_minutes": fault}


def test_what_an_edit_omits_stays_only_where_it_is_said_so() -> None:
    before = sent(
        slug="job", tags=["a"], description="x", channels=[3], post_only=True, max_runtime_seconds=9
    )
    after = sent(before)
    assert (after.slug, after.tags, after.channels) == ("job", ("a",), None)
    assert (after.description, after.post_only, after.max_runtime_seconds) == ("", False, None)
    cleared = sent(before, slug=None, tags=[], channels=[])
    assert (cleared.slug, cleared.tags, cleared.channels) == (None, (), ())
    by_form = form(before)
    assert (by_form.slug, by_form.tags, by_form.channels) == (None, (), None)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"interval_seconds": None}, "interval_seconds"),
        ({"interval_seconds": 0}, "interval_seconds"),
        ({"schedule_type": "cron"}, "schedule"),
        ({"schedule_type": "cron", "schedule": "x"}, "schedule"),
        ({"schedule_type": "oncalendar", "schedule": "x"}, "schedule"),
        ({"schedule_type": "oncalendar", "schedule": "12:00 Mars/X"}, "schedule"),
        ({"tz": "Mars/X"}, "tz"),
        ({"schedule_type": "cron", "schedule": "* * * * *", "tz": "Mars/X"}, "tz"),
        ({"schedule_type": "oncalendar", "schedule": "12:00", "tz": ""}, "tz"),
        ({"expected_content": "(", "use_regex_for_content": True}, "expected_content"),
        ({"name": "\x00"}, "name"),
        ({"description": "\x1b"}, "description"),
        ({"tags": ["a\u2029b"]}, "tags"),
    ],
)
def test_a_fault_is_told_beside_its_field(fields: dict[str, Any], field: str) -> None:
    assert faults(lambda: sent(**fields)).keys() == {field}


def test_a_schedule_and_a_rule_are_told_together() -> None:
    wrong: dict[str, Any] = {
        "schedule_type": "cron",
        "schedule": "x",
        "expected_content": "(",
        "use_regex_for_content": True,
    }
    assert faults(lambda: sent(**wrong)).keys() == {"schedule", "expected_content"}


@pytest.mark.parametrize(
    "field", ["interval_seconds", "grace_seconds", "max_runtime_seconds", "notify_after_failures"]
)
@pytest.mark.parametrize("value", [True, "60", 1.5, [60], "x"])
def test_json_takes_whole_numbers_and_nothing_like_them(field: str, value: Any) -> None:
    assert faults(lambda: sent(**{field: value})) == {field: "A whole number is needed."}


@pytest.mark.parametrize("value", ["x", "1.5", "1e3", "0x10", "--1"])
def test_a_form_takes_digits(value: str) -> None:
    assert faults(lambda: form(grace_seconds=value)) == {"grace_seconds": "A whole number is needed."}
    assert form(grace_seconds=" 30 ").grace_seconds == 30


def test_tags_are_trimmed_counted_and_kept_once() -> None:
    assert sent(tags=[" a ", "a", "", "b", {"id": 7, "name": "c"}]).tags == ("a", "b", "c")
    assert len(sent(tags=[str(n) for n in range(limits.TAGS_MAX)]).tags) == limits.TAGS_MAX
    assert faults(lambda: sent(tags=[str(n) for n in range(limits.TAGS_MAX + 1)])) == {
        "tags": "At most 20 tags."
    }
    assert faults(lambda: sent(tags=["x" * 51])) == {"tags": "A tag has at most 50 characters."}


def test_channels_are_kept_once() -> None:
    assert sent(channels=[3, 1, 3]).channels == (3, 1)


@pytest.mark.parametrize(
    "slug", ["a", "0a", "-", "_", "a-b_c9", "x" * 100, "123e4567-e89b-42d3-a456-42661417400", "deadbeef"]
)
def test_a_slug_that_may_be(slug: str) -> None:
    assert slug_fault(slug) is None


@pytest.mark.parametrize(
    "slug",
    [
        "",
        "A",
        "a b",
        "a.b",
        "a\n",
        "\u017c",
        "7",
        "007",
        "\u0663",
        "x" * 101,
        "123e4567-e89b-42d3-a456-426614174000",
        "a/b",
        "a%20",
    ],
)
def test_a_slug_that_may_not_be(slug: str) -> None:
    assert slug_fault(slug)


def test_control_characters_are_known() -> None:
    assert not has_control("plain \u017c\u00f3\u0142\u0107 \U0001f986 \u0645\u0631\u062d\u0628\u0627")
    for text in ("\x00", "\x1f", "\x7f", "\x85", "\u2028", "\u2029", "\ud800", "a\tb", "a\nb"):
        assert has_control(text)
    assert not has_control("a\n\tb", allowed="\n\t")


def test_a_calendar_that_has_run_out_stays_in_an_edit_that_leaves_it() -> None:
    over = Schedule("oncalendar", None, "2020-01-01 12:00", "UTC")
    current = replace(sent(), schedule=over)
    same = {"schedule_type": "oncalendar", "schedule": "2020-01-01 12:00", "tz": "UTC"}
    assert sent(current, **same).schedule == over
    assert "schedule" in faults(lambda: sent(current, **{**same, "schedule": "2020-01-02 12:00"}))
    assert "schedule" in faults(lambda: sent(**same))


def patched(current: CheckSettings, **fields: Any) -> CheckSettings:
    return patch_check_json(json.dumps(fields).encode(), now=NOW, current=current)


def test_a_patch_keeps_what_it_does_not_send() -> None:
    before = replace(
        sent(slug="job", tags=["a"], description="x", post_only=True, expected_content="ok", channels=[3]),
        channels=None,
    )
    assert patched(before) == before
    assert patched(before, name="New") == replace(before, name="New")
    assert patched(before, channels=[7]) == replace(before, channels=(7,))


def test_a_schedule_that_has_run_out_outlasts_a_patch_of_something_else() -> None:
    over = replace(sent(), schedule=Schedule("oncalendar", None, "2001-01-01 00:00:00\n", "UTC"))
    assert patched(over, name="New") == replace(over, name="New")
    assert faults(lambda: patched(over, tz="Europe/Riga")).keys() == {"schedule"}


def test_what_was_valid_when_it_was_saved_is_not_judged_again() -> None:
    old = replace(sent(), name="x" * (limits.NAME_MAX + 1), slug="7", grace_seconds=0)
    assert patched(old, description="new") == replace(old, description="new")


@pytest.mark.parametrize("interval", [{}, {"interval_seconds": None}, {"interval_seconds": 60}])
def test_a_schedule_needs_its_type(interval: dict[str, Any]) -> None:
    fields = {"name": "Job", "grace_seconds": 60, "schedule": "0 3 * * *"} | interval
    wanted = {"schedule": "Send schedule_type with it: cron or oncalendar."}
    before = parse_check_json(json.dumps(fields | {"schedule_type": "cron"}).encode(), now=NOW)
    assert faults(lambda: parse_check_json(json.dumps(fields).encode(), now=NOW)) == wanted
    assert faults(lambda: parse_check_json(json.dumps(fields).encode(), now=NOW, current=before)) == wanted
    assert faults(lambda: parse_check_fields(fields, now=NOW)) == wanted


@pytest.mark.parametrize(
    "more", [{"schedule": None}, {"schedule": ""}, {"schedule_type": "interval", "schedule": "x"}]
)
def test_a_schedule_that_an_answer_may_hold_beside_an_interval_counts_for_nothing(
    more: dict[str, Any],
) -> None:
    fields = {"name": "Job", "grace_seconds": 60, "interval_seconds": 60} | more
    got = parse_check_json(json.dumps(fields).encode(), now=NOW)
    assert got.schedule == Schedule("interval", 60, None, "UTC")


@pytest.mark.parametrize(("seconds", "fault"), [(0, "At least 1."), (31_622_401, "At most 31,622,400.")])
def test_an_interval_that_is_out_of_bounds_is_told_with_the_rest(seconds: int, fault: str) -> None:
    wrong: dict[str, Any] = {"name": "x" * 101, "interval_seconds": seconds}
    assert faults(lambda: sent(**wrong)) == {"name": "At most 100 characters.", "interval_seconds": fault}
    assert sent(interval_seconds=31_622_400).schedule.interval_seconds == 31_622_400
