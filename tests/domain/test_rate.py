"""The rules of the rate and what is shown of it."""

from dataclasses import replace
from typing import Any

import pytest

from ttr.domain.rate import Bucket, RateRules, fresh, refilled, rules, snapshot
from ttr.settings import Settings

NOW = 1_772_366_400_000


def made(**settings: Any) -> RateRules:
    """The rules of the default settings with changes."""
    return rules(Settings.model_validate(settings))


def shown(bucket: Bucket, *, waiting: int = 0, sent: int = 0, now: int = NOW) -> dict[str, object]:
    """The snapshot under the default rules."""
    return snapshot(made(), bucket, waiting=waiting, sent_per_minute=sent, now=now)


def test_by_default_a_destination_starts_at_the_cap_of_thirty_a_minute() -> None:
    assert made() == RateRules(
        cap=0.5,
        drip=0.1,
        start=0.5,
        burst=5,
        step=0.05,
        hard=0.5,
        soft=0.8,
        backoff_base_ms=2_000,
        backoff_max_ms=300_000,
        level_max=6,
        assumed_per_minute=30,
        ttl_ms=86_400_000,
    )


@pytest.mark.parametrize(
    ("settings", "cap", "drip", "start"),
    [
        ({"rc_assumed_limit_per_min": 600}, 2, 0.1, 0.5),
        ({"rc_rps_max": 0.2}, 0.2, 0.1, 0.2),
        ({"rc_rps_min": 0.001}, 0.5, 1 / 60, 0.5),
        ({"rc_rps_min": 0.3, "rc_start_rps": 0.01}, 0.5, 0.3, 0.3),
        ({"rc_drip_rps": 0.001}, 0.5, 0.001, 0.5),
        # Contradictions: the cap wins.
        ({"rc_rps_min": 3}, 0.5, 0.5, 0.5),
        ({"rc_drip_rps": 7, "rc_assumed_limit_per_min": 6}, 0.1, 0.1, 0.1),
    ],
)
def test_the_cap_binds_the_least_and_the_first_rate(
    settings: dict[str, float], cap: float, drip: float, start: float
) -> None:
    made_of = made(**settings)
    assert (made_of.cap, made_of.drip, made_of.start) == pytest.approx((cap, drip, start))


def test_a_bucket_refills_with_time_up_to_its_most_and_never_backwards() -> None:
    bucket = Bucket(tokens=0.5, max_tokens=2, rps=0.25, at=NOW)
    assert refilled(made(), bucket, NOW + 2_000).tokens == pytest.approx(1)
    assert refilled(made(), bucket, NOW + 1).tokens == pytest.approx(0.50025)
    assert refilled(made(), bucket, NOW + 3_600_000).tokens == 2
    back = refilled(made(), bucket, NOW - 30_000)
    assert (back.tokens, back.at) == (0.5, NOW)


def test_what_was_stored_under_other_rules_is_brought_into_the_present_ones() -> None:
    strict = made(rc_burst_max=2, rc_assumed_limit_per_min=6, rc_rps_min=0.05)
    assert refilled(strict, Bucket(50, 100, 9, NOW), NOW) == Bucket(2, 2, 0.1, NOW)
    assert refilled(strict, Bucket(-3, 0.25, 0, NOW), NOW) == Bucket(0, 1, 0.05, NOW)


def test_a_back_off_of_a_clock_that_was_wrong_keeps_what_was_left_of_it() -> None:
    year = 31_536_000_000
    wrong = Bucket(1, 5, 0.5, NOW + year, NOW + year + 7_000)
    assert refilled(made(), wrong, NOW).backoff_until == NOW + 7_000
    over = replace(wrong, backoff_until=NOW + 7_000)
    assert refilled(made(), over, NOW).backoff_until == NOW + 7_000


def test_a_new_destination_shows_a_full_bucket_and_no_limit() -> None:
    assert shown(fresh(made(), NOW)) == {
        "enabled": True,
        "limited": False,
        "limited_reason": None,
        "retry_after_seconds": 0,
        "current_rps": 0.5,
        "min_rps": 0.1,
        "current_rps_per_minute": 30,
        "min_rps_per_minute": 6,
        "assumed_limit_per_minute": 30,
        "sent_per_minute": 0,
        "tokens": 5,
        "max_tokens": 5,
        "backoff_seconds_remaining": 0,
        "waiting": 0,
    }


def test_an_empty_bucket_says_when_a_message_could_leave_behind_those_that_wait() -> None:
    found = shown(Bucket(0.25, 5, 0.25, NOW), waiting=2, sent=7)
    assert (found["limited"], found["limited_reason"]) == (True, "rate_limited")
    assert found["retry_after_seconds"] == 11  # 3 - 0.25 tokens at a quarter a second
    assert (found["waiting"], found["sent_per_minute"], found["backoff_seconds_remaining"]) == (2, 7, 0)


def test_a_token_for_each_that_waits_and_one_more_is_no_limit() -> None:
    assert shown(Bucket(3, 5, 0.25, NOW), waiting=2)["limited"] is False
    assert shown(Bucket(2.9, 5, 0.25, NOW), waiting=2)["limited"] is True


def test_a_back_off_is_shown_to_the_millisecond_until_it_is_over() -> None:
    bucket = Bucket(5, 5, 0.25, NOW, NOW + 34_250)
    found = shown(bucket, now=NOW + 250)
    assert (found["limited_reason"], found["retry_after_seconds"]) == ("backoff", 34)
    assert found["backoff_seconds_remaining"] == 34
    assert shown(bucket, now=NOW + 34_249)["retry_after_seconds"] == 0.001
    assert shown(bucket, now=NOW + 34_250)["limited"] is False
