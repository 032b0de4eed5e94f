"""The cron builder: what is built fires exactly at the chosen times, and is read back as it was chosen."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttr.domain import cron_builder
from ttr.domain.cron_builder import (
    ALL_DAYS,
    STEPS,
    BuildError,
    EveryHour,
    EveryMinutes,
    OnMonthDays,
    OnWeekdays,
    Plan,
    WithinHours,
    build,
    read,
)
from ttr.domain.schedule import next_due, parse_schedule
from ttr.domain.zones import from_ms

NOW = 1_772_366_400_000  # 2026-03-01 12:00 UTC


def some(low: int, high: int) -> st.SearchStrategy[tuple[int, ...]]:
    found = st.sets(st.integers(low, high), min_size=1, max_size=7)
    return found.map(lambda numbers: tuple(sorted(numbers)))


hours, minutes, days = some(0, 23), st.integers(0, 59), some(0, 6)
month_days = st.tuples(st.one_of(st.just(()), some(1, 31)), st.booleans()).filter(
    lambda one: one[0] or one[1]
)
plans: st.SearchStrategy[Plan] = st.one_of(
    st.builds(EveryMinutes, st.sampled_from(STEPS)),
    st.builds(EveryHour, minutes),
    st.builds(OnWeekdays, days, hours, minutes),
    st.tuples(month_days, hours, minutes).map(lambda one: OnMonthDays(*one[0], one[1], one[2])),
    st.tuples(st.sampled_from(STEPS), some(0, 23), days)
    .map(lambda one: WithinHours(one[0], one[1][0], one[1][-1], one[2]))
    # Every day and all day long it is simply every so many minutes.
    .filter(lambda plan: (plan.first, plan.last, plan.days) != (0, 23, ALL_DAYS)),
)


def fires(plan: Plan, at: datetime) -> bool:
    """Whether a plan means this minute, said without cron."""
    weekday = at.isoweekday() % 7
    match plan:
        case EveryMinutes(step):
            return at.minute % step == 0
        case EveryHour(minute):
            return at.minute == minute
        case OnWeekdays(chosen, at_hours, minute):
            return weekday in chosen and at.hour in at_hours and at.minute == minute
        case OnMonthDays(chosen, last, at_hours, minute):
            ends = (at + timedelta(days=1)).day == 1
            return (at.day in chosen or (last and ends)) and at.hour in at_hours and at.minute == minute
        case WithinHours(step, first, until, chosen):
            return weekday in chosen and first <= at.hour <= until and at.minute % step == 0


@given(plans, st.integers(0, 400 * 24 * 60))
@settings(max_examples=300, deadline=None)
def test_what_is_built_is_due_exactly_when_it_was_chosen(plan: Plan, later: int) -> None:
    schedule = parse_schedule("cron", interval_seconds=None, expression=build(plan), tz="UTC", now=NOW)
    after = NOW + later * 60_000
    due = next_due(schedule, after)
    at = from_ms(after) + timedelta(minutes=1)
    while not fires(plan, at):
        # Whole days are skipped at once where the date does not fit, or the test would take minutes.
        at += timedelta(minutes=1)
        assert at < from_ms(after) + timedelta(days=70)
        if not any(fires(plan, at.replace(hour=h, minute=m)) for h in _hours(plan) for m in _minutes(plan)):
            at = at.replace(hour=23, minute=59)
    assert due is not None
    assert from_ms(due) == at


def _hours(plan: Plan) -> tuple[int, ...]:
    match plan:
        case OnWeekdays(_, at, _) | OnMonthDays(_, _, at, _):
            return at
        case WithinHours(_, first, _, _):
            return (first,)
    return (0,)


def _minutes(plan: Plan) -> tuple[int, ...]:
    return (getattr(plan, "minute", 0),)


@given(plans)
def test_what_is_built_is_read_back(plan: Plan) -> None:
    assert read(build(plan)) == plan
    assert cron_builder.words(plan)


@pytest.mark.parametrize(
    ("expression", "plan"),
    [
        ("@daily", OnWeekdays(ALL_DAYS, (0,), 0)),
        ("@hourly", EveryHour(0)),
        ("0 3 * * MON-FRI", OnWeekdays((1, 2, 3, 4, 5), (3,), 0)),
        ("0 3 * * 5-7", OnWeekdays((0, 5, 6), (3,), 0)),
        ("0 3 * * 0-6", OnWeekdays(ALL_DAYS, (3,), 0)),
        ("  5  4 1,L * * ", OnMonthDays((1,), True, (4,), 5)),
        ("* 8-17 * * 1-5", WithinHours(1, 8, 17, (1, 2, 3, 4, 5))),
    ],
)
def test_what_people_write_is_read(expression: str, plan: Plan) -> None:
    assert read(expression) == plan


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "nonsense",
        "0 */2 * * *",  # by the clock, where the built one is due once a date
        "*/7 * * * *",
        "0,30 * * * *",
        "0 3 * 1 *",
        "0 3 1 * 1",
        "0 3 */1 * 1",  # the star makes both day fields count
        "0 3 * * 5L",
        "0 3 * * MON#1",
        "*/5 1,3,5 * * *",
        "0 3 1-31 * *x",
        "0 * * * 1",
        "@reboot",
    ],
)
def test_a_custom_expression_is_not_read_as_something_else(expression: str) -> None:
    assert read(expression) is None


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (EveryMinutes(7), "one of 1, 2, 3"),
        (EveryHour(60), "0 to 59"),
        (OnWeekdays((), (3,), 0), "day of the week"),
        (OnWeekdays((8,), (3,), 0), "0, Sunday, to 6"),
        (OnWeekdays((1,), (), 0), "Give a time"),
        (OnMonthDays((), False, (3,), 0), "day of the month"),
        (OnMonthDays((32,), False, (3,), 0), "1 to 31"),
        (OnMonthDays((1,), False, (24,), 0), "0 to 23"),
        (WithinHours(5, 22, 6, ALL_DAYS), "end after they begin"),
    ],
)
def test_what_no_expression_can_hold_is_said(plan: Plan, sentence: str) -> None:
    with pytest.raises(BuildError, match=sentence):
        build(plan)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (EveryMinutes(1), "every minute"),
        (EveryHour(5), "every hour at :05"),
        (OnWeekdays(ALL_DAYS, (3,), 0), "every day at 03:00"),
        (OnWeekdays((1, 2, 3, 4, 5), (8, 17), 30), "Monday to Friday at 08:30 and 17:30"),
        (OnWeekdays((0, 1), (3,), 0), "every Monday and Sunday at 03:00"),
        (OnMonthDays((1, 15), False, (3,), 0), "on day 1 and 15 of each month at 03:00"),
        (OnMonthDays((), True, (3,), 0), "on the last day of each month at 03:00"),
        (WithinHours(15, 8, 17, ALL_DAYS), "every 15 minutes from 08:00 until 18:00, every day"),
    ],
)
def test_a_plan_is_said_in_words(plan: Plan, words: str) -> None:
    assert cron_builder.words(plan) == words
