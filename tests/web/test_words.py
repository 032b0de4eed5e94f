"""The words for times and states."""

from dataclasses import replace

import pytest

from ttr.domain.check import Check, Run
from ttr.domain.check_input import parse_check_json
from ttr.domain.shown import changes_at, shown_status
from ttr.store.ping_log import PingEntry
from ttr.web import check_form
from ttr.web.commands import crontab_times, ping_command
from ttr.web.live import since, still_true
from ttr.web.words import (
    exact_length,
    expectation,
    fault,
    length,
    ping_detail,
    relative,
    size,
)

S, MIN, H, D = 1_000, 60_000, 3_600_000, 86_400_000
NOW = 1_700_000_000_000


def check(**changes: object) -> Check:
    settings = parse_check_json(b'{"name": "n", "interval_seconds": 60, "grace_seconds": 30}', now=NOW)
    made = Check(
        *(1, "0b8f4c52-3c7e-4d5e-9a1b-2f3c4d5e6f70", 1, settings, (), (), {}, NOW, "1", "up", NOW),
        *(NOW, None, None, 0, 1, False, NOW + 60_000, NOW + 90_000, (), False),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1 * S, "1 s"),
        (59_999, "59 s"),
        (MIN, "1 min"),
        (H - 1, "59 min"),
        (H, "1 h"),
        (2 * H + 14 * MIN, "2 h 14 min"),
        (D, "1 d"),
        (3 * D + 4 * H + 59 * MIN, "3 d 4 h"),
    ],
)
def test_lengths_have_at_most_two_units(ms: int, words: str) -> None:
    assert length(ms) == words


def test_run_times_are_more_exact() -> None:
    assert [exact_length(ms) for ms in (850, 12_345, 252_000, 240_000)] == [
        "850 ms",
        "12.3 s",
        "4 min 12 s",
        "4 min",
    ]


def test_instants_are_seen_from_now() -> None:
    assert [relative(NOW + ms, NOW) for ms in (0, -999, -5 * S, 5 * S)] == ["now", "now", "5 s ago", "in 5 s"]


def test_sizes() -> None:
    assert [size(count) for count in (1, 812, 12_345, 1_234_567)] == [
        "1 byte",
        "812 bytes",
        "12.3 kB",
        "1.2 MB",
    ]


def test_a_status_turns_late_with_time_and_stays_so_until_somebody_decides() -> None:
    at = {0: "up", 59_999: "up", 60_000: "late", 89_999: "late", 90_000: "late", 500_000: "late"}
    assert {ms: shown_status(check(), NOW + ms) for ms in at} == at
    assert shown_status(check(status="down"), NOW + 70_000) == "down"
    assert shown_status(check(status="paused"), NOW + 70_000) == "paused"


def test_the_next_change_by_time_alone() -> None:
    assert changes_at([check()], NOW) == NOW + 60_000
    assert changes_at([check()], NOW + 60_000) == NOW + 90_000
    assert changes_at([check()], NOW + 90_000) is None
    assert changes_at([check(status="down"), check(status="paused")], NOW) is None


def test_what_comes_next() -> None:
    def label(made: Check, now: int) -> str | None:
        found = expectation(made, now)
        return found.label if found else None

    assert label(check(), NOW) == "due"
    assert label(check(), NOW + 60_000) == "alert"
    assert label(check(), NOW + 90_000) == "overdue"
    assert label(check(status="down"), NOW) == "went down"
    assert label(check(status="paused"), NOW) is None
    assert label(check(due=None, deadline=None), NOW) is None
    running = replace(check().settings, max_runtime_seconds=60)
    assert label(check(settings=running, runs=(Run("", NOW),)), NOW) == "run must end"


def test_a_token_holds_while_nothing_changes() -> None:
    token = str(since(7, [check()], False, NOW))
    assert still_true(token, 7, False, NOW + 59_999)
    assert not still_true(token, 7, False, NOW + 60_000)
    assert not still_true(token, 8, False, NOW)
    assert not still_true(token, 7, True, NOW)
    assert still_true(str(since(7, [], False, NOW)), 7, False, NOW + D)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (PingEntry(0, "fail", "GET", reason="exit_status", detail="3", exit_status=3), "exit status 3"),
        (PingEntry(0, "fail", "GET", reason="signal", detail="KILL"), "signal KILL"),
        (PingEntry(0, "fail", "GET", reason="content", detail='it lacks "x"'), 'it lacks "x"'),
        (PingEntry(0, "success", "GET", exit_status=0), "exit status 0"),
        (PingEntry(0, "ignored", "GET"), "this check accepts POST only"),
        (PingEntry(0, "success", "GET"), ""),
    ],
)
def test_what_a_log_line_adds(entry: PingEntry, words: str) -> None:
    assert ping_detail(entry) == words


@pytest.mark.parametrize(
    ("schedule", "times"),
    [
        ('"interval_seconds": 60', "* * * * *"),
        ('"interval_seconds": 600', "*/10 * * * *"),
        ('"interval_seconds": 420', None),
        ('"interval_seconds": 45', None),
        ('"interval_seconds": 3600', "0 * * * *"),
        ('"interval_seconds": 21600', "0 */6 * * *"),
        ('"interval_seconds": 86400', "0 3 * * *"),
        ('"interval_seconds": 604800', "0 3 * * 1"),
        ('"interval_seconds": 90060', None),
        ('"schedule_type": "cron", "schedule": "5 4 * * 1-5"', "5 4 * * 1-5"),
        ('"schedule_type": "oncalendar", "schedule": "Mon 06:00"', None),
    ],
)
def test_the_crontab_line_runs_on_the_checks_schedule(schedule: str, times: str | None) -> None:
    settings = parse_check_json(f'{{"name": "n", "grace_seconds": 1, {schedule}}}'.encode(), now=NOW)
    assert crontab_times(settings.schedule) == times


def test_the_command_for_a_check_that_wants_post_says_so() -> None:
    settings = replace(check().settings, post_only=True)
    assert "-X POST http://x" in ping_command(check(settings=settings), "http://x")
    assert "-X" not in ping_command(check(), "http://x")


def test_a_form_gives_back_the_settings_it_was_made_of() -> None:
    for seconds in (1, 59, 60, 90, 3_600, 5_400, 86_400, 90_000, 31_622_400):
        settings = replace(
            check().settings, grace_seconds=seconds, max_runtime_seconds=seconds, channels=None
        )
        assert check_form.parse(check_form.of_settings(settings), now=NOW) == settings


@pytest.mark.parametrize(
    ("reason", "detail", "words"),
    [
        ("overdue", "", "no ping in time"),
        ("over_runtime", "90", "still running after 1 min 30 s"),
        ("exit_status", "3", "exit status 3"),
        ("signal", "TERM", "ended by signal TERM"),
        ("content", 'it lacks "all good"', 'it lacks "all good"'),
        ("fail", "", "the job said so"),
        ("", "", ""),
    ],
)
def test_a_down_check_says_why(reason: str, detail: str, words: str) -> None:
    assert fault(replace(check(status="down"), reason=reason, reason_detail=detail)) == words
