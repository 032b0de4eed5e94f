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
