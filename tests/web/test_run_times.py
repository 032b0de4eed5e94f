"""Run times of weeks and months as bars, and a year of uptime by months."""

import pytest

from ttr.archive.history import RunTimes
from ttr.domain.uptime import DAY_MS, Spent
from ttr.web.months import months
from ttr.web.run_chart import HEIGHT, WIDTH
from ttr.web.run_times import RANGES, run_times_chart

NOW = 1_772_404_500_000  # 2026-03-01 22:35 UTC
MIDNIGHT = 1_772_409_600_000
MONTH = RANGES["30d"]


@pytest.mark.parametrize(
    ("name", "since"),
    [
        ("7d", MIDNIGHT - 7 * DAY_MS),
        ("30d", MIDNIGHT - 30 * DAY_MS),
        ("90d", MIDNIGHT - 90 * DAY_MS),
        ("365d", MIDNIGHT - 371 * DAY_MS),
    ],
)
def test_stretches_begin_at_whole_hours_and_the_last_one_is_now(name: str, since: int) -> None:
    of = RANGES[name]
    assert of.since(NOW) == since
    assert of.since(MIDNIGHT) == since, "what begins now has no run yet"
    assert of.since(MIDNIGHT + 1) > since
    assert of.since(NOW) + (of.stretches - 1) * of.step_ms <= NOW


def test_a_bar_stands_at_its_time_and_reaches_from_the_shortest_run_to_the_longest() -> None:
    since = MONTH.since(NOW)
    found = [
        RunTimes(since, 4, 0, 500, 1_000, 1_500),
        RunTimes(since + 59 * MONTH.step_ms, 1, 1, 2_000, 2_000, 2_000),
    ]
    chart = run_times_chart(found, MONTH, NOW, "UTC")
    assert chart
    first, last = chart.bars
    assert chart.ticks == ("2 s", "1 s", "0")
    assert (first.least, first.median, first.most) == (75, 50, 25)
    assert (last.least, last.median, last.most, last.failed, first.failed) == (0, 0, 0, True, False)
    assert first.x < 3
    assert last.x + last.width < WIDTH < last.x + last.width + 3
    assert first.title.startswith(
        "From 2026-01-31 00:00:00 UTC (+00:00): 4 runs; median 1.0 s, shortest 500 ms, longest 1.5 s"
    )
    assert chart.words == "5 runs ended in 30 days: shortest 500 ms, longest 2.0 s; 1 failed."


def test_one_long_run_does_not_flatten_the_medians() -> None:
    since = MONTH.since(NOW)
    chart = run_times_chart([RunTimes(since, 9, 0, 900, 1_000, 99_000_000)], MONTH, NOW, "UTC")
    assert chart
    assert (chart.ticks[0], chart.bars[0].cut, chart.bars[0].most, chart.bars[0].median) == (
        "1 s",
        True,
        0,
        0,
    )


def test_what_was_not_timed_is_counted_and_only_its_failures_are_drawn() -> None:
    since = MONTH.since(NOW)
    assert run_times_chart([], MONTH, NOW, "UTC") is None
    chart = run_times_chart([RunTimes(since, 1_234, 2, None, None, None)], MONTH, NOW, "UTC")
    assert chart
    assert (chart.bars[0].median, chart.bars[0].failed, chart.bars[0].cut) == (None, True, False)
    assert chart.bars[0].title.endswith(": 1,234 runs, 2 failed")
    assert chart.words == "1,234 runs ended in 30 days; 2 failed."


def test_the_shortest_run_has_a_bar() -> None:
    chart = run_times_chart([RunTimes(MONTH.since(NOW), 1, 0, 0, 0, 0)], MONTH, NOW, "UTC")
    assert chart
    assert chart.bars[0].median == HEIGHT - 1.5


def test_months_are_sums_of_their_days_without_the_one_that_is_cut() -> None:
    today = NOW // DAY_MS
    days = [(day, Spent(up=DAY_MS)) for day in range(today - 364, today)]
    days.append((today, Spent(up=DAY_MS // 2, down=DAY_MS // 2)))
    found = months(days)
    assert [month.name for month in found][:3] == ["Mar 2026", "Feb 2026", "Jan 2026"]
    assert (len(found), found[-1].name) == (12, "Apr 2025"), "of March 2025 the first day is missing"
    assert (found[0].spent.ratio, found[0].down_width) == (0.5, 50)
    assert found[1].spent == Spent(up=28 * DAY_MS)
    assert [month.down_width for month in found[1:]] == [0] * 11


def test_a_month_that_was_hardly_down_shows_it() -> None:
    first = MIDNIGHT // DAY_MS - 1
    assert months([(first, Spent(up=DAY_MS - 1, down=1))])[0].down_width == 2
    assert months([(first, Spent(paused=DAY_MS))])[0].down_width == 0
    assert months([(first, Spent(down=DAY_MS))])[0].down_width == 100
