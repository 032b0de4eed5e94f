"""The recent pings of a check as a strip of bars, a path for each kind: no style, few bytes. Pure.

A failure is as high as the strip whatever it took, so that it differs in shape as well as in colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ttr.store.recent_runs import RUNS, RecentPing
from ttr.web.words import exact_length

HEIGHT = 18
STEP = 4
"""Pixels from bar to bar; a bar is 3 wide."""
WIDTH = RUNS * STEP - 1
_LEAST, _MOST, _PLAIN, _MARK = 4, 14, 8, 2
"""The height of the shortest run and of the longest, of one without a time, and of what is no end of a run."""
_ENDS = ("success", "fail")


@dataclass(frozen=True, slots=True)
class Strip:
    """Kind -> the `d` of its path, for a stroke 3 wide; and all of it in words."""

    paths: dict[str, str]
    words: str


def runs_strip(pings: Sequence[RecentPing]) -> Strip:
    """The strip of the newest pings, the last one at the right edge."""
    shown = pings[-RUNS:]
    longest = max((ping.duration_ms for ping in shown if ping.duration_ms is not None), default=0)
    paths: dict[str, list[str]] = {}
    for place, ping in enumerate(shown, RUNS - len(shown)):
        kind = ping.kind if ping.kind in _ENDS else "other"
        paths.setdefault(kind, []).append(f"M{place * STEP + 1.5:g} {HEIGHT}v-{_height(ping, longest)}")
    return Strip({kind: "".join(parts) for kind, parts in paths.items()}, _words(shown))


def _height(ping: RecentPing, longest: int) -> int:
    if ping.kind == "fail":
        return HEIGHT
    if ping.kind != "success":
        return _MARK
    if ping.duration_ms is None or longest == 0:
        return _PLAIN
    return _LEAST + round((_MOST - _LEAST) * ping.duration_ms / longest)


def _words(pings: Sequence[RecentPing]) -> str:
    if not pings:
        return "No pings yet"
    good, bad = (sum(ping.kind == kind for ping in pings) for kind in _ENDS)
    parts = [f"{good} success{'' if good == 1 else 'es'}"] if good else []
    parts += [f"{bad} failure{'' if bad == 1 else 's'}"] if bad else []
    count = "Last ping" if len(pings) == 1 else f"Last {len(pings)} pings"
    said = f"{count}: {', '.join(parts) or 'no run has ended'}"
    took = [ping.duration_ms for ping in pings if ping.duration_ms is not None]
    return f"{said}; runs of {exact_length(int(median(took)))}" if took else said
