"""What a status page shows to everybody: of each check what is safe to tell, and one line about all of them. Pure.

Never in it: UUIDs, ping URLs and slugs, descriptions, reasons, bodies, addresses, agents, channels.
"""

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ttr.domain.check import Check, Status
from ttr.domain.flip import Flip
from ttr.domain.schedule import Schedule
from ttr.domain.shown import Shown
from ttr.domain.status_page import StatusPage
from ttr.domain.uptime import History, Spent, uptime

ACTIVITY_MAX = 3
"""The newest pings of a check that are shown."""

OverallStatus = Literal["up", "late", "down", "paused", "new", "empty"]


@dataclass(frozen=True, slots=True)
class Activity:
    """One ping: what it said, when (ms), and roughly from where."""

    at: int
    kind: str
    """success, start or fail."""
    country_code: str = "XX"
    country_name: str = "Unknown"
    connection_type: str = "Unknown"


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which a check was down; `ended` is None while it still is (ms)."""

    began: int
    ended: int | None


@dataclass(frozen=True, slots=True)
class PublishedCheck:
    """A check as everybody may see it. Times are ms UTC."""

    id: int
    name: str
    tags: tuple[str, ...]
    shown: Shown
    status: Status
    running: bool
    since: int
    """Since when it has the status."""
    created_at: int
    schedule: Schedule
    grace_seconds: int
    last_ping: int | None
    last_duration_ms: int | None
    ratios: Mapping[str, float | None]
    """Uptime by the windows of `ttr/domain/uptime.py`."""
    first_day: int
    """The UTC day number of the first of the days."""
    spent: "array[int]"
    """Of each day ms new, up, down and paused. In one piece: pages are kept, and as one value a day 17 of them with 500
    checks were 190 MB, through which the garbage collector went for 0.7 s while nobody was answered."""
    outages: tuple[Outage, ...]
    """The newest ones, newest first."""
    activity: tuple[Activity, ...]

    @property
    def days(self) -> list[tuple[int, Spent]]:
        """The last UTC days, today last."""
        numbers = range(0, len(self.spent), 4)
        return [(self.first_day + i, Spent(*self.spent[at : at + 4])) for i, at in enumerate(numbers)]


@dataclass(frozen=True, slots=True)
class PublishedGroup:
    """The checks below one heading; "" for those before the first."""

    heading: str
    checks: tuple[PublishedCheck, ...]


@dataclass(frozen=True, slots=True)
class Overall:
    """All checks of a page at once; the shown words add up to `total`, running ones are besides."""

    status: OverallStatus
    total: int
    up: int
    late: int
    down: int
    new: int
    paused: int
    running: int


@dataclass(frozen=True, slots=True)
class Published:
    """A status page as of one moment."""

    page: StatusPage
    public_slug: str
    groups: tuple[PublishedGroup, ...]
    overall: Overall
    left_out: bool
    """Whether the page stands for more checks than it can show."""
    made_at: int
    until: int
    """When time alone changes what is shown, at the latest (ms)."""
    watching: bool
    """Whether somebody looks for overdue checks at the moment."""

    @property
    def checks(self) -> list[PublishedCheck]:
        """All checks, in order."""
        return [check for group in self.groups for check in group.checks]


def publish(
    check: Check, history: History, activity: Sequence[Activity], *, shown: Shown, now: int
) -> PublishedCheck:
    """What is safe to tell of a check at `now` (ms)."""
    figures = uptime(history, now)
    return PublishedCheck(
        id=check.id,
        name=check.name,
        tags=tuple(tag.name for tag in check.tags),
        shown=shown,
        status=check.status,
        running=check.running and check.status != "paused",
        since=check.status_since,
        created_at=check.created_at,
        schedule=check.settings.schedule,
        grace_seconds=check.settings.grace_seconds,
        last_ping=check.last_ping,
        last_duration_ms=check.last_duration_ms,
        ratios={name: spent.ratio for name, spent in figures.windows.items()},
        first_day=figures.days[0][0],
        spent=array("q", [ms for _, day in figures.days for ms in (day.new, day.up, day.down, day.paused)]),
        outages=_outages(check, history.flips),
        activity=tuple(activity[:ACTIVITY_MAX]),
    )


def overall(checks: Sequence[PublishedCheck]) -> Overall:
    """The worst of what is watched: one that is down outweighs all, a paused one nothing."""
    found = Counter(check.shown for check in checks)
    status: OverallStatus = "empty"
    for one in ("down", "late", "up", "new", "paused"):
        if found[one]:
            status = one
            break
    return Overall(
        status,
        len(checks),
        found["up"],
        found["late"],
        found["down"],
        found["new"],
        found["paused"],
        sum(check.running for check in checks),
    )


_OUTAGES_MAX = 3


def _outages(check: Check, flips: Sequence[Flip]) -> tuple[Outage, ...]:
    found = [Outage(check.status_since, None)] if check.status == "down" else []
    for flip in flips:
        if flip.old == "down" and len(found) < _OUTAGES_MAX:
            found.append(Outage(flip.at - flip.lasted_ms, flip.at))
    return tuple(found)
