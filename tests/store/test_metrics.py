"""The sums of what processes count: once each, whatever fails, and of the last minutes."""

import os
from collections.abc import Iterator
from dataclasses import replace
from unittest import mock

import pytest
from redis.exceptions import ConnectionError, ResponseError

from ttr import meter
from ttr.domain.metrics import ALERTS, METRICS, NOTIFICATIONS, PING_SECONDS, REDIS_SECONDS, SEND_SECONDS
from ttr.store import keys
from ttr.store.errors import StoreUnavailable
from ttr.store.metrics import SLOT_MS, flush, read_sums, read_window, unpack_sums
from ttr.store.redis import Store
from ttr.store.scripts import Scripts

NOON = 1_780_000_000_000


@pytest.fixture(autouse=True)
def new_process() -> Iterator[None]:
    """A meter that nobody else has counted with; what the test's own commands take is left out by each test."""
    meter.start_anew()
    yield
    meter.start_anew()


async def test_what_processes_count_adds_up(store: Store) -> None:
    for number in (1, 2):
        meter.start_anew()
        meter.count(ALERTS, "down")
        meter.count(ALERTS, "up", by=number)
        meter.count(NOTIFICATIONS, "success", "slack")
        await flush(store, NOON)
        meter.count(NOTIFICATIONS, "error", "slack")
        await flush(store, NOON)
    sums = await read_sums(store)
    assert sums.counted[ALERTS.name] == {("down",): 2, ("up",): 3}
    assert sums.count(NOTIFICATIONS, type="slack") == 4
    assert sums.count(NOTIFICATIONS, status="success") == 2
    assert sums.count(NOTIFICATIONS, status="success", type="discord") == 0


async def test_a_time_goes_into_the_bucket_whose_end_it_does_not_pass(store: Store) -> None:
    for seconds in (0.005, 0.0051, 2.0, 2.1):
        meter.observe(PING_SECONDS, seconds)
    meter.observe(SEND_SECONDS, 0.3, "slack")
    await flush(store, NOON)
    observed = (await read_sums(store)).observed
    pings = observed[PING_SECONDS.name][()]
    assert pings.buckets == {0.005: 1, 0.01: 1, 2.0: 1, float("inf"): 1}
    assert (pings.count, pings.seconds) == (4, pytest.approx(4.1101))
    assert observed[SEND_SECONDS.name][("slack",)].buckets == {0.5: 1}


async def test_what_arrived_although_nobody_said_so_counts_once(store: Store) -> None:
    run_on = Scripts.run_on

    async def cut_off(self: Scripts, *args: object) -> object:
        await run_on(self, *args)
        raise ConnectionError("cut off")

    meter.count(ALERTS, "down")
    with mock.patch.object(Scripts, "run_on", cut_off), pytest.raises(StoreUnavailable):
        await flush(store, NOON)
    meter.count(ALERTS, "down", by=10)
    await flush(store, NOON)
    assert (await read_sums(store)).counted[ALERTS.name] == {("down",): 1}, "what came later waits its turn"
    await flush(store, NOON)
    assert (await read_sums(store)).counted[ALERTS.name] == {("down",): 11}


async def test_what_did_not_arrive_is_told_later(store: Store) -> None:
    meter.count(ALERTS, "down")
    with (
        mock.patch.object(Scripts, "run_on", side_effect=ConnectionError("away")),
        pytest.raises(StoreUnavailable),
    ):
        await flush(store, NOON)
    await flush(store, NOON)
    assert (await read_sums(store)).counted[ALERTS.name] == {("down",): 1}


async def test_a_window_holds_five_minutes_of_all_labels_together(store: Store) -> None:
    start = NOON - NOON % SLOT_MS
    for at, seconds, kind in ((0, 9.0, "slack"), (1, 1.0, "slack"), (300_000, 3.0, "email")):
        meter.observe(SEND_SECONDS, seconds, kind)
        await flush(store, start - 1 + at)
    window = (await read_window(store, start + 300_000))[SEND_SECONDS.name]
    assert (window.count, window.average) == (2, 2.0)
    later = await read_window(store, start + 700_000)
    assert SEND_SECONDS.name not in later
    assert 0 < await store.redis.ttl(keys.metrics_window(start // SLOT_MS)) <= 390


@pytest.mark.single_redis
async def test_redis_is_timed_by_each_round_trip(store: Store) -> None:
    meter.start_anew()
    await store.redis.get(keys.clock_tick())
    async with store.redis.pipeline(transaction=False) as pipe:
        await pipe.get(keys.clock_tick()).get(keys.web_tick()).execute()
    await store.redis.set(keys.clock_tick(), 1)
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await store.redis.hget(keys.clock_tick(), "b")
    await flush(store, NOON)
    assert (await read_sums(store)).observed[REDIS_SECONDS.name][()].count == 4


async def test_a_forked_process_counts_for_itself() -> None:
    meter.count(ALERTS, "down")
    before = meter.waiting()
    assert before
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        meter.count(ALERTS, "up")
        batch = meter.waiting()
        told = batch and (batch.process != before.process, batch.counted) == (
            True,
            {(ALERTS.name, ("up",)): 1},
        )
        os.write(writer, b"1" if told else b"0")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 1) == b"1"
    os.close(reader)
    os.close(writer)


def test_what_another_version_counts_is_left_out_and_its_buckets_go_into_the_next() -> None:
    sums = unpack_sums(
        {
            b"ttr_alerts_total|down": b"1",
            b"ttr_alerts_total|down|extra": b"1",
            b"ttr_gone_total|a": b"1",
            b"ttr_ping_process_time_seconds|0.005": b"1",
            b"ttr_ping_process_time_seconds|0.004": b"2",
            b"ttr_ping_process_time_seconds|99": b"3",
            b"ttr_ping_process_time_seconds|inf": b"4",
            b"ttr_ping_process_time_seconds|s": b"1500000",
        }
    )
    assert sums.counted == {ALERTS.name: {("down",): 1}}
    seen = sums.observed[PING_SECONDS.name][()]
    assert (seen.buckets, seen.seconds) == ({0.005: 3, float("inf"): 7}, 1.5)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_metric_is_named_and_shaped_as_prometheus_wants(metric: object) -> None:
    one = METRICS[metric.name]
    assert one.name.startswith("ttr_")
    assert one.name.endswith("_total" if one.kind == "counter" else "_seconds")
    assert bool(one.buckets) == (one.kind == "histogram")
    assert list(one.buckets) == sorted(set(one.buckets))
    assert replace(one, help="") != one
