"""What is said about a schedule where clocks are changed must be what the schedule does."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ttr.domain.clock_changes import clock_remarks
from ttr.domain.schedule import ScheduleKind, next_due, parse_schedule

NOW = 1_767_225_600_000  # 2026-01-01 00:00 UTC


def remarks(kind: ScheduleKind, expression: str | None, tz: str, interval: int | None = None) -> list[str]:
    schedule = parse_schedule(kind, interval_seconds=interval, expression=expression, tz=tz, now=NOW)
    return clock_remarks(schedule, NOW)


SPRING = "On 2026-03-29 clocks skip from 03:00 to 04:00: what falls in between is "
AUTUMN = "On 2026-10-25 clocks go back from 04:00 to 03:00: what falls in between is due "


@pytest.mark.parametrize(
    ("kind", "expression", "said"),
    [
        ("cron", "30 3 * * *", [SPRING + "due at 04:00.", AUTUMN + "the first time only."]),
        ("cron", "0 12 * * *", []),
        ("cron", "0 4 * * *", []),
        ("cron", "*/30 * * * *", [AUTUMN + "both times."]),
        ("cron", "*/30 3 * * *", [SPRING + "not due that day.", AUTUMN + "both times."]),
        ("cron", "30 3 1 * *", []),
        ("oncalendar", "*-*-* 03:30", [SPRING + "not due that day.", AUTUMN + "the first time only."]),
        ("oncalendar", "*-*-* 03:30 UTC", []),
    ],
)
def test_each_change_that_matters_is_told(kind: ScheduleKind, expression: str, said: list[str]) -> None:
    assert remarks(kind, expression, "Europe/Riga") == said


def test_zones_without_changes_and_intervals_have_no_remarks() -> None:
    assert remarks("cron", "30 3 * * *", "Asia/Kathmandu") == []
    assert remarks("interval", None, "Europe/Riga", 3_600) == []


def test_half_an_hour_is_a_change_too() -> None:
    said = remarks("cron", "45 1 * * *", "Australia/Lord_Howe")
    assert said[0].startswith("On 2026-04-05 clocks go back from 02:00 to 01:30")


def test_what_is_said_is_what_happens() -> None:
    zone = ZoneInfo("Europe/Riga")
    before = int(datetime(2026, 3, 29, 0, 0, tzinfo=zone).timestamp() * 1000)
    fixed = parse_schedule("cron", interval_seconds=None, expression="30 3 * * *", tz=zone.key, now=NOW)
    due = next_due(fixed, before)
    assert due == int(datetime(2026, 3, 29, 4, 0, tzinfo=zone).timestamp() * 1000)
    calendar = parse_schedule("oncalendar", interval_seconds=None, expression="03:30", tz=zone.key, now=NOW)
    assert next_due(calendar, before) == int(datetime(2026, 3, 30, 3, 30, tzinfo=zone).timestamp() * 1000)
