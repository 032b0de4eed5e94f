"""Uptime: exact where the flips reach, in proportion before them, and never more than the time there was."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttr.domain.check import Status
from ttr.domain.flip import Flip
from ttr.domain.gaps import Gap
from ttr.domain.uptime import DAY_MS, DAYS, KINDS, STATUSES, WINDOWS, History, Kind, Spent, uptime

HOUR = 3_600_000
MINUTE = 60_000
NOW = 20_000 * DAY_MS + 15 * HOUR


@dataclass
class Timeline:
    """The whole truth about a check, and what the scripts keep of it: flips, the days before, our gaps."""

    created_at: int
    kept: int = 200
    truth: list[tuple[int, int, Status]] = field(default_factory=list)
    flips: list[Flip] = field(default_factory=list)
    days: dict[tuple[int, Kind], int] = field(default_factory=lambda: defaultdict(int))
    gaps: list[Gap] = field(default_factory=list)
    watched: int | None = None
    status: Status = "new"
    since: int = 0

    def __post_init__(self) -> None:
        self.since = self.created_at

    def turn(self, to: Status, at: int) -> None:
        """The status changes."""
        self.truth.append((self.since, at, self.status))
        self.flips.insert(0, Flip(len(self.truth), at, self.status, to, at - self.since))
        for old in self.flips[self.kept :]:
            self._let_go(old, at)
        del self.flips[self.kept :]
        self.status, self.since = to, at

    def _let_go(self, flip: Flip, now: int) -> None:
        start = flip.at - flip.lasted_ms
        for day in range(start // DAY_MS, flip.at // DAY_MS + 1):
            first, last = max(start, day * DAY_MS), min(flip.at, (day + 1) * DAY_MS)
            for kind, ms in self._split(flip.old, first, last, now).items():
                self.days[(day, kind)] += ms

    def _split(self, status: Status, start: int, end: int, now: int) -> dict[Kind, int]:
        gaps = [*self.gaps, *([] if self.watched is None else [(self.watched, now)])]
        blind = sum(max(0, min(end, ended) - max(start, begun)) for begun, ended in gaps)
        blind *= status != "paused"
        return {status: max(0, end - start) - blind, "blind": blind}

    def see_again(self, at: int) -> None:
        """The silence since `watched` ends, and is known as a gap from now on."""
        assert self.watched is not None
        self.gaps.append((self.watched, at))
        self.watched = None

    def history(self) -> History:
        """What is kept."""
        return History(
            self.created_at, self.status, self.since, self.flips, self.days, self.gaps, self.watched
        )

    def really(self, start: int, end: int, now: int) -> dict[Kind, int]:
        """Ms of each kind by adding up every stretch there was."""
        found = dict.fromkeys(KINDS, 0)
        for begun, ended, status in [*self.truth, (self.since, now, self.status)]:
            first, last = max(start, begun), min(end, ended)
            if first < last:
                for kind, ms in self._split(status, first, last, now).items():
                    found[kind] += ms
        return found

    @property
    def reach(self) -> int:
        """How far back the kept flips tell everything."""
        return self.flips[-1].at - self.flips[-1].lasted_ms if self.flips else self.since


STEPS = st.one_of(st.just(0), st.integers(1, 5_000), st.integers(0, 3 * HOUR), st.integers(0, 10 * DAY_MS))


# Silence is known as such after two seconds; nothing changes two hundred times before.
SILENCE = st.one_of(st.integers(2_001, 9_000), st.integers(2_001, 3 * HOUR), st.integers(2_001, 3 * DAY_MS))
STORY = st.lists(st.tuples(STEPS, st.sampled_from(STATUSES), st.none() | SILENCE, st.booleans()), max_size=40)


def moments(timeline: Timeline, story: list[tuple[int, Status, int | None, bool]], end: int) -> Iterator[int]:
    """Let a story happen; each moment at which something has, up to `end`."""
    at = timeline.created_at
    for step, status, silence, still_blind in story:
        if at + step + (silence or 0) > end:
            return
        at += step
        if silence is not None and timeline.watched is None:
            timeline.watched, at = at, at + silence
        timeline.turn(status, at)
        yield at
        if timeline.watched is not None and not still_blind:
            timeline.see_again(at)
            yield at


@st.composite
def timelines(draw: st.DrawFn, kept: st.SearchStrategy[int]) -> tuple[Timeline, int]:
    """A check made at any time of the last 95 days, and now."""
    now = NOW + draw(st.integers(0, DAY_MS))
    made = now - draw(st.one_of(st.integers(0, 2 * DAY_MS), st.integers(0, 95 * DAY_MS)))
    timeline = Timeline(made, kept=draw(kept))
    for _ in moments(timeline, draw(STORY), now):
        pass
    return timeline, now


def seen(spent: Spent) -> dict[str, int]:
    return {kind: getattr(spent, kind) for kind in KINDS}


@settings(deadline=None)
@given(st.integers(0, 3 * DAY_MS), st.integers(1, 6), STORY)
def test_a_day_that_is_over_never_changes(made: int, kept: int, story: list[Any]) -> None:
    timeline = Timeline(NOW - made, kept=kept)
    closed: dict[int, Spent] = {}
    for now in moments(timeline, story, NOW + 85 * DAY_MS):
        for day, spent in uptime(timeline.history(), now).days:
            if day < now // DAY_MS:
                assert closed.setdefault(day, spent) == spent


@settings(deadline=None)
@given(timelines(st.just(200)))
def test_where_all_flips_are_kept_every_figure_is_the_sum_of_its_stretches(
    given: tuple[Timeline, int],
) -> None:
    timeline, now = given
    figures = uptime(timeline.history(), now)
    for name, length in WINDOWS.items():
        assert seen(figures.windows[name]) == timeline.really(now - length, now, now), name
    for day, spent in figures.days:
        assert seen(spent) == timeline.really(day * DAY_MS, (day + 1) * DAY_MS, now), day


@settings(deadline=None)
@given(timelines(st.integers(1, 6)))
def test_before_the_flips_days_are_exact_and_only_the_day_at_a_window_s_edge_is_a_proportion(
    given: tuple[Timeline, int],
) -> None:
    timeline, now = given
    figures = uptime(timeline.history(), now)
    for day, spent in figures.days:
        assert seen(spent) == timeline.really(day * DAY_MS, (day + 1) * DAY_MS, now), day
    for name, length in WINDOWS.items():
        start, shown = now - length, seen(figures.windows[name])
        really = timeline.really(start, now, now)
        if start >= timeline.reach:
            assert shown == really
            continue
        # Where the edge cuts a day, up to four fractions of a millisecond are dropped.
        covered = now - max(start, timeline.created_at)
        assert covered - 4 <= sum(shown.values()) <= covered
        edge = start // DAY_MS
        end_of_edge = min((edge + 1) * DAY_MS, timeline.reach)
        told_by_day = timeline.really(max(edge * DAY_MS, timeline.created_at), end_of_edge, now)
        first = max(edge * DAY_MS, timeline.created_at)
        for status in KINDS:
            share = told_by_day[status] * (end_of_edge - max(start, first)) / max(1, end_of_edge - first)
            rest = timeline.really(max(end_of_edge, start), now, now)[status]
            assert shown[status] == pytest.approx(share + rest, abs=1), (name, status)


@settings(deadline=None)
@given(
    st.integers(NOW - 100 * DAY_MS, NOW + HOUR),
    st.integers(NOW - 100 * DAY_MS, NOW + HOUR),
    st.lists(
        st.tuples(
            st.integers(NOW - 100 * DAY_MS, NOW + HOUR), st.integers(0, 9 * DAY_MS), st.sampled_from(STATUSES)
        ),
        max_size=20,
    ),
    st.dictionaries(
        st.tuples(st.integers(NOW // DAY_MS - 100, NOW // DAY_MS + 1), st.sampled_from(KINDS)),
        st.integers(0, 3 * DAY_MS),
        max_size=100,
    ),
    st.lists(st.tuples(st.integers(NOW - 99 * DAY_MS, NOW + HOUR), st.integers(1, DAY_MS)), max_size=9),
    st.none() | st.integers(NOW - DAY_MS, NOW + HOUR),
)
def test_however_the_clock_was_set_nothing_is_negative_or_longer_than_the_time_there_was(
    created_at: int,
    since: int,
    flips: list[tuple[int, int, Status]],
    days: dict[tuple[int, Kind], int],
    blind: list[Gap],
    watched: int | None,
) -> None:
    gaps = [(start, start + length) for start, length in blind]
    kept = [Flip(1, at, old, "up", lasted) for at, lasted, old in flips]
    figures = uptime(History(created_at, "down", since, kept, days, gaps, watched), NOW)
    spans = [(spent, NOW - WINDOWS[name], NOW) for name, spent in figures.windows.items()]
    spans += [(spent, day * DAY_MS, min(NOW, (day + 1) * DAY_MS)) for day, spent in figures.days]
    for spent, start, end in spans:
        assert min(seen(spent).values()) >= 0
        assert sum(seen(spent).values()) <= max(0, end - max(start, created_at))
        assert spent.ratio is None or 0 <= spent.ratio <= 1


def test_a_check_that_was_just_made_has_no_ratio() -> None:
    figures = uptime(Timeline(NOW - 1_000).history(), NOW)
    assert figures.windows["24h"] == Spent(new=1_000)
    assert figures.windows["90d"].ratio is None


def test_pauses_and_newness_are_left_out_of_the_ratio() -> None:
    timeline = Timeline(NOW - 10 * HOUR)
    timeline.turn("up", NOW - 9 * HOUR)
    timeline.turn("down", NOW - 6 * HOUR)
    timeline.turn("paused", NOW - 5 * HOUR)
    day = uptime(timeline.history(), NOW).windows["24h"]
    assert day == Spent(new=HOUR, up=3 * HOUR, down=HOUR, paused=5 * HOUR)
    assert day.ratio == 0.75


def test_the_open_stretch_counts_up_to_now() -> None:
    timeline = Timeline(NOW - 400 * DAY_MS)
    timeline.turn("up", NOW - 399 * DAY_MS)
    figures = uptime(timeline.history(), NOW)
    assert {name: spent.up for name, spent in figures.windows.items()} == WINDOWS
    assert figures.windows["90d"].ratio == 1


def test_the_days_are_ninety_and_end_with_today_up_to_now() -> None:
    timeline = Timeline(NOW - 2 * DAY_MS)
    timeline.turn("up", NOW - 2 * DAY_MS)
    days = uptime(timeline.history(), NOW).days
    assert [day for day, _ in days] == list(range(NOW // DAY_MS - DAYS + 1, NOW // DAY_MS + 1))
    assert [spent.up for _, spent in days[-4:]] == [0, 9 * HOUR, DAY_MS, 15 * HOUR]


def test_of_the_day_that_a_window_cuts_before_the_flips_the_part_inside_counts() -> None:
    # Made at midnight two days ago; an hour down in the morning of that day, too old for the one flip that is kept.
    midnight = NOW // DAY_MS * DAY_MS - DAY_MS
    timeline = Timeline(midnight, kept=1)
    timeline.turn("up", midnight)
    timeline.turn("down", midnight + 6 * HOUR)
    timeline.turn("up", midnight + 12 * HOUR)
    timeline.turn("paused", NOW - 2 * HOUR)
    timeline.turn("up", NOW - HOUR)
    day = uptime(timeline.history(), NOW).windows["24h"]
    # The cut day is 18 h up and 6 h down; its last 9 h are inside.
    assert day == Spent(up=9 * HOUR * 18 // 24 + 14 * HOUR, down=9 * HOUR * 6 // 24, paused=HOUR)


def test_when_the_clock_was_set_back_the_newer_word_counts() -> None:
    timeline = Timeline(NOW - 5 * HOUR)
    timeline.turn("up", NOW - 2 * HOUR)
    history = timeline.history()
    back = Flip(2, NOW - 3 * HOUR, "up", "down", 0)
    history = History(history.created_at, "down", back.at, [back, *history.flips], history.days)
    assert uptime(history, NOW).windows["24h"] == Spent(new=2 * HOUR, down=3 * HOUR)


def test_our_gaps_are_neither_up_nor_down_and_a_pause_stays_a_pause() -> None:
    timeline = Timeline(NOW - 10 * HOUR)
    timeline.gaps = [
        (NOW - 11 * HOUR, NOW - 10 * HOUR + MINUTE),  # begins before the check
        (NOW - 9 * HOUR - MINUTE, NOW - 9 * HOUR + MINUTE),  # over a change
        (NOW - 4 * HOUR, NOW - 3 * HOUR),  # in a pause
        (NOW - 2 * HOUR, NOW - HOUR),
    ]
    timeline.turn("up", NOW - 9 * HOUR)
    timeline.turn("paused", NOW - 5 * HOUR)
    timeline.turn("down", NOW - 3 * HOUR)
    day = uptime(timeline.history(), NOW).windows["24h"]
    assert day == Spent(
        new=HOUR - 2 * MINUTE, up=4 * HOUR - MINUTE, down=2 * HOUR, paused=2 * HOUR, blind=HOUR + 3 * MINUTE
    )


@pytest.mark.parametrize(("silence", "blind"), [(2_000, 0), (2_001, 2_001)])
def test_a_silence_that_goes_on_is_a_gap_after_two_seconds(silence: int, blind: int) -> None:
    timeline = Timeline(NOW - HOUR, watched=NOW - silence)
    assert uptime(timeline.history(), NOW).windows["24h"] == Spent(new=HOUR - blind, blind=blind)


def test_a_silence_that_begins_within_an_older_gap_is_not_blind_twice() -> None:
    timeline = Timeline(NOW - 5 * HOUR, watched=NOW - 3 * HOUR)
    timeline.gaps = [(NOW - 4 * HOUR, NOW - 3 * HOUR + MINUTE), (NOW - 2 * HOUR, NOW - HOUR)]
    assert uptime(timeline.history(), NOW).windows["24h"] == Spent(new=HOUR, blind=4 * HOUR)
