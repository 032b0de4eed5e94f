"""How long the runs of a check took, as bars under a scale that people read at a glance. Pure.

Lengths are in units of the drawing, which the page stretches: WIDTH by HEIGHT, y down. Labels stand beside it as text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ttr.store.ping_log import PingEntry
from ttr.web.words import exact, exact_length, length

WIDTH, HEIGHT = 600, 100
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
_STEPS = [n * unit for unit in (1, 10, 100) for n in (1, 2, 5)]
_STEPS += [n * _SECOND for n in (1, 2, 5, 10, 15, 30)]
_STEPS += [n * _MINUTE for n in (1, 2, 5, 10, 15, 30)]
_STEPS += [n * _HOUR for n in (1, 2, 3, 6, 12)]
_STEPS += [n * _DAY for n in (1, 2, 5, 10, 20, 50)]
_WIDEST = 24
"""Few runs make bars no wider than this."""
_LEAST = 1.5
_OUTLIER = 4
"""A run that took so many times as long as nine in ten of the others is cut off, or it would flatten them all."""


@dataclass(frozen=True, slots=True)
class RunBar:
    """A run: its bar, and what it is in words."""

    x: float
    width: float
    y: float
    """The bar's top; its foot is at HEIGHT."""
    failed: bool
    cut: bool
    """Whether it is longer than the drawing is high."""
    title: str
    number: int


@dataclass(frozen=True, slots=True)
class RunChart:
    """The drawing, its scale from the top down, and the same in words."""

    bars: list[RunBar]
    ticks: tuple[str, str, str]
    words: str


def run_chart(pings: Sequence[PingEntry], tz: str) -> RunChart | None:
    """The runs among these pings, newest first, with their times as they read in `tz`; None when none was timed."""
    runs = [ping for ping in reversed(pings) if ping.duration_ms is not None]
    if not runs:
        return None
    took = [run.duration_ms or 0 for run in runs]
    step = scale(took)
    room = WIDTH / len(runs)
    width = min(room * 0.75, _WIDEST)
    bars = [
        RunBar(
            x=round(place * room + (room - width) / 2, 1),
            width=round(width, 1),
            y=round(HEIGHT - max(_LEAST, min(1, ms / (2 * step)) * HEIGHT), 1),
            failed=run.kind == "fail",
            cut=ms > 2 * step,
            title=f"Ping {run.number}, {exact(run.at, tz)}: {run.kind}, took {exact_length(ms)}",
            number=run.number,
        )
        for place, (run, ms) in enumerate(zip(runs, took, strict=True))
    ]
    return RunChart(bars, (length(2 * step), length(step), "0"), _words(runs, took))


def scale(took: Sequence[int]) -> int:
    """Half of what a drawing of such runs (ms) is high, ms."""
    return _step(_most_shown(took))


def _most_shown(took: Sequence[int]) -> int:
    """The longest run that has to fit."""
    usual = sorted(took)[(len(took) * 9 - 1) // 10]
    return max(ms for ms in took if ms <= _OUTLIER * max(usual, 1))


def _step(most: int) -> int:
    """Half of the scale: the least round length of which two are enough."""
    return next((step for step in _STEPS if 2 * step >= most), max(1, -(-most // 2)))


def _words(runs: Sequence[PingEntry], took: Sequence[int]) -> str:
    if len(runs) == 1:
        return f"The one timed run took {exact_length(took[0])}."
    failed = sum(run.kind == "fail" for run in runs)
    said = (
        f"{len(runs)} timed runs: median {exact_length(int(median(took)))}, longest {exact_length(max(took))}"
    )
    return f"{said}, {failed} of them failed." if failed else f"{said}."
