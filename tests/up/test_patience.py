"""When a dead process is started again, and when it is given up."""

import pytest

from ttr.up.patience import GaveUp, Limits, Patience


def test_the_delay_doubles_up_to_a_bound_and_begins_anew_after_a_steady_life() -> None:
    patience = Patience("web", Limits())
    delays = [patience.delay_after(lived=1, now=float(n * 20)) for n in range(6)]
    assert delays == [0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert patience.delay_after(lived=31, now=160.0) == 0.4


def test_a_process_that_dies_at_once_every_time_is_given_up_in_the_first_minute() -> None:
    patience = Patience("web", Limits())
    now = 1.5  # starting takes that long
    for _ in range(10):
        now += patience.delay_after(lived=1.5, now=now) + 1.5
    assert now < 60
    with pytest.raises(GaveUp, match="web died 11 times within a minute"):
        patience.delay_after(lived=1.5, now=now)


def test_ten_deaths_a_minute_are_borne_for_ever() -> None:
    patience = Patience("web", Limits())
    for death in range(100):
        patience.delay_after(lived=1, now=death * 6.1)
