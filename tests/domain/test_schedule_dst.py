"""What is due on the days the clocks change, zone by zone, in instants worked out by hand.

The dates are past, so that no new law and no new zone database can change them.
"""

from datetime import UTC, datetime

import pytest

from ttr.domain.schedule import parse_schedule, preview


def due(kind: str, expression: str, tz: str, after: str, count: int) -> list[str]:
    """`count` due times after `after` (UTC), as 'day hour:minute' in UTC."""
    start = int(datetime.fromisoformat(after).replace(tzinfo=UTC).timestamp() * 1000)
    schedule = parse_schedule(kind, interval_seconds=None, expression=expression, tz=tz, now=start)
    times = preview(schedule, start, count)
    return [datetime.fromtimestamp(t / 1000, UTC).strftime("%d %H:%M") for t in times]


# Each zone's changes, and what was on the wall:
#   Europe/Riga          2025-03-30 01:00Z 03:00+2 -> 04:00+3     2025-10-26 01:00Z 04:00+3 -> 03:00+2
#   America/New_York     2025-03-09 07:00Z 02:00-5 -> 03:00-4     2025-11-02 06:00Z 02:00-4 -> 01:00-5
#   Europe/Dublin        2025-03-30 01:00Z 01:00+0 -> 02:00+1     2025-10-26 01:00Z 02:00+1 -> 01:00+0
#   Africa/Casablanca    2025-04-06 02:00Z 02:00+0 -> 03:00+1     2025-02-23 02:00Z 03:00+1 -> 02:00+0
#   America/Santiago     2025-09-07 04:00Z 00:00-4 -> 01:00-3     2025-04-06 03:00Z 00:00-3 -> 23:00-4 (5th)
#   Antarctica/Troll                                              2025-10-26 01:00Z 03:00+2 -> 01:00+0
#   Australia/Lord_Howe  2025-10-04 15:30Z 02:00+10:30 -> 02:30+11
#                        2025-04-05 15:00Z 02:00+11 -> 01:30+10:30
#   Pacific/Chatham      2025-09-27 14:00Z 02:45+12:45 -> 03:45+13:45
#                        2025-04-05 14:00Z 03:45+13:45 -> 02:45+12:45

SKIPPED = [
    # A fixed time in the skipped hour is due right after it, and the next day at its time again.
    ("30 3 * * *", "Europe/Riga", "2025-03-29T12:00", ["30 01:00", "31 00:30"]),
    ("0 3 * * *", "Europe/Riga", "2025-03-29T12:00", ["30 01:00", "31 00:00"]),
    ("0,30 3,4 * * *", "Europe/Riga", "2025-03-29T12:00", ["30 01:00", "30 01:30", "31 00:00"]),
    ("0 4 * * *", "Europe/Riga", "2025-03-29T12:00", ["30 01:00", "31 01:00"]),
    ("59 2 * * *", "Europe/Riga", "2025-03-29T12:00", ["30 00:59", "30 23:59"]),
    ("30 3 * * *", "Europe/Riga", "2025-03-30T01:00", ["31 00:30"]),
    ("30 2 * * *", "America/New_York", "2025-03-08T12:00", ["09 07:00", "10 06:30"]),
    ("30 1 * * *", "Europe/Dublin", "2025-03-29T12:00", ["30 01:00", "31 00:30"]),
    ("30 2 * * *", "Africa/Casablanca", "2025-04-05T12:00", ["06 02:00", "07 01:30"]),
    ("0 0 * * *", "America/Santiago", "2025-09-06T12:00", ["07 04:00", "08 03:00"]),
    ("15 0 7 9 *", "America/Santiago", "2025-09-01T12:00", ["07 04:00", "07 03:15"]),
    ("15 2 * * *", "Australia/Lord_Howe", "2025-10-04T00:00", ["04 15:30", "05 15:15"]),
    ("0 3 * * *", "Pacific/Chatham", "2025-09-27T00:00", ["27 14:00", "28 13:15"]),
    # A star in front of minute or hour follows the clock: what the clock skips is not due.
    ("*/30 3 * * *", "Europe/Riga", "2025-03-29T12:00", ["31 00:00", "31 00:30"]),
    ("30 */3 * * *", "Europe/Riga", "2025-03-29T22:00", ["29 22:30", "30 03:30"]),
    ("0 * * * *", "Europe/Riga", "2025-03-29T23:30", ["30 00:00", "30 01:00", "30 02:00"]),
    ("*/30 3 31 3 *", "Europe/Riga", "2023-10-29T00:30", ["31 00:00", "31 00:30"]),  # skipped in 2024
    ("*/30 2 * * *", "America/New_York", "2025-03-08T12:00", ["10 06:00", "10 06:30"]),
    ("*/30 1 * * *", "Europe/Dublin", "2025-03-29T12:00", ["31 00:00", "31 00:30"]),
    ("*/30 2 * * *", "Africa/Casablanca", "2025-04-05T12:00", ["07 01:00", "07 01:30"]),
    ("0 */6 * * *", "America/Santiago", "2025-09-06T21:00", ["06 22:00", "07 09:00"]),
    ("*/15 2 * * *", "Australia/Lord_Howe", "2025-10-04T00:00", ["04 15:30", "04 15:45", "05 15:00"]),
    ("*/15 3 * * *", "Pacific/Chatham", "2025-09-27T00:00", ["27 14:00", "28 13:15"]),
]

