"""What the end of a ping's URL says."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttr.domain.signal import Signal, SignalError, parse_action, parse_rid

RID = "0b7c9d5e-1f2a-4b3c-8d4e-5f60718293a4"


@pytest.mark.parametrize(
    ("action", "signal"),
    [
        ("", Signal("success")),
        ("success", Signal("success")),
        ("start", Signal("start")),
        ("log", Signal("log")),
        ("fail", Signal("fail", "fail")),
        ("0", Signal("success", exit_status=0)),
        ("00", Signal("success", exit_status=0)),
        ("1", Signal("fail", "exit_status", "1", 1)),
        ("255", Signal("fail", "exit_status", "255", 255)),
        ("TERM", Signal("fail", "signal", "TERM")),
        ("SIGTERM", Signal("fail", "signal", "TERM")),
        ("kill", Signal("fail", "signal", "KILL")),
        ("RTMIN", Signal("fail", "signal", "RTMIN")),
        ("RTMAX-14", Signal("fail", "signal", "RTMAX-14")),
        ("oom-kill", Signal("fail", "fail", "oom-kill")),
        ("watchdog", Signal("fail", "fail", "watchdog")),
    ],
)
def test_an_action_has_one_meaning(action: str, signal: Signal) -> None:
    assert parse_action(action) == signal


def test_every_exit_status_but_0_is_a_failure() -> None:
    for status in range(1, 256):
        assert parse_action(str(status)) == Signal("fail", "exit_status", str(status), status)


@pytest.mark.parametrize(
    "action",
    [
        "256",
        "1000",
        "9" * 5_000,
        "-1",
        "+1",
        "1 ",
        " 1",
        "1.0",
        "\u0661",
        "\u00b2",
        "FAIL",
        "Start",
        "SIGSIGTERM",
        "SIG",
        "RTMIN+",
        "RTMIN+100",
        "TERM\n",
        "\x00",
    ],
)
def test_anything_else_is_refused_in_plain_words(action: str) -> None:
    with pytest.raises(SignalError, match=r"^invalid url format: "):
        parse_action(action)


@given(st.text(max_size=20))
def test_no_text_breaks_the_parsers(text: str) -> None:
    with suppress(SignalError):
        signal = parse_action(text)
        assert (signal.kind == "fail") == (signal.reason != "")
    with suppress(SignalError):
        assert parse_rid(text) in ("", text.lower())


@given(st.uuids())
def test_any_uuid_is_a_run_id_in_any_case(uuid: object) -> None:
    assert parse_rid(str(uuid).upper()) == str(uuid)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        RID + "\n",
        RID[1:],
        "{" + RID + "}",
        "urn:uuid:" + RID,
        RID.replace("-", ""),
        RID.replace("a", "\u0430"),
        " " + RID,
    ],
)
def test_a_run_id_is_a_uuid_with_its_dashes(text: str) -> None:
    with pytest.raises(SignalError, match=r"^invalid uuid format: "):
        parse_rid(text)
    assert parse_rid("") == ""
