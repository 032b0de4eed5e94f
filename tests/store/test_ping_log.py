"""The packed log entry: every field comes back, and a plain one stays small."""

import struct
import uuid
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttr.domain.limits import USER_AGENT_MAX
from ttr.store.ping_log import KINDS, METHODS, REASONS, PingEntry, pack_tail, unpack

ADDRESSES = st.one_of(
    st.just(""),
    st.integers(0, 2**32 - 1).map(lambda n: str(IPv4Address(n))),
    st.integers(0, 2**128 - 1).map(lambda n: str(IPv6Address(n))),
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
ENTRIES = st.builds(
    PingEntry,
    at=st.integers(0, 2**48 - 1),
    kind=st.sampled_from(KINDS),
    method=st.sampled_from(METHODS),
    reason=st.sampled_from(REASONS),
    detail=TEXT,
    rid=st.just("") | st.uuids().map(str),
    exit_status=st.none() | st.integers(0, 255),
    address=ADDRESSES,
    user_agent=TEXT,
    size=st.integers(0, 2**32 - 1),
    number=st.integers(0, 2**32 - 1),
    duration_ms=st.none() | st.integers(0, 2**32 - 2),
    country=st.just("") | st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2),
)


def stored(entry: PingEntry) -> bytes:
    """The entry with the head that ping.lua puts before it."""
    lasted = 0xFFFFFFFF if entry.duration_ms is None else entry.duration_ms
    return struct.pack(">II", entry.number, lasted) + pack_tail(entry)


@given(ENTRIES)
def test_every_field_comes_back(entry: PingEntry) -> None:
    assert unpack(stored(entry)) == entry


def test_a_plain_curl_takes_36_bytes() -> None:
    entry = PingEntry(
        at=1_772_366_400_000, kind="success", method="GET", address="203.0.113.9", user_agent="curl/8.5.0"
    )
    assert len(stored(entry)) == 8 + 14 + 4 + len("curl/8.5.0") == 36


def test_a_country_takes_2_bytes_and_only_when_it_was_told() -> None:
    entry = PingEntry(at=1, kind="fail", method="GET", detail="x", user_agent="DE")
    assert len(stored(replace(entry, country="FR"))) - len(stored(entry)) == 2


@pytest.mark.parametrize("country", ["D", "DEU", "Ä", "ÄÖ"])
def test_a_country_that_is_not_two_letters_is_refused(country: str) -> None:
    with pytest.raises(ValueError, match=r"no country's code|can't encode"):
        pack_tail(PingEntry(at=1, kind="success", method="GET", country=country))


# As they were written before countries were kept.
BEFORE = [
    (
        "00000007000004d2019ca9450a00021b0202000004d20b7c9d5e1f2a4b3c8d4e5f60718293a4"
        "0320010db8000000000000000000000007013344452072756e6e65722f31",
        PingEntry(
            at=1_772_366_400_000,
            kind="fail",
            method="POST",
            reason="exit_status",
            detail="3",
            rid="0b7c9d5e-1f2a-4b3c-8d4e-5f60718293a4",
            exit_status=3,
            address="2001:db8::7",
            user_agent="DE runner/1",
            size=1_234,
            number=7,
            duration_ms=1_234,
        ),
    ),
    (
        "00000008ffffffff019ca9450a000004000000000000cb0071096375726c2f382e352e30",
        PingEntry(
            at=1_772_366_400_000,
            kind="success",
            method="GET",
            address="203.0.113.9",
            user_agent="curl/8.5.0",
            number=8,
        ),
    ),
]


@pytest.mark.parametrize(("packed", "entry"), BEFORE)
def test_entries_from_before_countries_stay_readable(packed: str, entry: PingEntry) -> None:
    assert unpack(bytes.fromhex(packed)) == entry
    assert stored(entry) == bytes.fromhex(packed)


def test_what_is_too_long_is_cut_and_the_rest_stays_readable() -> None:
    entry = PingEntry(
        at=1,
        kind="fail",
        method="POST",
        reason="content",
        detail="ä" * 200,
        rid=str(uuid.UUID(int=5)),
        user_agent="ü" * 300,
        size=2**40,
    )
    found = unpack(stored(entry))
    assert found.detail == "ä" * 127 + "\ufffd"
    assert found.user_agent == "ü" * (USER_AGENT_MAX // 2)
    assert found.size == 2**32 - 1
    assert replace(found, detail="", user_agent="", size=0) == replace(
        entry, detail="", user_agent="", size=0
    )


def test_a_user_agent_that_is_no_text_is_taken_all_the_same() -> None:
    entry = PingEntry(at=1, kind="success", method="GET", user_agent="bad \udc80 agent")
    assert unpack(stored(entry)).user_agent == "bad ? agent"


@pytest.mark.parametrize("field", ["kind", "method", "reason"])
def test_a_word_that_has_no_number_is_refused(field: str) -> None:
    entry = PingEntry(at=1, **{"kind": "success", "method": "GET", field: "PATCH"})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not in tuple"):
        pack_tail(entry)
