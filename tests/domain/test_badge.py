"""Badges: what they say, in which colour, how wide; and addresses that never ping."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lua.parts import settings
from ttr.domain.badge import (
    COLOURS,
    LABEL_COLOUR,
    Badge,
    BadgeQuery,
    Tone,
    account_badge,
    layout,
    read_badge_query,
    status_badge,
    uptime_badge,
)
from ttr.domain.badge_address import badge_path, check_name, is_badge_path, opens, sealed, sealed_number
from ttr.domain.badge_widths import text_width
from ttr.domain.check import Check
from ttr.domain.invalid import Invalid
from ttr.domain.uptime import WINDOWS

UUID = "0b7c9d5e-1f2a-4b3c-8d4e-5f60718293a4"


def a_check(slug: str | None = "job") -> Check:
    return Check(
        id=17,
        uuid=UUID,
        user_id=1,
        settings=settings(slug=slug),
        tags=(),
        channels=(),
        own_channels={},
        created_at=0,
        revision="1",
        status="up",
        status_since=0,
        last_ping=None,
        last_start=None,
        last_duration_ms=None,
        failure_count=0,
        ping_count=0,
        alerted=False,
        due=None,
        deadline=None,
        runs=(),
        has_body=False,
    )


@pytest.mark.parametrize(
    ("shown", "running", "word"),
    [
        *(("up", False, "up"), ("new", False, "new"), ("late", False, "late"), ("down", False, "down")),
        *(("up", True, "running"), ("new", True, "running")),
        # What is worse, or says that nothing is judged, comes before the run.
        *(("paused", False, "paused"), ("paused", True, "paused"), ("down", True, "down")),
        ("late", True, "late"),
    ],
)
def test_a_check_has_one_word_and_its_colour(shown: Tone, running: bool, word: Tone) -> None:
    assert status_badge("Job", shown, running=running) == Badge("Job", word, word)


@pytest.mark.parametrize(
    ("ratio", "tone"),
    [
        (1.0, "up"),
        (0.999, "up"),
        (0.99899, "late"),
        (0.99, "late"),
        (0.98999, "down"),
        (0.0, "down"),
        (None, "new"),
    ],
)
def test_an_uptime_is_coloured_by_its_figure(ratio: float | None, tone: Tone) -> None:
    assert uptime_badge("Job", ratio, "99 %") == Badge("Job", "99 %", tone)


@pytest.mark.parametrize(
    ("counts", "message", "tone"),
    [
        ({}, "no checks", "new"),
        ({"total": 9, "down": 2, "late": 1, "up": 5}, "2 down", "down"),
        ({"total": 9, "late": 1, "up": 9}, "1 late", "late"),
        ({"total": 9, "late": 1}, "1 late", "late"),
        ({"total": 9, "up": 3, "paused": 5}, "all up", "up"),
        ({"total": 3, "paused": 3}, "paused", "paused"),
        ({"total": 3, "paused": 2}, "new", "new"),
        ({"total": 4_000, "down": 1_234}, "1,234 down", "down"),
    ],
)
def test_an_account_has_the_worst_of_its_checks(counts: dict[str, int], message: str, tone: Tone) -> None:
    given = {"total": 0, "down": 0, "late": 0, "up": 0, "paused": 0} | counts
    assert account_badge("checks", **given) == Badge("checks", message, tone)


def test_a_query_is_read_and_what_it_does_not_know_is_left() -> None:
    assert read_badge_query({}) == BadgeQuery(label="", show="status", window="30d")
    assert read_badge_query({"label": " My job ", "v": "2"}).label == "My job"
    assert read_badge_query({"label": "x" * 100}).label == "x" * 100
    for window in WINDOWS:
        assert read_badge_query({"show": "uptime", "window": window}).window == window


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"label": "x" * 101}, "label: At most 100 characters."),
        *(
            ({"label": f"a{bad}b"}, "label: Control characters can't be in a label.")
            for bad in "\n\0\x7f\u2028\ufffe"
        ),
        ({"show": "everything"}, "show: One of 'status' or 'uptime' is needed."),
        ({"window": "1y"}, "window: One of '24h', '7d', '30d' or '90d' is needed."),
    ],
)
def test_a_bad_query_is_refused_in_words(query: dict[str, str], sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_badge_query(query)
    assert str(refused.value) == sentence


def test_a_name_that_no_picture_can_hold_is_mended() -> None:
    assert status_badge("a\uffffb", "up", running=False).label == "a\ufffdb"


@pytest.mark.parametrize("colour", [*COLOURS.values(), LABEL_COLOUR])
def test_white_text_can_be_read_on_every_ground(colour: str) -> None:
    assert 1.05 / (_luminance(colour) + 0.05) >= 4.5


def test_no_two_states_look_alike() -> None:
    assert len({*COLOURS.values(), LABEL_COLOUR}) == len(COLOURS) + 1


def test_the_two_texts_lie_side_by_side_with_room_around_them() -> None:
    at = layout(Badge("Backup", "up", "up"))
    assert at.label_x + at.label_width <= at.split - 5
    assert at.split < at.shape_x < at.message_x
    assert at.message_x + at.message_width <= at.width - 5


@pytest.mark.parametrize(
    ("text", "ems"),
    [
        # By hand from the font: a 1255, b 1300, space 651, M 1767, 0 1303 of 2048.
        *(
            ("a", 0.61),
            ("b", 0.63),
            (" ", 0.32),
            ("M", 0.86),
            ("000", 1.92),
            ("\u0416", 1.08),
            ("\u2013", 0.5),
        ),
        # A letter and its accent, together and apart; an accent alone; joiners.
        *(("\u00e9", 0.62), ("e\u0301", 0.62), ("\u0301", 0), ("\u200b\u200f", 0)),
        # Wide letters, full and half width; pictures, flags, and pictures made of pictures are one.
        *(
            ("\u65e5\u672c", 2),
            ("\uff21", 1),
            ("\uff71", 0.64),
            ("\U0001f600", 1.25),
            ("\U0001f1f1\U0001f1fb", 1.24),
        ),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", 1.25),
        ("\U0001f44d\U0001f3fd", 1.25),
        ("a\u200db", 1.24),
    ],
)
def test_letters_have_the_width_that_the_font_gives_them(text: str, ems: float) -> None:
    assert text_width(text, 100) == pytest.approx(ems * 100, abs=0.6 * len(text))


@given(st.text(max_size=200))
def test_every_text_has_a_place(text: str) -> None:
    at = layout(status_badge(text, "up", running=False))
    assert at.label_width > 0
    assert at.label_x + at.label_width <= at.split
    assert at.width < 200 * 14 + 100


def test_a_hundred_wide_letters_have_room() -> None:
    assert layout(Badge("\u65e5" * 100, "up", "up")).split == 1_112


def test_a_check_without_a_slug_is_called_by_what_does_not_tell_its_uuid() -> None:
    check = a_check(None)
    name = check_name(check, public_pings=False)
    assert re.fullmatch("17-[0-9a-f]{12}", name)
    assert name[3:] not in UUID.replace("-", "")
    assert sealed_number(name) == 17
    assert opens(name, check)
    assert not opens(name, replace(check, id=18))
    assert not opens(name, replace(check, uuid=UUID[:-1] + "5"))


def test_a_check_with_a_slug_is_called_by_it_unless_that_would_be_its_ping_url() -> None:
    check = a_check("job")
    assert check_name(check, public_pings=False) == "job"
    assert check_name(check, public_pings=True) == sealed(17, UUID)


@pytest.mark.parametrize(
    "text", ["17", "17-", "17-0123456789AB", "0-0123456789ab", "17-0123456789abc", "-0123456789ab", UUID]
)
def test_other_names_are_not_sealed_ones(text: str) -> None:
    assert sealed_number(text) is None


@pytest.mark.parametrize("path", ["/p/abc/badge.svg", "/p/abc/job/badge.json", "/p/abc/badge/badge.svg"])
def test_badge_paths(path: str) -> None:
    assert is_badge_path(path)


def test_every_path_we_give_out_is_one() -> None:
    for check in (None, "job", sealed(17, UUID)):
        assert is_badge_path(badge_path("abc", check, "svg"))
        assert is_badge_path(badge_path("abc", check, "json"))


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/p/badge.svg",
            "/p//badge.svg",
            "/p/abc//badge.svg",
            "/p/abc/job/start/badge.svg",
            "/ping/abc/badge.svg",
        ),
        *(
            "/p/abc/badge.svg/",
            "/p/abc/badge.png",
            "/p/abc/badgeXsvg",
            "/p/abc/badge.svg\n",
            "/p/abc/xbadge.svg",
        ),
        *("x/p/abc/badge.svg", "/p/abc/job/badge.SVG"),
    ],
)
def test_ping_paths(path: str) -> None:
    assert not is_badge_path(path)


def _luminance(colour: str) -> float:
    """As WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
