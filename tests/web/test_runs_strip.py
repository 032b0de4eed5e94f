"""The strip of recent pings: a path for each kind, and the same in words."""

import re

import pytest

from ttr.store.recent_runs import RUNS, RecentPing
from ttr.web.runs_strip import HEIGHT, WIDTH, runs_strip


def bars(path: str) -> list[tuple[float, int]]:
    return [(float(x), int(height)) for x, height in re.findall(r"M([\d.]+) 18v-(\d+)", path)]


def test_nothing_is_no_picture() -> None:
    strip = runs_strip([])
    assert (strip.paths, strip.words) == ({}, "No pings yet")


def test_failures_are_as_high_as_the_strip_and_runs_as_high_as_they_are_long() -> None:
    pings = [RecentPing("success", ms) for ms in (0, 500, 1_000)] + [
        RecentPing("fail", 1),
        RecentPing("start", None),
    ]
    paths = runs_strip(pings).paths
    assert [height for _, height in bars(paths["success"])] == [4, 9, 14]
    assert [height for _, height in bars(paths["fail"])] == [HEIGHT]
    assert [height for _, height in bars(paths["other"])] == [2]


def test_the_last_ping_stands_at_the_right_edge_and_none_outside() -> None:
    for count in (1, RUNS - 1, RUNS, RUNS + 1):
        places = [x for x, _ in bars(runs_strip([RecentPing("success", None)] * count).paths["success"])]
        assert len(places) == min(count, RUNS)
        assert max(places) + 1.5 == WIDTH
        assert min(places) >= 1.5


@pytest.mark.parametrize(
    ("pings", "words"),
    [
        ([RecentPing("success", None)], "Last ping: 1 success"),
        ([RecentPing("log", None)], "Last ping: no run has ended"),
        (
            [RecentPing("success", 3_200), RecentPing("fail", None)],
            "Last 2 pings: 1 success, 1 failure; runs of 3.2 s",
        ),
        ([RecentPing("fail", 0)] * 3, "Last 3 pings: 3 failures; runs of 0 ms"),
    ],
)
def test_it_says_the_same_in_words(pings: list[RecentPing], words: str) -> None:
    assert runs_strip(pings).words == words
