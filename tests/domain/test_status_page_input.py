"""What people send about a status page: every limit at, below and above it, and what stays when it is not sent."""

import json
from typing import Any

import jsonschema_rs
import pytest

from tests.domain.test_status_page import entries
from ttr.domain import limits
from ttr.domain.invalid import Contradiction, Invalid
from ttr.domain.status_page import Entry, Notice, StatusPageSettings
from ttr.domain.status_page_input import (
    CHANGE_EXAMPLES,
    EXAMPLES,
    StatusPageInput,
    StatusPagePatch,
    parse_status_page_form,
    parse_status_page_json,
)

NEW = {"name": "Page", "slug": "page"}
ENTRIES = limits.STATUS_PAGE_ENTRIES_MAX
BEFORE = StatusPageSettings(
    "Before",
    "before",
    visibility="unlisted",
    layout="grid",
    theme="retro",
    scheme="dark",
    intro="Hello",
    notice=Notice("outage", "Down", 5),
    entries=entries("A 1 #db B 2 3 C"),
)


def put(current: StatusPageSettings | None = None, **fields: Any) -> StatusPageSettings:
    """The settings in a body that makes or replaces a page."""
    return parse_status_page_json(json.dumps(NEW | fields).encode(), now=7, current=current)


def patch(**fields: Any) -> StatusPageSettings:
    """The settings that a change makes of `BEFORE`."""
    return parse_status_page_json(json.dumps(fields).encode(), now=7, current=BEFORE, patch=True)


def faults(**fields: Any) -> set[str]:
    """The fields that are told to be wrong; the same ones for a new page and a change."""
    with pytest.raises(Invalid) as made:
        put(**fields)
    with pytest.raises(Invalid) as changed:
        patch(**fields)
    assert not isinstance(made.value, Contradiction)
    assert made.value.errors == changed.value.errors
    assert all(error.message for error in made.value.errors)
    return {error.field for error in made.value.errors}


def test_a_new_page_has_defaults() -> None:
    assert put() == StatusPageSettings("Page", "page")


def test_what_is_not_sent_stays() -> None:
    assert patch() == BEFORE
    assert put(BEFORE) == StatusPageSettings(
        **{name: getattr(BEFORE, name) for name in BEFORE.__slots__} | {"name": "Page", "slug": "page"}
    )
    assert patch(layout="timeline", intro="").intro == ""


def test_a_name_and_a_slug_are_needed_but_for_a_change() -> None:
    for lacking in ({"name": "Page"}, {"slug": "page"}):
        with pytest.raises(Invalid) as refused:
            parse_status_page_json(json.dumps(lacking).encode(), now=7, current=BEFORE)
        assert {error.field for error in refused.value.errors} == {"name", "slug"} - lacking.keys()


LONGEST = {
    "name": limits.NAME_MAX,
    "slug": limits.SLUG_MAX,
    "intro": limits.STATUS_PAGE_INTRO_MAX,
}


@pytest.mark.parametrize(("field", "most"), LONGEST.items())
def test_texts_have_their_length(field: str, most: int) -> None:
    for length in (1, most - 1, most):
        assert getattr(put(**{field: "x" * length}), field) == "x" * length
    assert faults(**{field: "x" * (most + 1)}) == {field}


def test_a_notice_has_its_length_and_its_level() -> None:
    most = limits.STATUS_PAGE_NOTICE_MAX
    for length in (1, most - 1, most):
        assert put(notice={"text": "x" * length}).notice == Notice("info", "x" * length, 7)
    assert faults(notice={"text": "x" * (most + 1)}) == {"notice"}
    for level in ("info", "maintenance", "outage", "resolved"):
        notice = put(notice={"text": "x", "level": level, "at": "whenever"}).notice
        assert notice == Notice(level, "x", 7)  # type: ignore[arg-type]
    for wrong in ({"text": "x", "level": "fatal"}, {"level": "info"}, {"text": None}, "x", []):
        assert faults(notice=wrong) == {"notice"}


