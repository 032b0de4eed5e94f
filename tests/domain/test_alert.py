"""An alert's event and its JSON, and how text and durations are cut."""

import json
from dataclasses import fields, replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttr.domain.alert import (
    Event,
    EventKind,
    Reason,
    from_json,
    human_duration,
    one_line,
    to_json,
)

# 2026-11-22T15:00:00Z
AT = 1_795_359_600_000
DOWN = Event("7-3-1", "down", AT, 7, "nightly backup", reason="fail", failure_count=1)

TIMES = st.integers(0, 253_402_300_799_999)
TEXT = st.text(st.characters(), max_size=60)
EVENTS = st.builds(
    Event,
    id=TEXT,
    kind=st.sampled_from(get_args(EventKind)),
    at=TIMES,
    check_id=st.integers(),
    check_name=TEXT,
    check_slug=st.none() | TEXT,
    tags=st.lists(TEXT, max_size=3).map(tuple),
    description=TEXT,
    reason=st.sampled_from(get_args(Reason)),
    reason_detail=TEXT,
    overdue_ms=st.none() | st.integers(),
    down_since=st.none() | TIMES,
    down_ms=st.none() | st.integers(),
    last_ping=st.none() | TIMES,
    failure_count=st.integers(),
    output=TEXT,
    status=TEXT,
    flips=st.integers(),
    reminders=st.integers(),
    may_acknowledge=st.booleans(),
    channel_name=TEXT,
    queued=st.booleans(),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(TEXT, st.integers(1, 20))
def test_one_line_keeps_its_limit_and_changes_nothing_twice(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert one_line(line, limit) == line


def test_one_line_keeps_what_scripts_and_emoji_are_spelled_with() -> None:
    text = (
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \U0001f468\u200d\U0001f469\u200d\U0001f467 \u00fc"
    )
    assert one_line(text, 100) == text


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (1, "1 ms"),
        (999, "999 ms"),
        (1_000, "1 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (250_000, "4 min 10 s"),
        (3_599_999, "59 min 59 s"),
        (3_600_000, "1 h"),
        (3_659_000, "1 h"),
        (3_900_000, "1 h 5 min"),
        (86_400_000, "1 d"),
        (90_000_000, "1 d 1 h"),
        (86_400_000 * 400 + 7_200_000, "400 d 2 h"),
    ],
)
def test_durations_show_their_two_largest_units(ms: int, words: str) -> None:
    assert human_duration(ms) == words


@settings(deadline=None)
@given(EVENTS)
def test_an_event_survives_its_json(event: Event) -> None:
    text = to_json(event)
    assert text.encode()
    assert "\n" not in text
    assert from_json(text) == event


def test_fields_that_an_older_process_did_not_write_take_their_defaults() -> None:
    text = json.dumps(
        {"id": "7-3-1", "kind": "down", "at": AT, "check_id": 7, "check_name": "nightly backup"}
    )
    assert from_json(text) == replace(DOWN, reason="", failure_count=0)


def test_fields_and_reasons_of_a_newer_process_do_not_stop_the_alert() -> None:
    raw = {**json.loads(to_json(DOWN)), "severity": "high", "reason": "bored"}
    assert from_json(json.dumps(raw)) == replace(DOWN, reason="")


def test_what_lua_writes_for_an_empty_list_and_whole_numbers_is_read() -> None:
    raw = {**json.loads(to_json(DOWN)), "tags": {}, "failure_count": 1.0}
    assert from_json(json.dumps(raw)) == DOWN


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"kind": "bored"},
            "the event's kind is none of down, up, reminder, flapping, settled, test, channel_off, confirm",
        ),
        (
            {"kind": ["down"]},
            "the event's kind is none of down, up, reminder, flapping, settled, test, channel_off, confirm",
        ),
        ({"at": "now"}, "the event's at is not a whole number"),
        ({"at": -1}, "the event's at is not a time between 1970 and 9999"),
        ({"last_ping": 10**18}, "the event's last_ping is not a time between 1970 and 9999"),
        ({"check_id": True}, "the event's check_id is not a whole number"),
        ({"check_name": None}, "the event's check_name is not text"),
        ({"tags": "a"}, "the event's tags is not a list"),
        ({"tags": [1]}, "the event's tags is not text"),
        ({"failure_count": 1.5}, "the event's failure_count is not a whole number"),
    ],
)
def test_a_broken_event_is_named_as_such(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        from_json(json.dumps({**json.loads(to_json(DOWN)), **changes}))


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"id": "x"}', "[" * 100_000, "nonsense", "\ud800"])
def test_what_is_no_event_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_json(text)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([f.name for f in fields(Event)]), JSON))
def test_any_json_is_an_event_or_a_value_error(changes: dict[str, Any]) -> None:
    try:
        event = from_json(json.dumps({**json.loads(to_json(DOWN)), **changes}))
    except ValueError:
        return
    assert from_json(to_json(event)) == event
