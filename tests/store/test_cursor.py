"""Cursors: what we gave can be read, and nothing else."""

from base64 import urlsafe_b64encode

import pytest

from ttr.domain.invalid import Invalid
from ttr.store.check_list import Place
from ttr.store.cursor import Cursor, cursor_text, read_cursor


def encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


@pytest.mark.parametrize(
    ("sort", "value"),
    [
        ("id", "7"),
        ("name", ""),
        ("name", "\u017c\u00f3\u0142w\nwith a break"),
        ("name", "\u0635\u0644\u0649" * 600),
        ("uuid", "281474976710655"),
        ("deadline", "1790000000000"),
        ("deadline", "inf"),
        ("status", "35184372088831"),
    ],
)
@pytest.mark.parametrize("backward", [False, True])
def test_a_cursor_is_read_as_it_was_given(sort: str, value: str, backward: bool) -> None:
    place = Place(value, 9_999_999_999)
    text = cursor_text(sort, place, backward=backward)
    assert text.replace("-", "").replace("_", "").isalnum()
    assert read_cursor(text, sort) == Cursor(place, backward)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "\u0661",
        "\xff",
        "AAAA",
        "A" * 8_001,
        "....",
        "a b",
        encoded("deadline"),
        encoded("deadline\nn\n1"),
        encoded("deadline\nx\n1\n5"),
        encoded("deadline\nn\n\n5"),
        encoded("deadline\nn\n-1\n5"),
        encoded("deadline\nn\n1.0\n5"),
        encoded("deadline\nn\n\u0661\n5"),
        encoded("deadline\nn\n" + "9" * 11 + "\n5"),
        encoded("deadline\nn\n1\n" + "9" * 16),
        encoded("deadline\nn\n1\n"),
        encoded("deadline\nn\n1\nnan"),
        encoded("deadline\nn\n1\n1e9"),
        encoded("deadline\nn\n1\n(5"),
        encoded("deadline\nn\n1\n5\n"),
        encoded("deadline\nn\n1\n\ud800"),
        encoded("name\nn\n1\nx"),
        encoded("\nn\n1\n5"),
    ],
)
def test_what_no_list_gave_is_refused_beside_cursor(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_cursor(text, "deadline")
    assert [error.field for error in refused.value.errors] == ["cursor"]


def test_a_name_in_a_cursor_can_not_reach_beyond_its_end() -> None:
    with pytest.raises(Invalid):
        read_cursor(encoded("name\nn\n1\na\0b"), "name")
