"""Stories that a random walk seldom finds, told to the scripts and the model alike."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.conftest import RedisServer
from tests.model.machine import DAY_MS, Timing
from tests.model.side_by_side import FLAPS, START, Bench, flips_kept
from ttr.domain.flapping import FlapRules
from ttr.domain.schedule import Schedule, parse_schedule

MINUTE = 60_000
HOUR = 60 * MINUTE
MINUTELY = Schedule("interval", 60, None, "UTC")
ONCE = parse_schedule(
    "oncalendar", interval_seconds=None, expression="2026-03-01 12:30:00", tz="UTC", now=START
)
HOURLY = parse_schedule("cron", interval_seconds=None, expression="0 * * * *", tz="UTC", now=0)


@pytest.fixture
def bench(redis_server: RedisServer) -> Iterator[Bench]:
    """An empty account at noon."""
    loop = asyncio.new_event_loop()
    bench = Bench(loop, redis_server.url)
    bench.sweep()
    yield bench
    bench.close()
    loop.close()


def test_an_edit_after_a_missed_run_that_finds_the_old_deadline_leaves_the_set_in_step(bench: Bench) -> None:
    check = bench.create(Timing(HOURLY, MINUTE, None, 3, True))
    bench.signal(check, "success")
    bench.watch_until(bench.now + HOUR + 2 * MINUTE, 1)
    bench.compare()
    assert bench.model.checks[check].failure_count == 1
    bench.edit(check, Timing(HOURLY, MINUTE, 5_000, 3, True), "now with a maximum runtime")
    bench.compare()


def test_silence_reaches_the_threshold_one_missed_run_at_a_time(bench: Bench) -> None:
    check = bench.create(Timing(HOURLY, MINUTE, None, 3, True))
    bench.sweep()
    machine = bench.model.checks[check]
    for missed in (1, 2, 3):
        bench.watch_until(bench.model.checks[check].deadline or 0, 0)
        bench.compare()
        assert (machine.status, machine.failure_count, machine.alerted) == ("down", missed, missed == 3)
    assert [alert.kind for alert in machine.alerts] == ["down"]
    assert (machine.alerts[0].down_since or 0) < machine.alerts[0].at


def test_runs_whose_deadline_lay_in_a_gap_are_not_missed_afterwards(bench: Bench) -> None:
    check = bench.create(Timing(MINUTELY, MINUTE, None, 3, True))
    bench.signal(check, "success")
    bench.watch_until(bench.now + 2 * MINUTE - 1_000, 1)  # a second before its deadline
    bench.now += 5 * HOUR
    bench.sweep()
    bench.compare()
    bench.watch_until(bench.now + 30_000, 1)  # moved to a second after the gap
    bench.compare()
    machine = bench.model.checks[check]
    assert machine.failure_count == 1
    assert machine.alerts == []


def test_a_clock_that_dies_before_arming_and_stays_away_has_not_moved_the_lease(bench: Bench) -> None:
    check = bench.create(Timing(MINUTELY, MINUTE, None, 3, True))
    bench.watch_until(bench.now + 2 * MINUTE - 1, 0)
    bench.now += 1
    bench.sweep(crash=True)
    bench.compare()
    bench.now += 5 * HOUR
    bench.sweep()
    bench.compare()
    bench.now += 1
    bench.sweep()
    bench.compare()
    machine = bench.model.checks[check]
    assert not machine.waits_for_due
    assert machine.failure_count == 1
    assert machine.deadline is not None
    assert machine.deadline - bench.now <= 2 * MINUTE


def test_a_success_during_a_pause_changes_only_what_it_would_resume_to(bench: Bench) -> None:
    check = bench.create(Timing(MINUTELY, MINUTE, None, 3, True))
    bench.signal(check, "fail", reason="fail")
    bench.pause(check)
    bench.signal(check, "success")
    bench.compare()
    assert bench.model.checks[check].failure_count == 1
    bench.resume(check)
    bench.compare()
    assert bench.model.checks[check].status == "up"


def test_a_check_that_was_down_when_paused_is_told_again_after_its_resume(bench: Bench) -> None:
    check = bench.create(Timing(MINUTELY, MINUTE, None, None, True))
    bench.watch_until(bench.now + 3 * MINUTE, 0)
    bench.pause(check)
    bench.watch_until(bench.now + HOUR, 0)
    bench.compare()
    bench.resume(check)
    bench.compare()
    assert bench.model.checks[check].status == "new"
    bench.watch_until(bench.now + HOUR, 0)
    bench.compare()
    assert [alert.kind for alert in bench.model.checks[check].alerts] == ["down", "down"]


def test_after_a_resume_no_open_run_holds_the_deadline(bench: Bench) -> None:
    check = bench.create(Timing(MINUTELY, MINUTE, 30_000, None, True))
    bench.signal(check, "start")
    bench.pause(check)
    bench.compare()
    bench.now += 10_000
    bench.resume(check)
    bench.compare()
    assert bench.model.checks[check].runs
    assert bench.model.checks[check].deadline == bench.now + 2 * MINUTE


def test_a_failure_that_matches_no_run_ends_the_only_one_or_all(bench: Bench) -> None:
    check = bench.create(Timing(MINUTELY, MINUTE, 30_000, 3, True))
    one, two, three = (f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2, 3))
    bench.signal(check, "start", one)
    bench.signal(check, "success", two)
    bench.compare()
    assert len(bench.model.checks[check].runs) == 1
    bench.signal(check, "fail", two, "fail")
    bench.compare()
    assert bench.model.checks[check].runs == []
    bench.signal(check, "start", one)
    bench.signal(check, "start", two)
    bench.signal(check, "fail", three, "fail")
    bench.compare()
    assert bench.model.checks[check].runs == []


def test_a_start_at_the_deadline_holds_nothing_and_a_millisecond_before_it_does(bench: Bench) -> None:
    check = bench.create(Timing(MINUTELY, MINUTE, 30_000, 3, True))
    other = bench.create(Timing(MINUTELY, MINUTE, 30_000, 3, True))
    bench.watch_until(bench.now + 2 * MINUTE - 1, 0)
    bench.signal(check, "start")
    bench.now += 1
    bench.signal(other, "start")
    bench.compare()
    assert bench.model.checks[check].deadline == bench.now - 1 + 30_000
    assert bench.model.checks[other].deadline == bench.now


def test_an_edit_lets_the_runs_that_hold_count_from_now(bench: Bench) -> None:
    check = bench.create(Timing(MINUTELY, MINUTE, 30_000, None, True))
    bench.signal(check, "start")
    bench.watch_until(bench.now + 20_000, 0)
    bench.edit(check, Timing(MINUTELY, MINUTE, 10_000, None, True), "shorter")
    bench.compare()
    assert bench.model.checks[check].deadline == bench.now + 10_000


def test_the_hold_of_an_eleventh_run_is_the_first_ones(bench: Bench) -> None:
    check = bench.create(Timing(MINUTELY, MINUTE, 30_000, None, True))
    start = bench.now
    for number in range(11):
        bench.now = start + number * 10
        bench.signal(check, "start", f"00000000-0000-0000-0000-0000000000{number:02}")
        bench.compare()
    machine = bench.model.checks[check]
    assert len(machine.runs) == 10
    assert machine.deadline == start + 30_000


def test_a_job_that_starts_over_for_ever_is_over_its_runtime(bench: Bench) -> None:
    check = bench.create(Timing(MINUTELY, MINUTE, 30_000, None, True))
    for _ in range(8):
        bench.signal(check, "start")
        bench.compare()
        bench.watch_until(bench.now + 4_000, 0)
    bench.compare()
    assert [alert.reason for alert in bench.model.checks[check].alerts] == ["over_runtime"]


@pytest.fixture
def few(redis_server: RedisServer) -> Iterator[Bench]:
    """The same, where the last three changes are kept; what leaves them is in the days."""
    loop = asyncio.new_event_loop()
    with flips_kept(3):
        bench = Bench(loop, redis_server.url)
        bench.sweep()
        yield bench
        bench.close()
    loop.close()


def test_days_are_kept_for_a_hundred_days_however_far_apart_the_flips_are(few: Bench) -> None:
    check = few.create(Timing(MINUTELY, MINUTE, None, 1, True))
    for days in (30, 99, 100, 101, 250, 1, 1):
        few.signal(check, "success")
        few.pause(check)
        few.watch_until(few.now + days * DAY_MS, 0)
        few.resume(check)
        few.compare()
        kept = {day for day, _ in few.model.checks[check].days}
        assert not kept or max(kept) - min(kept) <= 100
    assert few.model.checks[check].days


def test_a_gap_is_blind_in_the_days_however_flips_and_midnights_lie_in_it(few: Bench) -> None:
    check = few.create(Timing(HOURLY, MINUTE, None, None, True))
    few.signal(check, "success")
    few.now += 20 * HOUR  # nobody looks from here on, but pings are taken
    few.signal(check, "fail", reason="fail")
    few.compare()
    few.now += HOUR
    few.signal(check, "success")
    few.pause(check)
    few.now += 5 * HOUR
    few.compare()
    few.resume(check)
    few.compare()
    few.sweep()
    for _ in range(3):
        few.watch_until(few.now + 1_000, 0)
        few.pause(check)
        few.resume(check)
        few.compare()
    days = few.model.checks[check].days
    assert sum(ms for (_, kind), ms in days.items() if kind == "blind") == 21 * HOUR
    assert sum(ms for (_, kind), ms in days.items() if kind == "paused") == 5 * HOUR
    assert "down" not in {kind for _, kind in days}


def test_of_the_flips_the_last_two_hundred_are_kept(bench: Bench) -> None:
    check = bench.create(Timing(MINUTELY, MINUTE, None, 3, True))
    for number in range(205):
        bench.now += 1
        bench.signal(check, "success" if number % 2 else "fail", reason="" if number % 2 else "fail")
        if number % 100 == 0:
            bench.compare()
    bench.compare()
    assert len(bench.model.checks[check].flips) == 200


def test_a_calendar_that_has_run_out_is_told_below_the_threshold(bench: Bench) -> None:
    check = bench.create(Timing(ONCE, MINUTE, None, 3, True, MINUTE))
    bench.watch_until(START + 31 * MINUTE - 1, 0)
    bench.compare()
    assert bench.model.checks[check].alerts == []
    bench.watch_until(START + 31 * MINUTE, 0)
    bench.compare()
    (alert,) = bench.model.checks[check].alerts
    assert (alert.kind, alert.failure_count, alert.overdue_ms) == ("down", 1, MINUTE)
    bench.watch_until(START + 32 * MINUTE, 0)
    bench.signal(check, "success")
    bench.compare()
    assert [alert.kind for alert in bench.model.checks[check].alerts] == ["down", "reminder", "up"]


def test_a_failure_after_the_last_run_of_a_calendar_is_told_unless_a_run_can_still_fail(bench: Bench) -> None:
    check = bench.create(Timing(ONCE, 10 * MINUTE, 20_000, 3, True))
    bench.watch_until(START + 31 * MINUTE, 0)
    bench.signal(check, "start", "00000000-0000-0000-0000-000000000001")
    bench.signal(check, "start", "00000000-0000-0000-0000-000000000002")
    bench.signal(check, "fail", "00000000-0000-0000-0000-000000000001", "fail")
    bench.compare()
    machine = bench.model.checks[check]
    assert (machine.alerts, machine.due) == ([], None)
    bench.watch_until(START + 40 * MINUTE, 0)
    bench.compare()
    (alert,) = machine.alerts
    assert (alert.kind, alert.failure_count, alert.at) == ("down", 2, START + 31 * MINUTE + 20_000)
    bench.signal(check, "success")
    bench.signal(check, "fail", reason="fail")
    bench.compare()
    assert [alert.kind for alert in machine.alerts] == ["down", "up", "down"]


def flap(bench: Bench, check: int, changes: int) -> None:
    """Let a check that is up change, a second apart."""
    for number in range(changes):
        bench.now += 1_000
        bench.signal(check, "success" if number % 2 else "fail", reason="" if number % 2 else "fail")
        bench.compare()


def test_a_flapping_check_that_is_silent_for_longer_than_a_year_settles_once(bench: Bench) -> None:
    check = bench.create(Timing(HOURLY, MINUTE, None, 3, False, 60 * MINUTE))
    bench.signal(check, "success")
    flap(bench, check, 7)
    machine = bench.model.checks[check]
    assert [alert.kind for alert in machine.alerts] == ["flapping"]
    bench.now += 400 * DAY_MS
    bench.sweep()
    bench.compare()
    assert [alert.kind for alert in machine.alerts] == ["flapping", "settled"]
    assert (machine.alerts[1].status, machine.alerts[1].flips, machine.alerted) == ("down", 7, True)
    bench.now += 400 * DAY_MS
    bench.sweep()
    bench.signal(check, "success")
    bench.compare()
    assert [alert.kind for alert in machine.alerts] == ["flapping", "settled", "reminder"]


def test_a_pause_ends_flapping_and_its_changes_count_no_more(bench: Bench) -> None:
    check = bench.create(Timing(HOURLY, MINUTE, None, None, True))
    bench.signal(check, "success")
    flap(bench, check, 6)
    bench.pause(check)
    bench.compare()
    bench.resume(check)
    flap(bench, check, 5)
    bench.compare()
    kinds = [alert.kind for alert in bench.model.checks[check].alerts]
    assert kinds == ["down", "up", "down", "up", "down", "flapping", "down", "up", "down", "up", "down"]


def test_changes_before_it_settled_count_no_more(bench: Bench) -> None:
    bench.flap = FlapRules(window_ms=10 * MINUTE, threshold=3, suppression_ms=5_000)
    check = bench.create(Timing(HOURLY, MINUTE, None, None, True))
    bench.signal(check, "success")
    flap(bench, check, 4)
    bench.watch_until(bench.now + 5_000, 0)
    flap(bench, check, 3)
    bench.watch_until(bench.now + 5_000, 0)
    bench.compare()
    kinds = [alert.kind for alert in bench.model.checks[check].alerts]
    assert kinds == ["down", "up", "flapping", "settled", "down", "up", "flapping", "settled"]


def test_a_reminder_tells_why_it_failed_last(bench: Bench) -> None:
    check = bench.create(Timing(MINUTELY, MINUTE, 30_000, 3, True, 2 * MINUTE))
    bench.watch_until(bench.now + 2 * MINUTE, 0)
    bench.compare()
    machine = bench.model.checks[check]
    assert (machine.reason, machine.missed_due) == ("overdue", START + MINUTE)
    bench.signal(check, "start")
    bench.watch_until(bench.now + 30_000, 0)
    bench.compare()
    assert (machine.reason, machine.missed_due) == ("over_runtime", None)
    bench.signal(check, "fail", reason="exit_status")
    bench.compare()
    bench.watch_until(bench.now + 2 * MINUTE, 0)
    bench.compare()
    down_since = START + 2 * MINUTE
    told = [(alert.kind, alert.reason, alert.down_since, alert.overdue_ms) for alert in machine.alerts]
    assert told == [
        ("down", "exit_status", down_since, None),
        ("reminder", "exit_status", down_since, None),
    ]


def test_a_check_that_flaps_for_long_is_told_twice_however_often_it_changes(bench: Bench) -> None:
    check = bench.create(Timing(HOURLY, MINUTE, None, 1, True, MINUTE))
    bench.signal(check, "success")
    flap(bench, check, 60)
    for number in range(20):
        bench.watch_until(bench.now + FLAPS.suppression_ms - 1, 0)
        bench.signal(check, "success" if number % 2 else "fail", reason="" if number % 2 else "fail")
        bench.compare()
    bench.watch_until(bench.now + FLAPS.suppression_ms, 0)
    bench.compare()
    *before, flapping, settled = bench.model.checks[check].alerts
    assert [alert.kind for alert in before] == ["down", "up", "down", "up", "down"]
    assert (flapping.kind, settled.kind, settled.status, settled.flips) == ("flapping", "settled", "up", 80)


def test_reminders_that_are_asked_for_below_the_threshold_wait_for_the_announcement(bench: Bench) -> None:
    check = bench.create(Timing(HOURLY, MINUTE, None, 2, True))
    bench.signal(check, "fail", reason="fail")
    bench.edit(check, Timing(HOURLY, MINUTE, None, 2, True, MINUTE), "with reminders")
    bench.compare()
    bench.watch_until(bench.now + 5 * MINUTE, 0)
    bench.signal(check, "fail", reason="fail")
    bench.compare()
    bench.watch_until(bench.now + MINUTE, 0)
    bench.compare()
    assert [alert.kind for alert in bench.model.checks[check].alerts] == ["down", "reminder"]
