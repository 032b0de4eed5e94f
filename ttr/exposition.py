"""A reading in the words of Prometheus: every metric of `ttr/domain/metrics.py` and `ttr/domain/gauges.py`."""

import math
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import Metric as Family
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from ttr import __version__
from ttr.domain import gauges
from ttr.domain.gauges import GAUGES, Gauge
from ttr.domain.liveness import KINDS, STATES, Judged, Kind, Liveness, judge
from ttr.domain.metrics import METRICS, Metric, Observed, Sums
from ttr.installation import SILENT_MS, Figures
from ttr.queue_redis import QUEUE as QUEUE_NAME
from ttr.scrape import Reading
from ttr.store.vitals import Server, Vitals

Value = tuple[Gauge, tuple[str, ...], float]
"""A gauge, the values of its labels, and its own."""


class Readings(Collector):
    """One reading. Every metric is named, also one that has no value now."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def collect(self) -> Iterator[Family]:
        """The families, in the order of the catalogues."""
        found: dict[str, list[tuple[tuple[str, ...], float]]] = {}
        for gauge, labels, value in _values(self._reading):
            found.setdefault(gauge.name, []).append((labels, value))
        for gauge in GAUGES.values():
            yield _shown(gauge, found.get(gauge.name, []))
        vitals = self._reading.vitals
        for metric in METRICS.values():
            yield _summed(metric, vitals.sums if vitals else None)


def _shown(gauge: Gauge, values: list[tuple[tuple[str, ...], float]]) -> Family:
    if gauge.kind == "info":
        info = InfoMetricFamily(gauge.name.removesuffix("_info"), gauge.help)
        for labels, _ in values:
            info.add_metric([], dict(zip(gauge.labels, labels, strict=True)))
        return info
    if gauge.kind == "counter":
        counter = CounterMetricFamily(gauge.name.removesuffix("_total"), gauge.help, labels=gauge.labels)
        for labels, value in values:
            counter.add_metric(labels, value)
        return counter
    family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
    for labels, value in values:
        family.add_metric(labels, value)
    return family


def _summed(metric: Metric, sums: Sums | None) -> Family:
    if metric.kind == "counter":
        counter = CounterMetricFamily(metric.name.removesuffix("_total"), metric.help, labels=metric.labels)
        for labels, number in sorted(sums.counted.get(metric.name, {}).items()) if sums else ():
            counter.add_metric(labels, number)
        return counter
    histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, seen in sorted(sums.observed.get(metric.name, {}).items()) if sums else ():
        histogram.add_metric(labels, _buckets(metric, seen), seen.seconds)
    return histogram


def _buckets(metric: Metric, seen: Observed) -> list[tuple[str, float]]:
    """Of each upper end how many lie below it, as Prometheus counts them."""
    ends = (*metric.buckets, math.inf)
    below = accumulate(seen.buckets.get(end, 0) for end in ends)
    return [
        ("+Inf" if end == math.inf else str(end), number) for end, number in zip(ends, below, strict=True)
    ]


def _values(reading: Reading) -> Iterator[Value]:
    vitals, at = reading.vitals, reading.at
    yield gauges.APP, (__version__,), 1
    yield gauges.UP, (), vitals is not None and at - vitals.clock_tick <= SILENT_MS
    yield gauges.REDIS_UP, (), vitals is not None
    if vitals:
        yield from _of_vitals(vitals, at)
        yield from _of_processes(judge(vitals.processes, at), at)
        if vitals.server:
            yield from _of_server(vitals.server)
    if reading.figures:
        yield from _of_figures(reading.figures, at)


def _of_vitals(vitals: Vitals, at: int) -> Iterator[Value]:
    tick, archive = vitals.clock_tick, vitals.archive
    yield gauges.REDIS_TRIP, (), vitals.trip_seconds
    yield gauges.CLOCK_SILENT, (), _past(tick, at) if tick else math.inf
    yield gauges.OVERDUE_LAG, (), _past(vitals.deadline, at)
    yield gauges.OUTBOX, (), vitals.outbox
    yield gauges.OUTBOX_AGE, (), _past(vitals.outbox_oldest, at)
    yield gauges.ADDRESSES, (), vitals.addresses
    yield gauges.DELIVERY_LAG, (), _past(vitals.due, at)
    if archive:
        yield gauges.POSTGRES_UP, (), archive.state == "ok"
        if archive.saved_at:
            yield gauges.SNAPSHOT_LAG, (), _past(archive.saved_at, at)


def _of_processes(live: Liveness, at: int) -> Iterator[Value]:
    """Of a kind how many there are, and the worst of them. A series for each process would be left behind by it."""
    yield gauges.WORKERS, (), live.workers_online
    for work in live.missing():
        yield gauges.MISSING, (work,), 1
    for kind in KINDS:
        for state in STATES:
            yield gauges.PROCESSES, (kind, state), live.count(kind, state)
        some = [one.process for one in live.processes if one.process.kind == kind]
        if some:
            yield gauges.STARTED, (kind,), max(one.started_at for one in some) / 1_000
            yield gauges.HEARD, (kind,), max(_past(one.beat_at, at) for one in some)
            yield gauges.MEMORY, (kind,), max(one.gauges.get("rss_bytes", 0) for one in some)
            yield gauges.LAG, (kind,), max(one.gauges.get("loop_lag_ms", 0) for one in some) / 1_000
        yield from _of_loops(kind, [one for one in live.processes if one.process.kind == kind], at)
    speaking = [one.process for one in live.processes if one.state != "silent"]
    yield gauges.STREAMS, (), sum(one.gauges.get("streams", 0) for one in speaking)
    yield gauges.CONNECTIONS, (), sum(one.gauges.get("connections", 0) for one in speaking)


def _of_loops(kind: Kind, some: list[Judged], at: int) -> Iterator[Value]:
    # What a silent process's loops do nobody knows.
    speaking = [one for one in some if one.state != "silent"]
    for loop in sorted({*(name for one in speaking for name in (*one.process.loops, *one.stuck))}):
        turns = [one.process.loops[loop] for one in speaking if loop in one.process.loops]
        if turns:
            yield gauges.LOOP_SILENT, (kind, loop), _past(min(turns), at)
        yield gauges.LOOPS_STUCK, (kind, loop), sum(loop in one.stuck for one in speaking)


def _of_server(server: Server) -> Iterator[Value]:
    yield gauges.REDIS_MEMORY, (), server.memory
    yield gauges.REDIS_MEMORY_MAX, (), server.memory_max
    yield gauges.REDIS_CLIENTS, (), server.clients
    yield gauges.REDIS_AOF, (), server.aof
    yield gauges.REDIS_WRITTEN, (), server.written
    yield gauges.REDIS_SAVED, (), server.saved
    yield gauges.REDIS_COMMANDS, (), server.commands
    yield gauges.REDIS_REJECTED, (), server.rejected
    yield gauges.REDIS_EVICTED, (), server.evicted


def _of_figures(figures: Figures, at: int) -> Iterator[Value]:
    sums, jobs, blind = figures.sums, figures.jobs, figures.blind
    for status, number in (("up", sums.up), ("down", sums.down), ("new", sums.new), ("paused", sums.paused)):
        yield gauges.CHECKS, (status,), number
    yield gauges.LATE, (), sums.late
    yield gauges.RUNNING, (), sums.running
    yield gauges.ACCOUNTS, (), sums.accounts
    yield gauges.ACTIVE, (), sums.active
    yield gauges.CHANNELS, (), sums.channels
    yield gauges.PAGES, (), sums.status_pages
    yield gauges.FIGURES_AGE, (), _past(figures.at, at)
    yield gauges.WAITING, (), sums.alerts_waiting
    yield gauges.QUEUE_UP, (), jobs is not None
    if jobs:
        yield gauges.QUEUE, (QUEUE_NAME,), jobs.waiting
        yield gauges.FAILED_JOBS, (), jobs.failed
    if figures.failed is not None:
        yield gauges.GIVEN_UP, (), figures.failed
    yield gauges.GAPS, (), blind.times
    yield gauges.GAP_SECONDS, ("1d",), blind.day_ms / 1_000
    yield gauges.GAP_SECONDS, ("100d",), blind.known_ms / 1_000


def _past(moment: int | None, at: int) -> float:
    """Seconds since a moment, 0 when there is none or it is yet to come."""
    return max(0, at - moment) / 1_000 if moment is not None else 0