def test_a_notice_keeps_its_time_until_its_words_or_level_change() -> None:
    assert patch(notice={"level": "outage", "text": " Down\n"}).notice == Notice("outage", "Down", 5)
    assert patch(notice={"level": "outage", "text": "Up"}).notice == Notice("outage", "Up", 7)
    assert patch(notice={"level": "info", "text": "Down"}).notice == Notice("info", "Down", 7)
    for nothing in (None, {"text": ""}, {"text": " \r\n\t", "level": "outage"}):
        assert patch(notice=nothing).notice is None


@pytest.mark.parametrize(("kind", "most"), [("heading", limits.NAME_MAX), ("tag", limits.TAG_MAX)])
def test_headings_and_tags_have_their_length(kind: str, most: int) -> None:
    for length in (1, most - 1, most):
        # Blanks at the ends are taken off before it is measured.
        assert put(entries=[{kind: f" \t{'x' * length} "}]).entries == (Entry(kind, "x" * length),)  # type: ignore[arg-type]
    for wrong in ("x" * (most + 1), "", "  ", "a\nb", "a\x00", "\u2028x\u2029y", None, 5, ["x"]):
        assert faults(entries=[{"heading": "Good"}, {kind: wrong}]) == {"entries"}


def test_a_comma_is_in_no_tag_but_in_a_heading() -> None:
    assert faults(entries=[{"tag": "a,b"}]) == {"entries"}
    assert put(entries=[{"heading": "a, b"}]).entries == (Entry("heading", "a, b"),)


def test_numbers_of_checks_are_whole_and_in_their_bounds() -> None:
    for number in (1, 2.0, limits.NUMBER_MAX):
        assert put(entries=[{"check": number}]).check_ids == (int(number),)
        assert put(check_ids=[number]).check_ids == (int(number),)
    for wrong in (0, -1, 1.5, "1", True, None, limits.NUMBER_MAX + 1, [1]):
        assert faults(entries=[{"check": wrong}]) == {"entries"}
        assert faults(check_ids=[wrong]) == {"check_ids"}


def test_lists_have_their_length() -> None:
    for length in (0, ENTRIES - 1, ENTRIES):
        assert len(put(entries=[{"check": one + 1} for one in range(length)]).entries) == length
        assert len(put(check_ids=list(range(1, length + 1))).entries) == length
    assert faults(entries=[{"heading": "x"}] * (ENTRIES + 1)) == {"entries"}
    assert faults(check_ids=[1] * (ENTRIES + 1)) == {"check_ids"}


@pytest.mark.parametrize(
    ("kind", "most"),
    [("heading", limits.STATUS_PAGE_HEADINGS_MAX), ("tag", limits.STATUS_PAGE_TAGS_MAX)],
)
def test_headings_and_tags_have_their_own_number(kind: str, most: int) -> None:
    for length in (most - 1, most):
        assert len(put(entries=[{kind: f"x{one}"} for one in range(length)]).entries) == length
    assert faults(entries=[{kind: f"x{one}"} for one in range(most + 1)]) == {"entries"}


def test_headings_and_tags_count_with_the_checks_that_are_chosen() -> None:
    asked = list(range(1, ENTRIES - 4 + 1))  # BEFORE has four besides its checks
    assert len(patch(check_ids=asked).entries) == ENTRIES
    with pytest.raises(Invalid) as refused:
        patch(check_ids=[*asked, ENTRIES])
    assert {error.field for error in refused.value.errors} == {"check_ids"}


def test_an_entry_is_one_thing() -> None:
    for wrong in (
        {},
        {"heading": "x", "tag": "x"},
        {"check": 1, "heading": ""},
        {"check": 1, "tag": None},
        {"page": 1},
        {"heading": "x", "more": 1},
        5,
        None,
    ):
        assert faults(entries=[wrong]) == {"entries"}


