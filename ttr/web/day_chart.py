"""The last days of a check as a few shapes: 200 checks with 90 bars each would be 18,000 elements. Pure.

Days in a row that are alike are one line, which its dashes cut into bars (`static/css/components/days.css`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from ttr.domain.moments import iso
from ttr.domain.uptime import DAY_MS, Spent
from ttr.web.charts import HEIGHT, STEP, percent
from ttr.web.words import length

_WIDTH = 8
_LEAST = 8
"""Height of the part for the time it was down, however short that was."""
_STUMP = 6
"""Height of a day on which there was nothing to judge."""


@dataclass(frozen=True, slots=True)
class BadDay:
    """A day on which it was down: where its bar stands, its date, and a sentence."""

    x: int
    date: str
    words: str


@dataclass(frozen=True, slots=True)
class DayChart:
    """Paths in a drawing of STEP a day and HEIGHT. `up` and `none` are lines to be stroked; `mixed_up` and `mixed_down`
    are the two parts of days with both, of which the outline tells as well."""

    width: int
    up: str
    none: str
    mixed_up: str
    mixed_down: str
    bad: tuple[BadDay, ...]
    """Newest first."""


def day_chart(days: Sequence[tuple[int, Spent]]) -> DayChart:
    """The chart of consecutive UTC days, oldest first."""
    lines: dict[str, list[str]] = {"up": [], "none": []}
    ups, downs = list[str](), list[str]()
    bad: list[BadDay] = []
    place = 0
    for kind, run in groupby(days, _kind):
        if kind != "down":
            many = sum(1 for _ in run)
            y = HEIGHT // 2 if kind == "up" else HEIGHT - _STUMP // 2
            lines[kind].append(f"M{place * STEP + 1} {y}h{many * STEP - STEP + _WIDTH}")
            place += many
            continue
        for number, spent in run:
            x, ratio = place * STEP + 1, spent.ratio or 0
            cut = min(HEIGHT, max(_LEAST, round((1 - ratio) * HEIGHT)))
            downs.append(f"M{x} 0h{_WIDTH}v{cut}h-{_WIDTH}z")
            if cut < HEIGHT - 2:
                ups.append(f"M{x} {cut + 2}h{_WIDTH}V{HEIGHT}h-{_WIDTH}z")
            date = iso(number * DAY_MS)[:10]
            bad.append(BadDay(x, date, f"{percent(spent.ratio)}, down for {length(spent.down)}"))
            place += 1
    bad.reverse()
    up, none = "".join(lines["up"]), "".join(lines["none"])
    return DayChart(len(days) * STEP, up, none, "".join(ups), "".join(downs), tuple(bad))


def _kind(day: tuple[int, Spent]) -> str:
    spent = day[1]
    return "down" if spent.down else "up" if spent.up else "none"


FILTERS: dict[str, Callable[..., object]] = {"day_chart": day_chart}
