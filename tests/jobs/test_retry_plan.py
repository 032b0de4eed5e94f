"""When a failed delivery is tried again."""

import pytest

from ttr.channels.delivery import RETRY_AFTER_MAX_SECONDS, Delivered, Failed
from ttr.retries import retry_at

_SECOND, _MINUTE, _HOUR = 1_000, 60_000, 3_600_000
_CREATED = 1_800_000_000_000
_SOON = _CREATED + _MINUTE
_FAILED = Failed("server_error", "HTTP 500", permanent=False)
_PLAN = [
    (1, 5 * _SECOND),
    (2, 15 * _SECOND),
    (3, 30 * _SECOND),
    (4, _MINUTE),
    (5, 2 * _MINUTE),
    (6, 5 * _MINUTE),
    (7, 15 * _MINUTE),
    (8, 30 * _MINUTE),
    (9, _HOUR),
    (10, _HOUR),
    (30, _HOUR),
]


@pytest.mark.parametrize(("attempt", "wait"), _PLAN)
def test_each_attempt_has_its_wait_give_or_take_a_fifth(attempt: int, wait: int) -> None:
    assert retry_at(_FAILED, attempt, _CREATED, _SOON, 0.5) == _SOON + wait
    assert retry_at(_FAILED, attempt, _CREATED, _SOON, 0.0) == _SOON + wait * 8 // 10
    latest = retry_at(_FAILED, attempt, _CREATED, _SOON, 0.999_999)
    assert latest is not None
    assert wait * 119 // 100 < latest - _SOON <= wait * 12 // 10


def test_the_plan_ends_a_day_after_the_event_and_not_before() -> None:
    now, attempt = _CREATED, 0
    while (again := retry_at(_FAILED, attempt := attempt + 1, _CREATED, now, 0.5)) is not None:
        assert again > now
        now = again
    assert _CREATED + 23 * _HOUR <= now <= _CREATED + 24 * _HOUR
    assert attempt == 32  # eight waits of 54 min in all, then 23 of an hour


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_a_hint_of_the_service_wins_over_the_plan_and_is_not_spread(chance: float) -> None:
    hinted = Failed("rate_limited", "HTTP 429", permanent=False, retry_after_seconds=7.5)
    assert retry_at(hinted, 1, _CREATED, _SOON, chance) == _SOON + 7_500


def test_a_hint_of_nothing_waits_a_second_three_times_and_then_as_planned() -> None:
    hinted = Failed("rate_limited", "HTTP 429", permanent=False, retry_after_seconds=0)
    waits = [(retry_at(hinted, attempt, _CREATED, _SOON, 0.5) or 0) - _SOON for attempt in (1, 2, 3, 4, 5)]
    assert waits == [_SECOND, _SECOND, _SECOND, 60 * _SECOND, 120 * _SECOND]


def test_a_hint_is_capped_at_a_day() -> None:
    hinted = Failed("rate_limited", "HTTP 429", permanent=False, retry_after_seconds=1e12)
    assert hinted.retry_after_seconds == RETRY_AFTER_MAX_SECONDS == 24 * _HOUR / 1000
    assert retry_at(hinted, 1, _CREATED, _CREATED, 0.5) == _CREATED + 24 * _HOUR


def test_a_hint_beyond_the_day_that_is_left_leaves_a_last_try_at_its_end() -> None:
    hinted = Failed("rate_limited", "HTTP 429", permanent=False, retry_after_seconds=24 * 3_600)
    assert retry_at(hinted, 1, _CREATED, _SOON, 0.5) == _CREATED + 24 * _HOUR


def test_what_was_delivered_or_can_never_be_is_not_tried_again() -> None:
    assert retry_at(Delivered("HTTP 200"), 1, _CREATED, _SOON, 0.5) is None
    gone = Failed("gone", "HTTP 410", permanent=True, retry_after_seconds=5)
    assert retry_at(gone, 1, _CREATED, _SOON, 0.5) is None
