"""Status pages in files: what is written can be read, and a check is its slug or UUID wherever it goes."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.domain.test_status_page import entries
from ttr.domain import limits
from ttr.domain.invalid import Invalid
from ttr.domain.status_page import Notice, StatusPageSettings
from ttr.domain.transfer_pages import FilePage, missing_checks, page_entry, page_settings, read_page

NOW = 1_795_359_600_250
UUID = "0b7b8b1e-43a5-4a2e-9b0c-0f2f0f7f3a11"
FULL = StatusPageSettings(
    "Page",
    "page",
    visibility="unlisted",
    layout="grid",
    theme="retro",
    scheme="dark",
    intro="Hello",
    notice=Notice("outage", "Down", NOW - 5_000),
    entries=entries("A 1 #db B 2 3 C"),
)
NUMBERS = {"one": 1, UUID: 2, "three": 3}


def read(**fields: Any) -> FilePage:
    return read_page(3, json.loads(json.dumps({"name": "Page", "slug": "page"} | fields)), now=NOW)


def settings(page: FilePage, current: StatusPageSettings | None = None) -> StatusPageSettings:
    return page_settings(page, NUMBERS, current)


def faults(**fields: Any) -> set[str]:
    with pytest.raises(Invalid) as refused:
        read(**fields)
    return {error.field for error in refused.value.errors}


def test_what_is_written_is_read_as_it_was() -> None:
    entry = page_entry(FULL, {1: "one", 2: UUID, 3: "three"})
    assert entry["check_slugs"] == ["one", UUID, "three"]
    assert entry["entries"] == [
        {"heading": "A"},
        {"check": "one"},
        {"tag": "db"},
        {"heading": "B"},
        {"check": UUID},
        {"check": "three"},
        {"heading": "C"},
    ]
    assert settings(read(**entry)) == FULL
    # Here the checks have other numbers, and there is another page.
    other = page_settings(read(**entry), {"one": 3, UUID: 9, "three": 1}, StatusPageSettings("Old", "page"))
    assert other == replace(FULL, entries=entries("A 3 #db B 9 1 C"))
    empty = StatusPageSettings("Page", "page")
    assert settings(read(**page_entry(empty, {})), FULL) == replace(empty)


def test_a_check_that_is_gone_is_in_no_file() -> None:
    entry = page_entry(FULL, {1: "one", 3: "three"})
    assert entry["check_slugs"] == ["one", "three"]
    assert settings(read(**entry)).entries == entries("A 1 #db B 3 C")


def test_the_seeds_pages_are_lists_of_slugs() -> None:
    page = read(check_slugs=["three", UUID.upper(), "one", "three"])
    assert settings(page) == StatusPageSettings("Page", "page", entries=entries("3 2 1"))
    # What they do not say stays, headings and tags where they are.
    kept = settings(page, FULL)
    assert kept == replace(FULL, entries=entries("A 3 #db B 2 1 C"))
    assert settings(read(), FULL) == FULL
    assert settings(read(check_slugs=None, intro=None, theme=None, visibility=None), FULL) == FULL
    assert settings(read(check_slugs=[]), FULL).check_ids == ()


def test_entries_come_before_slugs_and_visibility_before_is_public() -> None:
    page = read(entries=[{"check": "one"}], check_slugs=["three"])
    assert settings(page).entries == entries("1")
    assert settings(read(visibility="public", is_public=False)).visibility == "public"
    assert faults(visibility="public", is_public="no") == {"is_public"}
    assert settings(read(is_public=False)).visibility == "off"
    assert settings(read(is_public=True), FULL).visibility == "unlisted"


def test_checks_that_are_not_there_are_left_out_and_told() -> None:
    for fields in (
        {"check_slugs": ["gone", "one", "", "gone"]},
        {"entries": [{"check": "gone"}, {"check": "one"}, {"check": ""}]},
    ):
        page = read(**fields)
        assert settings(page).entries == entries("1")
        assert missing_checks(page, NUMBERS) == ["gone", ""]
    assert missing_checks(read(), NUMBERS) == []


def test_two_names_of_one_check_are_one_check() -> None:
    page = read(entries=[{"check": "one"}, {"check": UUID}])
    assert page_settings(page, {"one": 7, UUID: 7}).entries == entries("7")


def test_a_notice_keeps_its_time() -> None:
    def at(written: Any, current: StatusPageSettings | None = None) -> int | None:
        notice = settings(read(notice={"level": "outage", "text": "Down", "at": written}), current).notice
        return notice.at if notice else None

    assert at("2026-11-22T14:59:00.000Z") == NOW - 60_250
    # What is no time, or none yet, is now.
    for text in ("2026-11-22T15:00:01Z", "soon", None, 5, "2026-11-22T14:59:00"):
        assert at(text) == NOW
    assert at("1969-01-01T00:00:00Z") == 0
    # The same words are the same notice.
    assert at("2026-11-22T14:59:00.000Z", FULL) == NOW - 5_000
    assert settings(read(notice=None), FULL).notice is None
    assert settings(read(notice={"text": " "}), FULL).notice is None


@pytest.mark.parametrize("number", [1, 1.0, None, True, [], {}])
def test_numbers_mean_nothing_in_a_file(number: Any) -> None:
    assert faults(entries=[{"heading": "A"}, {"check": number}]) == {"entries"}
    assert faults(check_slugs=["one", number]) == {"check_slugs"}
    assert faults(check_slugs=["one", number], entries=[{"check": "one"}]) == {"check_slugs"}
    assert settings(read(check_ids=[1])).entries == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * (limits.NAME_MAX + 1)),
        ("slug", "Upper"),
        ("layout", "spiral"),
        ("theme", 5),
        ("visibility", "secret"),
        ("is_public", "no"),
        ("intro", "a\x00"),
        ("notice", "soon"),
        ("notice", {"level": "info"}),
        ("entries", {}),
        ("entries", "one"),
        ("entries", [5]),
        ("entries", ["one"]),
        ("entries", [{}]),
        ("entries", [{"check": "one", "tag": "x"}]),
        ("entries", [{"tag": "a,b"}]),
        ("entries", [{"check": f"{n}"} for n in range(limits.STATUS_PAGE_ENTRIES_MAX + 1)]),
        ("check_slugs", "one"),
        ("check_slugs", 5),
        ("check_slugs", {}),
        ("check_slugs", ["one"] * (limits.STATUS_PAGE_ENTRIES_MAX + 1)),
    ],
)
def test_what_is_wrong_is_named(field: str, value: Any) -> None:
    assert faults(**{field: value}) == {field}


def test_as_many_checks_as_may_be_are_taken() -> None:
    names = [f"c{n}" for n in range(limits.STATUS_PAGE_ENTRIES_MAX)]
    numbers = {name: number for number, name in enumerate(names, 1)}
    assert page_settings(read(check_slugs=names), numbers).check_ids == tuple(numbers.values())
    page = read(entries=[{"check": name} for name in names])
    assert page_settings(page, numbers).check_ids == tuple(numbers.values())
    # With headings that are there already they are too many.
    with pytest.raises(Invalid) as refused:
        page_settings(read(check_slugs=names), numbers, FULL)
    assert {error.field for error in refused.value.errors} == {"check_slugs"}
