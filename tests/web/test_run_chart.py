"""The bars of run times: their scale, what is cut off, and the same in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttr.store.ping_log import PingEntry
from ttr.web.run_chart import HEIGHT, WIDTH, RunChart, run_chart


def runs(*took: int | None, kind: str = "success") -> list[PingEntry]:
    """Newest first, as the store gives them."""
    entries = [
        PingEntry(1_000_000 + n, kind, "GET", number=n + 1, duration_ms=ms) for n, ms in enumerate(took)
    ]
    return entries[::-1]


def drawn(*took: int | None, kind: str = "success") -> RunChart:
    chart = run_chart(runs(*took, kind=kind), "UTC")
    assert chart
    return chart


def test_without_a_timed_run_there_is_no_chart() -> None:
    assert run_chart([], "UTC") is None
    assert run_chart(runs(None, None), "UTC") is None


@pytest.mark.parametrize(
    ("longest", "ticks"),
    [
        (0, ("2 ms", "1 ms", "0")),
        (2, ("2 ms", "1 ms", "0")),
        (3, ("4 ms", "2 ms", "0")),
        (999, ("1 s", "500 ms", "0")),
        (1_001, ("2 s", "1 s", "0")),
        (59_000, ("1 min", "30 s", "0")),
        (61_000, ("2 min", "1 min", "0")),
        (3_600_000, ("1 h", "30 min", "0")),
        (86_400_000, ("1 d", "12 h", "0")),
        (100 * 86_400_000, ("100 d", "50 d", "0")),
        (4_294_967_294, ("100 d", "50 d", "0")),
    ],
)
def test_the_scale_is_round_in_the_units_of_people(longest: int, ticks: tuple[str, str, str]) -> None:
    assert drawn(longest).ticks == ticks


def test_the_oldest_run_stands_on_the_left_and_height_is_length() -> None:
    chart = drawn(500, 1_000)
    assert [bar.number for bar in chart.bars] == [1, 2]
    assert chart.bars[0].x < chart.bars[1].x
    assert [bar.y for bar in chart.bars] == [50, 0]


def test_one_very_long_run_does_not_flatten_the_others() -> None:
    chart = drawn(*[1_000] * 19, 500_000)
    assert chart.ticks[0] == "1 s"
    assert [bar.cut for bar in chart.bars] == [False] * 19 + [True]
    assert "longest 8 min 20 s" in chart.words


def test_a_failure_is_said_and_marked() -> None:
    chart = drawn(1_000, 2_000, kind="fail")
    assert all(bar.failed for bar in chart.bars)
    assert "2 of them failed" in chart.words
    assert ": fail, took 1.0 s" in chart.bars[0].title


@given(st.lists(st.one_of(st.none(), st.integers(0, 4_294_967_294)), min_size=1, max_size=120))
def test_no_bar_leaves_the_drawing_and_none_is_invisible(took: list[int | None]) -> None:
    chart = run_chart(runs(*took), "UTC")
    timed = [ms for ms in took if ms is not None]
    assert (chart is None) == (not timed)
    for bar in chart.bars if chart else []:
        assert bar.x >= 0
        assert bar.x + bar.width <= WIDTH + 0.1
        assert 0 <= bar.y < HEIGHT
        assert bar.width > 0
    assert len(chart.bars if chart else []) == len(timed)
