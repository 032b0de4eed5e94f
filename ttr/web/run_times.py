"""How long the runs of weeks and months took, a bar for each stretch of time. Pure; lengths as in `run_chart`."""

from collections.abc import Sequence
from dataclasses import dataclass

from ttr.archive.history import RunTimes
from ttr.domain.uptime import DAY_MS
from ttr.web.run_chart import HEIGHT, WIDTH, scale
from ttr.web.words import exact, exact_length, length

_HOUR = 3_600_000
_LEAST = 1.5


@dataclass(frozen=True, slots=True)
class Range:
    """A time that ends now, and the stretches it is cut into: 53 to 90 of them are told apart on a phone."""

    words: str
    stretches: int
    step_ms: int
    step: str

    def since(self, now: int) -> int:
        """Where it begins, ms UTC: its stretches begin at whole hours, those of days and weeks at midnight."""
        unit = min(self.step_ms, DAY_MS)
        return -(-now // unit) * unit - self.stretches * self.step_ms


RANGES = {
    "7d": Range("7 days", 84, 2 * _HOUR, "2 hours"),
    "30d": Range("30 days", 60, 12 * _HOUR, "12 hours"),
    "90d": Range("90 days", 90, DAY_MS, "day"),
    "365d": Range("a year", 53, 7 * DAY_MS, "week"),
}
"""By their names in addresses."""
DEFAULT_RANGE = "30d"


@dataclass(frozen=True, slots=True)
class StretchBar:
    """A stretch with runs: tops of its shortest run, its median and its longest; all stand at HEIGHT. They are None
    where no run was timed: then only failures are marked."""

    x: float
    width: float
    least: float | None
    median: float | None
    most: float | None
    failed: bool
    cut: bool
    """Whether the longest run is longer than the drawing is high."""
    title: str


@dataclass(frozen=True, slots=True)
class RunTimesChart:
    """The drawing, its scale from the top down, and the same in words."""

    bars: list[StretchBar]
    ticks: tuple[str, str, str]
    words: str


def run_times_chart(found: Sequence[RunTimes], of: Range, now: int, tz: str) -> RunTimesChart | None:
    """The chart of the stretches with runs, oldest first, with times as they read in `tz`; None without any run."""
    if not found:
        return None
    # By the medians: in nearly every week some run takes many times as long as the others.
    step = scale([stretch.median for stretch in found if stretch.median is not None] or [0])
    room, since = WIDTH / of.stretches, of.since(now)
    bars = [_bar(stretch, (stretch.at - since) // of.step_ms * room, room, step, tz) for stretch in found]
    return RunTimesChart(bars, (length(2 * step), length(step), "0"), _words(found, of))


def _bar(stretch: RunTimes, x: float, room: float, step: int, tz: str) -> StretchBar:
    def top(ms: int | None) -> float | None:
        return None if ms is None else round(HEIGHT - max(_LEAST, min(1, ms / (2 * step)) * HEIGHT), 1)

    return StretchBar(
        x=round(x + room / 8, 1),
        width=round(room * 0.75, 1),
        least=top(stretch.least),
        median=top(stretch.median),
        most=top(stretch.most),
        failed=stretch.failures > 0,
        cut=(stretch.most or 0) > 2 * step,
        title=_title(stretch, tz),
    )


def _title(stretch: RunTimes, tz: str) -> str:
    said = f"From {exact(stretch.at, tz)}: {_count(stretch.runs, 'run')}"
    if stretch.failures:
        said += f", {stretch.failures:,} failed"
    if stretch.median is None or stretch.least is None or stretch.most is None:
        return said
    return (
        f"{said}; median {exact_length(stretch.median)}, "
        f"shortest {exact_length(stretch.least)}, longest {exact_length(stretch.most)}"
    )


def _words(found: Sequence[RunTimes], of: Range) -> str:
    runs, failures = sum(one.runs for one in found), sum(one.failures for one in found)
    said = f"{_count(runs, 'run')} ended in {of.words}"
    timed = [one for one in found if one.least is not None and one.most is not None]
    if timed:
        least, most = min(one.least or 0 for one in timed), max(one.most or 0 for one in timed)
        said += f": shortest {exact_length(least)}, longest {exact_length(most)}"
    return f"{said}; {failures:,} failed." if failures else f"{said}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