REPEATED = [
    # A fixed time in the repeated hour is due once, in the first pass.
    ("30 3 * * *", "Europe/Riga", "2025-10-25T12:00", ["26 00:30", "27 01:30"]),
    ("0 3 * * *", "Europe/Riga", "2025-10-25T12:00", ["26 00:00", "27 01:00"]),
    ("0 4 * * *", "Europe/Riga", "2025-10-25T12:00", ["26 02:00", "27 02:00"]),
    ("0-59 3 26 10 *", "Europe/Riga", "2025-10-26T00:57", ["26 00:58", "26 00:59", "26 01:00"]),
    ("30 3 * * *", "Europe/Riga", "2025-10-26T01:10", ["27 01:30"]),
    ("30 1 * * *", "America/New_York", "2025-11-01T12:00", ["02 05:30", "03 06:30"]),
    ("30 1 * * *", "Europe/Dublin", "2025-10-25T12:00", ["26 00:30", "27 01:30"]),
    ("30 2 * * *", "Africa/Casablanca", "2025-02-22T12:00", ["23 01:30", "24 02:30"]),
    ("30 23 * * *", "America/Santiago", "2025-04-05T12:00", ["06 02:30", "07 03:30"]),
    ("45 1 * * *", "Australia/Lord_Howe", "2025-04-05T00:00", ["05 14:45", "06 15:15"]),
    ("0 3 * * *", "Pacific/Chatham", "2025-04-05T00:00", ["05 13:15", "06 14:15"]),
    # A star in front of minute or hour follows the clock: both passes.
    ("*/30 3 * * *", "Europe/Riga", "2025-10-25T12:00", ["26 00:00", "26 00:30", "26 01:00", "26 01:30"]),
    ("*/30 3 * * *", "Europe/Riga", "2025-10-26T00:30", ["26 01:00", "26 01:30", "27 01:00"]),
    ("*/30 3 26 10 *", "Europe/Riga", "2025-01-15T12:00", ["26 00:00", "26 00:30", "26 01:00", "26 01:30"]),
    ("30 */3 * * *", "Europe/Riga", "2025-10-26T00:00", ["26 00:30", "26 01:30", "26 04:30"]),
    ("0 * * * *", "Europe/Riga", "2025-10-25T23:30", ["26 00:00", "26 01:00", "26 02:00"]),
    (
        "*/30 1 * * *",
        "America/New_York",
        "2025-11-02T05:00",
        ["02 05:30", "02 06:00", "02 06:30", "03 06:00"],
    ),
    ("*/30 1 * * *", "Europe/Dublin", "2025-10-26T00:00", ["26 00:30", "26 01:00", "26 01:30", "27 01:00"]),
    ("*/30 2 * * *", "Africa/Casablanca", "2025-02-23T01:00", ["23 01:30", "23 02:00", "23 02:30"]),
    (
        "*/30 23 * * *",
        "America/Santiago",
        "2025-04-06T02:00",
        ["06 02:30", "06 03:00", "06 03:30", "07 03:00"],
    ),
    (
        "*/15 1 * * *",
        "Australia/Lord_Howe",
        "2025-04-05T14:30",
        ["05 14:45", "05 15:00", "05 15:15", "06 14:30"],
    ),
    (
        "*/30 1 * * *",
        "Antarctica/Troll",
        "2025-10-25T23:00",
        ["25 23:30", "26 01:00", "26 01:30", "27 01:00"],
    ),
    ("*/15 3 * * *", "Pacific/Chatham", "2025-04-05T13:30", ["05 13:45", "05 14:15", "05 14:30", "05 14:45"]),
]


@pytest.mark.parametrize(("expression", "tz", "after", "expected"), SKIPPED)
def test_cron_over_a_skipped_hour(expression: str, tz: str, after: str, expected: list[str]) -> None:
    assert due("cron", expression, tz, after, len(expected)) == expected


@pytest.mark.parametrize(("expression", "tz", "after", "expected"), REPEATED)
def test_cron_over_a_repeated_hour(expression: str, tz: str, after: str, expected: list[str]) -> None:
    assert due("cron", expression, tz, after, len(expected)) == expected


ONCALENDAR = [
    # A time in the skipped hour is not due that day.
    ("03:30", "Europe/Riga", "2025-03-29T12:00", ["31 00:30"]),
    ("03,04:00", "Europe/Riga", "2025-03-29T12:00", ["30 01:00", "31 00:00"]),
    ("02:30", "America/New_York", "2025-03-08T12:00", ["10 06:30"]),
    ("02:15", "Australia/Lord_Howe", "2025-10-04T00:00", ["05 15:15"]),
    ("00:00", "America/Santiago", "2025-09-06T12:00", ["08 03:00"]),
    ("*:30", "Europe/Riga", "2025-03-30T00:00", ["30 00:30", "30 01:30"]),
    # A time in the repeated hour is due in the first pass only.
    ("03:30", "Europe/Riga", "2025-10-25T12:00", ["26 00:30", "27 01:30"]),
    ("*:30", "Europe/Riga", "2025-10-26T00:00", ["26 00:30", "26 02:30"]),
    ("*:*:30", "Europe/Riga", "2025-10-26T01:10", ["26 02:00"]),
    ("01:45", "Australia/Lord_Howe", "2025-04-05T00:00", ["05 14:45", "06 15:15"]),
    # The clocks of a line are those of its own zone.
    ("03:30 America/New_York\n03:30", "Europe/Riga", "2025-03-30T00:00", ["30 07:30", "31 00:30"]),
]


@pytest.mark.parametrize(("expression", "tz", "after", "expected"), ONCALENDAR)
def test_oncalendar_over_a_change(expression: str, tz: str, after: str, expected: list[str]) -> None:
    assert due("oncalendar", expression, tz, after, len(expected)) == expected
