"""What a check's page draws: its last days as bars. Pure; lengths are in units of the drawing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor
from typing import Literal

from ttr.domain.moments import iso
from ttr.domain.uptime import DAY_MS, Spent
from ttr.web.words import length

HEIGHT = 40
STEP = 10
_LEAST = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """One UTC day. A day that was partly down has a part cut off its top, so that its outline tells as well."""

    x: int
    kind: Literal["up", "down", "none"]
    """none: it was neither up nor down, so there is nothing to judge."""
    cut: int
    """Height of the part for the time it was down, from the top; at least 8 when it was down at all."""
    title: str


def bars(days: Sequence[tuple[int, Spent]]) -> list[Bar]:
    """The bars of consecutive UTC day numbers, oldest first."""
    return [_bar(place * STEP, day, spent) for place, (day, spent) in enumerate(days)]


def percent(ratio: float | None) -> str:
    """A share of time in words: "99.98 %", rounded down so that only a whole is "100 %"; "no data" for None."""
    if ratio is None:
        return "no data"
    hundredths = floor(ratio * 10_000 + 1e-9) if ratio < 1 else 10_000
    if ratio < 1:
        hundredths = min(hundredths, 9_999)
    whole, rest = divmod(hundredths, 100)
    return f"{whole}.{rest:02} %" if rest else f"{whole} %"


def _bar(x: int, day: int, spent: Spent) -> Bar:
    date = iso(day * DAY_MS)[:10]
    if spent.ratio is None:
        return Bar(x, "none", 0, f"{date}: {_unjudged(spent)}")
    if not spent.down:
        return Bar(x, "up", 0, f"{date}: 100 %")
    cut = min(HEIGHT, max(_LEAST, round((1 - spent.ratio) * HEIGHT)))
    return Bar(x, "down", cut, f"{date}: {percent(spent.ratio)}, down for {length(spent.down)}")


def _unjudged(spent: Spent) -> str:
    """Why a day has no ratio. Only one that was blind from end to end was not watched."""
    if spent.blind and not (spent.paused or spent.new):
        return "not watched"
    return "paused" if spent.paused else "no data"


FILTERS: dict[str, Callable[..., object]] = {"percent": percent}