def test_doubles_stand_once_and_headings_as_often_as_sent() -> None:
    sent = [{"check": 1}, {"tag": "1"}, {"heading": "1"}, {"tag": " 1"}, {"check": 1.0}, {"heading": "1"}]
    assert put(entries=sent).entries == (
        Entry("check", "1"),
        Entry("tag", "1"),
        Entry("heading", "1"),
        Entry("heading", "1"),
    )
    assert put(check_ids=[2, 1, 2]).check_ids == (2, 1)


@pytest.mark.parametrize(
    ("before", "asked", "after"),
    [
        ("", [3, 1], "3 1"),
        ("1 2 3", [3, 1, 2], "3 1 2"),
        ("1 2 3", [4, 1, 5, 2, 3, 6], "4 1 5 2 3 6"),
        ("A 1 #db B 2 3 C", [1, 2, 3], "A 1 #db B 2 3 C"),
        ("A 1 #db B 2 3 C", [3, 2, 1], "A 3 #db B 2 1 C"),
        ("A 1 #db B 2 3 C", [2], "A #db B 2 C"),
        ("A 1 #db B 2 3 C", [2, 1], "A 2 #db B 1 C"),
        ("A 1 #db B 2 3 C", [1, 4, 2, 3], "A 1 4 #db B 2 3 C"),
        ("A 1 #db B 2 3 C", [4, 5, 3, 6], "A #db B 4 5 3 6 C"),
        ("A 1 #db B 2 3 C", [4, 5], "A #db B C 4 5"),
        ("A 1 #db B 2 3 C", [], "A #db B C"),
        ("A #db", [1], "A #db 1"),
    ],
)
def test_other_checks_leave_headings_and_tags_where_they_are(
    before: str, asked: list[int], after: str
) -> None:
    current = StatusPageSettings("Page", "page", entries=entries(before))
    settings = put(current, check_ids=asked)
    assert settings.entries == entries(after)
    assert settings.check_ids == tuple(asked)
    # So it is when the entries are sent back with them as they were read.
    told = [{e.kind: int(e.value) if e.kind == "check" else e.value} for e in current.entries]
    assert put(current, check_ids=asked, entries=told) == settings


def test_of_entries_and_check_ids_that_disagree_the_one_as_before_gives_way() -> None:
    assert patch(entries=[{"check": 9}], check_ids=[1, 2, 3]).entries == entries("9")
    assert patch(entries=[{"check": 9}, {"tag": "x"}], check_ids=[9]).entries == entries("9 #x")
    assert patch(entries=[{"check": 9}], check_ids=None).entries == entries("9")
    assert patch(entries=None, check_ids=None).entries == BEFORE.entries
    with pytest.raises(Contradiction) as refused:
        patch(entries=[{"check": 9}], check_ids=[8])
    assert {error.field for error in refused.value.errors} == {"check_ids"}
    with pytest.raises(Contradiction):
        put(entries=[{"check": 9}], check_ids=[8])


@pytest.mark.parametrize("before", ["public", "unlisted", "off"])
@pytest.mark.parametrize(
    ("sent", "after"),
    [
        ({}, {"public": "public", "unlisted": "unlisted", "off": "off"}),
        ({"visibility": None, "is_public": None}, {"public": "public", "unlisted": "unlisted", "off": "off"}),
        ({"is_public": False}, {"public": "off", "unlisted": "off", "off": "off"}),
        ({"is_public": True}, {"public": "public", "unlisted": "unlisted", "off": "public"}),
        ({"visibility": "unlisted"}, {"public": "unlisted", "unlisted": "unlisted", "off": "unlisted"}),
        # Read with one of the two changed and sent back.
        ({"visibility": "public", "is_public": False}, {"public": "off", "off": "public"}),
        ({"visibility": "unlisted", "is_public": False}, {"unlisted": "off", "off": "unlisted"}),
        ({"visibility": "off", "is_public": True}, {"public": "off", "unlisted": "off", "off": "public"}),
        (
            {"visibility": "unlisted", "is_public": True},
            dict.fromkeys(("public", "unlisted", "off"), "unlisted"),
        ),
        ({"visibility": "off", "is_public": False}, {"public": "off", "unlisted": "off", "off": "off"}),
    ],
)
def test_is_public_is_a_word_for_the_visibility(
    before: Any, sent: dict[str, Any], after: dict[str, str]
) -> None:
    current = StatusPageSettings("Page", "page", visibility=before)
    if before in after:
        assert put(current, **sent).visibility == after[before]
    else:
        with pytest.raises(Contradiction) as refused:
            put(current, **sent)
        assert {error.field for error in refused.value.errors} == {"is_public"}


