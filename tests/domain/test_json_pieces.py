"""A long JSON document, read piece by piece."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttr.domain.invalid import Invalid
from ttr.domain.json_pieces import VALUE_MAX, JsonPieces

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def read(data: bytes) -> dict[str, Any]:
    """An object of lists and values."""
    pieces, found = JsonPieces(data), dict[str, Any]()
    for name in pieces.members():
        found[name] = list(pieces.items()) if pieces.next_is("[") else pieces.value()
    pieces.end()
    return found


def fault(data: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        read(data)
    (error,) = caught.value.errors
    assert error.field == ""
    return error.message


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(), _VALUES, max_size=4), st.booleans(), st.sampled_from((None, 1)))
def test_what_is_read_is_what_the_whole_document_holds(
    document: dict[str, Any], ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    assert read(text.encode("utf-8", "surrogatepass") if ascii_only else text.encode()) == json.loads(text)


def test_a_document_longer_than_what_is_decoded_at_once_is_read_whole() -> None:
    entries = [
        {"name": f"job {i} \u00e4\u20ac\U0001f600", "text": "\u00fc" * (i % 3_000)} for i in range(3_000)
    ]
    data = json.dumps({"before": 1, "checks": entries, "after": "x"}, ensure_ascii=False).encode()
    assert len(data) > 10 * VALUE_MAX
    assert read(data) == {"before": 1, "checks": entries, "after": "x"}


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert read(b"\xef\xbb\xbf" + b'{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "{ is needed (character 1)"),
        (b"   ", "{ is needed"),
        (b"{", "a name in quotes is needed"),
        (b'{"a"', ": is needed (character 5)"),
        (b'{"a": 1', ", is needed"),
        (b'{"a": 1,}', "a name in quotes is needed"),
        (b'{"a": [1, ]}', "expecting value (character 11)"),
        (b'{"a": [1 2]}', ", is needed"),
        (b'{"a": "never ends}', "unterminated string"),
        (b'{"a": 1} x', "something follows its end (character 10)"),
        (b'{"a": NaN}', "a number"),
        (b'{"a": -Infinity}', "a number"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "a number that is too long"),
        (b'{"a": ' + b"9" * 2_000_000 + b"}", "a number that is too long"),
        (b'{"a": [' + b"[" * 100_000 + b"]}", "nested too deeply"),
        (b'{"a": [' + b'{"a":' * 100_000 + b"]}", "nested too deeply"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        (b'{"a": "\xe2\x82', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a": "\x01"}', "invalid control character"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(data: bytes, part: str) -> None:
    assert part in fault(data)


@pytest.mark.parametrize("size", [VALUE_MAX + 1, 3 * VALUE_MAX, 10_000_000])
def test_an_entry_that_is_too_long_is_refused_however_the_document_ends(size: int) -> None:
    long = b'{"a": ["' + b"x" * size
    assert "more than 200,000 characters" in fault(long + b'"]}')
    assert fault(long)


def test_an_entry_of_the_greatest_length_is_read() -> None:
    text = "x" * (VALUE_MAX - 2)
    assert read(json.dumps({"a": [text, text]}).encode()) == {"a": [text, text]}


def test_blanks_without_end_are_read_over() -> None:
    blanks = b" \n\t\r" * 500_000
    assert read(blanks + b"{" + blanks + b'"a"' + blanks + b":1}" + blanks) == {"a": 1}
