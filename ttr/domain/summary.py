"""The installation in a few figures: what there is, how long things took of late, and whether that is well. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ttr.domain.metrics import (
    DB_SECONDS,
    PING_SECONDS,
    QUEUE_SECONDS,
    REDIS_SECONDS,
    REQUEST_SECONDS,
    Metric,
    Windowed,
)

Part = Literal["api", "db", "redis", "queue", "ping"]
Colour = Literal["green", "yellow", "red", "unknown"]
State = Literal["well", "slow", "stuck", "no-worker", "queue-away", "silent"]


@dataclass(frozen=True, slots=True)
class Latency:
    """What a time is measured by, and the seconds above which its average is yellow, and red."""

    metric: Metric
    yellow: float
    red: float


LATENCIES: Mapping[Part, Latency] = {
    "api": Latency(REQUEST_SECONDS, 0.5, 1.0),
    "db": Latency(DB_SECONDS, 0.1, 0.5),
    "redis": Latency(REDIS_SECONDS, 0.01, 0.1),
    "queue": Latency(QUEUE_SECONDS, 1.0, 5.0),
    "ping": Latency(PING_SECONDS, 0.15, 0.5),
}
"""The seed's five, with its limits."""


@dataclass(frozen=True, slots=True)
class Summary:
    """`averages` are seconds of the last five minutes, None where nothing was measured. `queue_depth` is None while the
    job queue's Redis is away. `missing` is the work that nobody does (`ttr/domain/liveness.py`).
    """

    checks: int
    users: int
    sent: int
    averages: Mapping[Part, float | None]
    queue_depth: int | None
    workers: int
    clock_is_silent: bool
    missing: tuple[str, ...]

    def colour(self, part: Part) -> Colour:
        """How a part does."""
        return colour(LATENCIES[part], self.averages[part])

    @property
    def state(self) -> State:
        """How all of it does, in one word: the worst that is known. One average that is red makes it slow."""
        if self.clock_is_silent:
            return "silent"
        if self.queue_depth is None:
            return "queue-away"
        if self.workers == 0:
            return "no-worker"
        if self.missing:
            return "stuck"
        return "slow" if any(self.colour(part) == "red" for part in LATENCIES) else "well"


def colour(latency: Latency, average: float | None) -> Colour:
    """The colour of an average in seconds; unknown without one."""
    if average is None:
        return "unknown"
    if average > latency.red:
        return "red"
    return "yellow" if average > latency.yellow else "green"


def averages(window: Mapping[str, Windowed], *, db: bool) -> dict[Part, float | None]:
    """The averages of a window by metric's name; none of the database while it does not answer (`db`): what was given
    up says nothing about how fast it is.
    """
    found: dict[Part, float | None] = {}
    for part, latency in LATENCIES.items():
        seen = window.get(latency.metric.name)
        found[part] = seen.average if seen and (db or part != "db") else None
    return found
