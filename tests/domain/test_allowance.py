"""Allowances: what is allowed at, below and above a limit, and what a setting of limits says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttr.domain.allowance import COUNTED, DEFAULTS, Allowance, Limit, parse_limits, refused, take

NOON = 1_772_366_400_000  # 2026-03-01 12:00 UTC
TEN_A_MINUTE = Limit("test", 10, 60)

limits = st.builds(Limit, st.just("test"), st.integers(1, 1_000), st.integers(1, 3_600))


def uses(limit: Limit, moments: list[int]) -> list[Allowance]:
    """One ask at each moment, beginning with a whole allowance."""
    found, whole_at = [], 0
    for now in moments:
        allowance, whole_at = take(limit, whole_at, now)
        found.append(allowance)
    return found


def test_so_many_come_at_once_and_the_next_is_refused() -> None:
    found = uses(TEN_A_MINUTE, [NOON] * 12)
    assert [a.allowed for a in found] == [True] * 10 + [False] * 2
    assert [a.remaining for a in found] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]
    assert [a.reset_ms for a in found] == [6_000 * n for n in range(1, 11)] + [60_000] * 2
    assert [a.retry_ms for a in found] == [0] * 10 + [6_000] * 2


def test_one_more_comes_back_every_step_and_not_a_millisecond_earlier() -> None:
    full = [NOON] * 10
    assert not uses(TEN_A_MINUTE, [*full, NOON + 5_999])[-1].allowed
    assert uses(TEN_A_MINUTE, [*full, NOON + 6_000])[-1].allowed
    assert not uses(TEN_A_MINUTE, [*full, NOON + 6_000, NOON + 6_000])[-1].allowed


def test_after_its_seconds_all_of_it_is_back() -> None:
    found = uses(TEN_A_MINUTE, [NOON] * 10 + [NOON + 60_000] * 11)
    assert [a.allowed for a in found] == [True] * 20 + [False]


def test_asking_while_it_is_refused_costs_nothing() -> None:
    found = uses(TEN_A_MINUTE, [NOON] * 10 + [NOON + ms for ms in range(0, 6_000, 100)] + [NOON + 6_000])
    assert [a.allowed for a in found] == [True] * 10 + [False] * 60 + [True]


def test_a_clock_that_was_put_back_locks_nobody_out() -> None:
    later = uses(TEN_A_MINUTE, [NOON + 3_600_000] * 10 + [NOON])
    assert later[-1].allowed
    assert later[-1].remaining == 9


def test_clocks_that_differ_a_little_open_no_second_allowance() -> None:
    found = uses(TEN_A_MINUTE, [NOON + 1_500] * 10 + [NOON, NOON + 5_999, NOON + 7_499, NOON + 7_500])
    assert [a.allowed for a in found] == [True] * 10 + [False] * 3 + [True]
    assert (found[10].retry_ms, found[10].reset_ms) == (7_500, 61_500)


@pytest.mark.parametrize(("ms", "seconds"), [(1, 1), (999, 1), (1_000, 1), (1_001, 2), (180_000, 180)])
def test_retry_after_is_in_whole_seconds_and_never_too_early(ms: int, seconds: int) -> None:
    assert Allowance(TEN_A_MINUTE, False, 0, 0, ms).retry_seconds == seconds


def test_a_refusal_says_what_how_many_and_when() -> None:
    refusal = Allowance(Limit("new-account", 20, 3_600), False, 0, 3_600_000, 179_500).refusal
    assert refusal == "Too many new accounts from this address: 20 in 1 h are allowed; try again in 3 min."


@given(limits, st.lists(st.integers(0, 7_200_000), max_size=60))
def test_never_more_than_a_burst_and_what_came_back_since(limit: Limit, gaps: list[int]) -> None:
    moments = [NOON + sum(gaps[: n + 1]) % 7_200_000 for n in range(len(gaps))]
    moments.sort()
    found = uses(limit, moments)
    for first in range(len(moments)):
        allowed = 0
        for now, allowance in zip(moments[first:], found[first:], strict=True):
            allowed += allowance.allowed
            assert allowed <= limit.count + (now - moments[first]) * 1_000 // limit.step


@given(limits, st.integers(0, 2_000))
def test_what_it_promises_is_kept(limit: Limit, taken: int) -> None:
    whole_at = 0
    for _ in range(min(taken, limit.count + 1)):
        allowance, whole_at = take(limit, whole_at, NOON)
        assert allowance.allowed == (allowance.retry_ms == 0)
    allowance, _ = take(limit, whole_at, NOON)
    if not allowance.allowed:
        assert take(limit, whole_at, NOON + allowance.retry_ms)[0].allowed
        assert not take(limit, whole_at, NOON + allowance.retry_ms - 1)[0].allowed or limit.step < 1_000
        assert refused(limit, allowance.retry_ms).reset_ms - allowance.reset_ms in (0, 1)
    whole, _ = take(limit, whole_at, NOON + allowance.reset_ms)
    assert whole.remaining == limit.count - 1


def test_every_zone_has_its_words() -> None:
    assert {limit.zone for limit in DEFAULTS} == set(COUNTED)


def test_without_a_word_every_zone_has_its_default() -> None:
    assert parse_limits("") == DEFAULTS
    assert Limit("ping-check", 50, 1) in DEFAULTS


@pytest.mark.parametrize("text", ["off", " OFF "])
def test_off_lifts_them_all(text: str) -> None:
    assert parse_limits(text) == ()


def test_a_zone_that_is_named_changes_and_the_others_stay() -> None:
    found = {limit.zone: limit for limit in parse_limits(" api-key = 10/1, bulk=off ,")}
    assert found == {limit.zone: limit for limit in DEFAULTS if limit.zone != "bulk"} | {
        "api-key": Limit("api-key", 10, 1)
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("maybe", "'maybe' is no zone"),
        ("off,bulk=1/1", "'off' is no zone"),
        ("bulk=1/1,bulk=2/1", "'bulk' is named twice"),
        ("bulk", "write bulk=600/60 for 600 in 60 s, or bulk=off"),
        ("bulk=5", "is not understood"),
        ("bulk=-5/1", "is not understood"),
        ("bulk=5/1/1", "is not understood"),
        ("bulk=1.5/1", "is not understood"),
        ("bulk=٣/1", "is not understood"),
        ("bulk=0/60", "is out of range"),
        ("bulk=1/0", "is out of range"),
        ("bulk=1000001/1", "is out of range"),
        ("bulk=1/86401", "is out of range"),
    ],
)
def test_a_bad_entry_is_named(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_limits(text)
