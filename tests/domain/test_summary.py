"""When an average is well, and how all of it does."""

from dataclasses import replace

import pytest

from ttr.domain.metrics import DB_SECONDS, PING_SECONDS, Windowed
from ttr.domain.summary import LATENCIES, Part, Summary, averages, colour

WELL = Summary(
    checks=3,
    users=2,
    sent=1,
    averages=dict.fromkeys(LATENCIES, 0.001),
    queue_depth=0,
    workers=1,
    clock_is_silent=False,
    missing=(),
)


@pytest.mark.parametrize(
    ("part", "yellow", "red"),
    [("api", 0.5, 1.0), ("db", 0.1, 0.5), ("redis", 0.01, 0.1), ("queue", 1.0, 5.0), ("ping", 0.15, 0.5)],
)
def test_an_average_is_yellow_and_red_above_the_seeds_limits(part: Part, yellow: float, red: float) -> None:
    for seconds, told in (
        (0.0, "green"),
        (yellow - 0.001, "green"),
        (yellow, "green"),
        (yellow + 0.001, "yellow"),
        (red, "yellow"),
        (red + 0.001, "red"),
        (None, "unknown"),
    ):
        assert colour(LATENCIES[part], seconds) == told, seconds
        assert replace(WELL, averages=WELL.averages | {part: seconds}).colour(part) == told


def test_what_was_not_measured_has_no_average() -> None:
    window = {PING_SECONDS.name: Windowed(4, 1.0), DB_SECONDS.name: Windowed(2, 10.0)}
    nothing = dict.fromkeys(LATENCIES, None)
    assert averages({}, db=True) == nothing
    assert averages(window, db=True) == nothing | {"ping": 0.25, "db": 5.0}
    assert averages(window, db=False) == nothing | {"ping": 0.25}


def test_the_worst_that_is_known_is_told() -> None:
    slow = replace(WELL, averages=WELL.averages | {"db": 0.6})
    for summary, state in (
        (WELL, "well"),
        (replace(WELL, averages=dict.fromkeys(LATENCIES)), "well"),
        (replace(WELL, averages=WELL.averages | {"db": 0.5}), "well"),
        (slow, "slow"),
        (replace(slow, missing=("dispatch",)), "stuck"),
        (replace(slow, workers=0, missing=("dispatch", "worker")), "no-worker"),
        (replace(slow, workers=0, queue_depth=None), "queue-away"),
        (replace(slow, workers=0, clock_is_silent=True), "silent"),
    ):
        assert summary.state == state
