"""What pages show of the installation's summary, in words and shapes, and to whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from quart import g

from ttr import __version__, current
from ttr.domain.summary import Colour, Part, State, Summary
from ttr.summary import summaries
from ttr.web.live import digest

Mark = tuple[str, str, str]
"""A state as templates/ui/mark.html draws it: shape, word and tone."""

_COLOURS: Mapping[Colour, Mark] = MappingProxyType(
    {
        "green": ("success", "good", "up"),
        "yellow": ("late", "slow", "late"),
        "red": ("down", "very slow", "down"),
        "unknown": ("ignored", "no data", "paused"),
    }
)
_STATES: Mapping[State, Mark] = MappingProxyType(
    {
        "well": ("success", "all well", "up"),
        "slow": ("late", "slow", "late"),
        "stuck": ("late", "stuck", "late"),
        "no-worker": ("late", "no worker", "late"),
        "queue-away": ("late", "queue away", "late"),
        "silent": ("down", "clock silent", "down"),
    }
)
_AWAY: Mark = ("down", "no figures", "down")
_NAMES: Mapping[Part, str] = MappingProxyType(
    {
        "ping": "Pings",
        "api": "Pages and calls",
        "redis": "Redis",
        "db": "Postgres",
        "queue": "Alert queue",
    }
)
"""In the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Time:
    """A latency as it is shown."""

    name: str
    words: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Seen:
    """What whoever asks may see. `summary` is None while there is none to be had; `below` is where the figures are
    fetched anew.
    """

    summary: Summary | None
    below: str

    @property
    def state(self) -> Mark:
        """How all of it does."""
        return _STATES[self.summary.state] if self.summary else _AWAY

    @property
    def times(self) -> tuple[Time, ...]:
        """The latencies."""
        found = self.summary
        if found is None:
            return ()
        return tuple(
            Time(name, time_words(found.averages[part]), _COLOURS[found.colour(part)])
            for part, name in _NAMES.items()
        )

    @property
    def foot(self) -> str:
        """A word for what the foot of a page shows."""
        found = self.summary
        pings = time_words(found.averages["ping"]) if found else ""
        return digest(__version__, self.state, found and found.workers, pings)

    @property
    def panel(self) -> str:
        """A word for what the panel shows."""
        found = self.summary
        if found is None:
            return digest(None)
        counts = (found.checks, found.users, found.sent, found.queue_depth, found.workers)
        return digest(counts, found.clock_is_silent, found.missing, self.times)


async def seen() -> Seen | None:
    """The summary for whoever asks; None when it is for admins and that is none."""
    if current.settings().metrics_summary == "public":
        return Seen(await summaries().soon(), "/operations")
    # Only their own pages know admins: their cookie goes nowhere else.
    return Seen(await summaries().soon(), "/admin/operations") if g.get("admin") else None


def time_words(seconds: float | None) -> str:
    """An average in so few digits that it moves seldom: "under 1 ms", "12 ms", "1.4 s", "75 s"; "" for none."""
    if seconds is None:
        return ""
    ms = round(seconds * 1_000)
    if ms < 1:
        return "under 1 ms"
    if ms < 1_000:
        return f"{ms} ms"
    return f"{seconds:.1f} s" if round(seconds, 1) < 10 else f"{seconds:,.0f} s"


FILTERS = {"time_words": time_words}
