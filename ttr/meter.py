"""What this process has counted and timed since it last told Redis, where the sums of all processes are.

One meter a process, as there is one log: `count` and `observe` are called wherever something happens, by the thread of
the event loop alone, and cost about a microsecond. A process that is killed takes what it has not told with it, a
second's worth (`ttr/heartbeat.py`).
"""

import os
import secrets
from bisect import bisect_left
from dataclasses import dataclass, field

from ttr.domain.metrics import Metric

Series = tuple[str, tuple[str, ...]]
"""A metric's name and the values of its labels."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a process has to add to the sums, under a number that grows by one each time. What a histogram saw is a
    number for each of its buckets, one for what is beyond them, and the sum in microseconds."""

    process: str
    number: int
    counted: dict[Series, int]
    observed: dict[Series, list[int]]


@dataclass(slots=True)
class _Meter:
    process: str = field(default_factory=lambda: secrets.token_hex(8))
    number: int = 0
    counted: dict[Series, int] = field(default_factory=dict)
    observed: dict[Series, list[int]] = field(default_factory=dict)
    waiting: Batch | None = None


_meter = _Meter()


def count(metric: Metric, *labels: str, by: int = 1) -> None:
    """Add to a counter; `labels` are the values of its labels, in their order."""
    series = (metric.name, labels)
    _meter.counted[series] = _meter.counted.get(series, 0) + by


def observe(metric: Metric, seconds: float, *labels: str) -> None:
    """Put a time into a histogram."""
    series = (metric.name, labels)
    seen = _meter.observed.get(series)
    if seen is None:
        seen = _meter.observed[series] = [0] * (len(metric.buckets) + 2)
    seen[bisect_left(metric.buckets, seconds)] += 1
    seen[-1] += int(seconds * 1_000_000)


def waiting() -> Batch | None:
    """What is to be told next, the same until it is known to be told: it may have arrived although nobody said so."""
    if _meter.waiting is None and (_meter.counted or _meter.observed):
        _meter.number += 1
        _meter.waiting = Batch(_meter.process, _meter.number, _meter.counted, _meter.observed)
        _meter.counted, _meter.observed = {}, {}
    return _meter.waiting


def told() -> None:
    """What `waiting` gave is in Redis."""
    _meter.waiting = None


def start_anew() -> None:
    """Begin at nothing, as a process of its own."""
    global _meter
    _meter = _Meter()


# A horse would tell once more what its worker had counted, under the worker's name.
os.register_at_fork(after_in_child=start_anew)
