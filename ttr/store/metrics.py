"""The sums of what all processes count and time, for ever and of the last minutes.

A hash's field is the metric's name and the values of its labels, with a bar between; of a histogram the upper end of a
bucket follows, or "s" for the sum of its microseconds.
"""

import math

from ttr import meter
from ttr.domain.metrics import METRICS, Metric, Observed, Sums, Windowed
from ttr.meter import Batch
from ttr.store import keys
from ttr.store.redis import Store, store_trouble

SLOT_MS = 30_000
WINDOW_MS = 300_000
_SLOTS = WINDOW_MS // SLOT_MS
_SLOT_SECONDS = (WINDOW_MS + 3 * SLOT_MS) // 1_000
_KNOWN_SECONDS = 3_600
_BAR = "|"
_SECONDS = "s"


async def flush(store: Store, now: int) -> None:
    """Add what this process has counted since. Raises StoreUnavailable; nothing is lost then, and nothing counts twice:
    what may or may not have arrived is sent once more under its number, before anything newer.
    """
    batch = meter.waiting()
    if batch is None:
        return
    sums, lately = _fields(batch)
    with store_trouble():
        await store.scripts.run_on(
            "add_metrics",
            keys.metrics(),
            [
                batch.process,
                batch.number,
                _KNOWN_SECONDS,
                now // SLOT_MS,
                _SLOT_SECONDS,
                2 * len(sums),
                *(part for pair in sums.items() for part in pair),
                *(part for pair in lately.items() for part in pair),
            ],
        )
    meter.told()


async def read_sums(store: Store) -> Sums:
    """What all processes have told since the Redis was empty."""
    with store_trouble():
        found = await store.redis.hgetall(keys.metrics())
    return unpack_sums(found)


async def read_window(store: Store, now: int) -> dict[str, Windowed]:
    """Each histogram's last five minutes, up to 30 s more, by its name; one that saw nothing is missing."""
    slot = now // SLOT_MS
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for number in range(slot - _SLOTS, slot + 1):
                pipe.hgetall(keys.metrics_window(number))
            parts = await pipe.execute()
    sums: dict[str, int] = {}
    for part in parts:
        for name, number in part.items():
            sums[name.decode()] = sums.get(name.decode(), 0) + int(number)
    return {
        name: Windowed(sums[name], sums.get(_field(name, (), _SECONDS), 0) / 1_000_000)
        for name in METRICS
        if name in sums
    }


def unpack_sums(found: dict[bytes, bytes]) -> Sums:
    """The sums in the fields of `keys.metrics`; what another version counts is left out."""
    sums = Sums({}, {})
    for raw, number in found.items():
        name, *rest = raw.decode().split(_BAR)
        metric = METRICS.get(name)
        if metric is None or len(rest) != len(metric.labels) + (metric.kind == "histogram"):
            continue
        if metric.kind == "counter":
            sums.counted.setdefault(name, {})[tuple(rest)] = int(number)
        else:
            _enter(sums, metric, tuple(rest[:-1]), rest[-1], int(number))
    return sums


def _fields(batch: Batch) -> tuple[dict[str, int], dict[str, int]]:
    """What goes into the sums, and what into the window, where all labels of a metric are one."""
    sums = {_field(name, labels): number for (name, labels), number in batch.counted.items()}
    lately: dict[str, int] = {}
    for (name, labels), (*buckets, microseconds) in batch.observed.items():
        for number, end in zip(buckets, (*METRICS[name].buckets, math.inf), strict=True):
            if number:
                sums[_field(name, labels, f"{end:g}")] = number
        sums[_field(name, labels, _SECONDS)] = microseconds
        lately[name] = lately.get(name, 0) + sum(buckets)
        lately[_field(name, (), _SECONDS)] = lately.get(_field(name, (), _SECONDS), 0) + microseconds
    return sums, lately


def _field(name: str, labels: tuple[str, ...], *part: str) -> str:
    return _BAR.join((name, *(label.replace(_BAR, "_") for label in labels), *part))


def _enter(sums: Sums, metric: Metric, labels: tuple[str, ...], part: str, number: int) -> None:
    series = sums.observed.setdefault(metric.name, {})
    seen = series.get(labels) or Observed({}, 0)
    if part == _SECONDS:
        series[labels] = Observed(seen.buckets, number / 1_000_000)
        return
    # An older version's bucket goes into the next one of today's.
    end = next((end for end in metric.buckets if end >= float(part)), math.inf)
    seen.buckets[end] = seen.buckets.get(end, 0) + number
    series[labels] = seen
