"""A year of uptime by calendar months. Pure."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import groupby

from ttr.domain.moments import iso
from ttr.domain.uptime import DAY_MS, Spent

_NAMES = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@dataclass(frozen=True, slots=True)
class Month:
    """A UTC month, or of today's what has passed."""

    name: str
    """Such as "Nov 2026"."""
    spent: Spent
    down_width: float
    """Of a bar 100 wide; at least 2 when it was down at all."""


def months(days: Sequence[tuple[int, Spent]]) -> list[Month]:
    """The months of consecutive UTC days, newest first, without one that the first day cuts."""
    found = []
    for name, group in groupby(days, lambda day: iso(day[0] * DAY_MS)[:7]):
        some = list(group)
        if iso(some[0][0] * DAY_MS)[8:10] != "01":
            continue
        spent = Spent(*(sum(kind) for kind in zip(*(astuple(one) for _, one in some), strict=True)))
        down = 0 if not spent.down else max(2.0, round(100 * (1 - (spent.ratio or 0)), 1))
        found.append(Month(f"{_NAMES[int(name[5:]) - 1]} {name[:4]}", spent, down))
    return found[::-1]
