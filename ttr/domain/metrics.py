"""What is counted and timed, in which words Prometheus hears of it, and with which labels and buckets.

The names of the seed stay, under our prefix. Labels take few values: routes, statuses, kinds; never a check or an
account, of which there may be a million.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """A counter, or a histogram of seconds with the upper ends of its buckets."""

    name: str
    kind: Literal["counter", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_SHORT = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
_SENT = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_WAITED = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0)

REQUESTS = Metric(
    "ttr_api_requests_total",
    "counter",
    "Requests that were answered, by method, template of the route and status.",
    ("method", "endpoint", "status"),
)
REQUEST_SECONDS = Metric(
    "ttr_api_request_duration_seconds",
    "histogram",
    "Time that a page or a call took; without pings, files, badges, streams and /health.",
    ("method", "endpoint"),
    _SHORT,
)
PINGS = Metric(
    "ttr_pings_total",
    "counter",
    "Requests at ping URLs, by the signal they brought (none: refused before it was known) and the answer.",
    ("kind", "answer"),
)
PING_SECONDS = Metric(
    "ttr_ping_process_time_seconds",
    "histogram",
    "Time from a ping that was read whole to its answer.",
    (),
    (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0),
)
RUN_SECONDS = Metric(
    "ttr_check_duration_seconds",
    "histogram",
    "Time from a job's start to its end, of runs that told both.",
    (),
    (1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1_800.0, 3_600.0),
)
OVERDUE_SECONDS = Metric(
    "ttr_overdue_delay_seconds",
    "histogram",
    "Time from a deadline until the clock found that it had passed.",
    (),
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0),
)
ALERTS = Metric("ttr_alerts_total", "counter", "Alerts that became deliveries, by kind of event.", ("kind",))
NOTIFICATIONS = Metric(
    "ttr_notifications_sent_total",
    "counter",
    "Attempts to notify, tests among them, by success or error and kind of channel.",
    ("status", "type"),
)
OUTCOMES = Metric(
    "ttr_delivery_outcomes_total",
    "counter",
    "The same attempts by kind of channel and what became of them: delivered, or why not.",
    ("type", "outcome"),
)
SEND_SECONDS = Metric(
    "ttr_delivery_latency_seconds",
    "histogram",
    "Time that a service took to answer an attempt.",
    ("type",),
    _SENT,
)
QUEUE_SECONDS = Metric(
    "ttr_queue_latency_seconds",
    "histogram",
    "Time from a message that is due to its first attempt; waiting for a destination's rate counts.",
    (),
    _WAITED,
)
REDIS_SECONDS = Metric(
    "ttr_redis_command_duration_seconds",
    "histogram",
    "Time of a round trip to Redis, waiting for a connection included; a pipeline is one.",
    (),
    (0.001, 0.005, 0.01, 0.05, 0.1, 0.5),
)
DB_SECONDS = Metric(
    "ttr_db_query_duration_seconds",
    "histogram",
    "Time in which Postgres answered a page or a call, or in which it was given up.",
    (),
    _SHORT,
)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        REQUESTS,
        REQUEST_SECONDS,
        PINGS,
        PING_SECONDS,
        RUN_SECONDS,
        OVERDUE_SECONDS,
        ALERTS,
        NOTIFICATIONS,
        OUTCOMES,
        SEND_SECONDS,
        QUEUE_SECONDS,
        REDIS_SECONDS,
        DB_SECONDS,
    )
}
"""By name."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What a histogram has seen: how often, by its buckets' upper ends ("inf" for beyond) each for itself, and the sum
    of the seconds."""

    buckets: dict[float, int]
    seconds: float

    @property
    def count(self) -> int:
        """How many."""
        return sum(self.buckets.values())


@dataclass(frozen=True, slots=True)
class Sums:
    """What all processes have counted and seen together, by metric, then by the values of its labels."""

    counted: dict[str, dict[tuple[str, ...], int]]
    observed: dict[str, dict[tuple[str, ...], Observed]]

    def count(self, metric: Metric, **labels: str) -> int:
        """A counter's sum over all series with these labels."""
        wanted = [(metric.labels.index(name), value) for name, value in labels.items()]
        return sum(
            number
            for values, number in self.counted.get(metric.name, {}).items()
            if all(values[place] == value for place, value in wanted)
        )


@dataclass(frozen=True, slots=True)
class Windowed:
    """What a histogram has seen of late, all labels together."""

    count: int
    seconds: float

    @property
    def average(self) -> float | None:
        """Seconds; None when there was nothing."""
        return self.seconds / self.count if self.count else None