def test_a_new_page_says_one_thing() -> None:
    for sent, visibility in (({"is_public": False}, "off"), ({"is_public": True}, "public")):
        assert put(**sent).visibility == visibility
    for visibility, public in (("public", False), ("unlisted", False), ("off", True)):
        with pytest.raises(Contradiction):
            put(visibility=visibility, is_public=public)


def test_what_is_wrong_is_told_before_what_disagrees() -> None:
    assert faults(visibility="off", is_public=True, entries=[{"tag": ""}]) == {"entries"}


def test_a_form_is_judged_alike() -> None:
    fields = {
        **NEW,
        "visibility": "unlisted",
        "layout": "grid",
        "theme": "retro",
        "scheme": "light",
        "intro": "a\r\nb ",
        "notice_text": " Soon ",
        "notice_level": "maintenance",
        "unknown": "x",
    }
    order = entries("A 1 #db A 1")
    settings = parse_status_page_form(fields, order, now=7)
    assert settings == StatusPageSettings(
        "Page",
        "page",
        "unlisted",
        "grid",
        "retro",
        "light",
        "a\nb",
        Notice("maintenance", "Soon", 7),
        entries("A 1 #db A"),
    )
    again = parse_status_page_form({**fields, "intro": "c"}, order, now=9, current=settings)
    assert (again.notice, again.intro) == (Notice("maintenance", "Soon", 7), "c")
    assert parse_status_page_form(NEW, (), now=9, current=settings).notice is None
    with pytest.raises(Invalid) as refused:
        parse_status_page_form({**fields, "name": "", "layout": "x"}, order, now=7)
    assert {error.field for error in refused.value.errors} == {"name", "layout"}


@pytest.mark.parametrize("model", [StatusPageInput, StatusPagePatch])
def test_the_schema_says_what_is_taken(model: type[StatusPageInput]) -> None:
    schema = jsonschema_rs.validator_for(model.model_json_schema())
    patches = model is StatusPagePatch
    good: list[dict[str, Any]] = [
        *EXAMPLES.values(),
        {"name": " x ", "slug": "-", "entries": [{"heading": " x"}, {"tag": "x "}, {"check": 1}]},
        {"name": "x", "slug": "x", "notice": {"text": "", "level": "outage"}, "intro": "\r\na\tb\n"},
        {"name": "x", "slug": "x", "visibility": None, "is_public": None, "notice": None, "entries": None},
    ]
    bad: list[dict[str, Any]] = [
        {"name": "", "slug": "x"},
        {"name": "x", "slug": "x", "entries": [{}]},
        {"name": "x", "slug": "x", "entries": [{"heading": "x", "tag": "x"}]},
        {"name": "x", "slug": "x", "entries": [{"tag": "a,b"}]},
        {"name": "x", "slug": "x", "entries": [{"heading": "x" * 101}]},
        {"name": "x", "slug": "x", "entries": [{"check": 1, "tag": None}]},
        {"name": "x", "slug": "x", "notice": {"level": "info"}},
        {"name": "x", "slug": "x", "layout": None},
        {"name": "x", "slug": "x", "intro": "\x00x"},
    ]
    (good if patches else bad).append({"name": "x"})
    if patches:
        good += CHANGE_EXAMPLES.values()
    for body in good:
        assert schema.is_valid(body), body
        parse_status_page_json(json.dumps(body).encode(), now=7, patch=patches)
    for body in bad:
        assert not schema.is_valid(body), body
        with pytest.raises(Invalid):
            parse_status_page_json(json.dumps(body).encode(), now=7, patch=patches)
