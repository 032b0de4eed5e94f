"""What a scrape tells: values as they are, every name in the document, and a text that Prometheus takes."""

import math
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from quart.typing import TestClientProtocol as Client

from tests.conftest import eventually
from tests.promtool import promtool
from tests.store.crowd import make_crowd
from tests.test_metrics import ask, opened, text, value
from ttr import __version__, meter
from ttr.domain.gauges import GAUGES
from ttr.domain.liveness import Process
from ttr.domain.metrics import ALERTS, METRICS, NOTIFICATIONS, RUN_SECONDS
from ttr.meter import count, observe
from ttr.now import now_ms
from ttr.queue_redis import QUEUE
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.archive_state import note_archive
from ttr.store.deadlines import tick_clock
from ttr.store.metrics import read_sums
from ttr.store.processes import say
from ttr.store.redis import Store

DOCUMENT = (Path(__file__).parents[1] / "docs/metrics.md").read_text()
DAY = 86_400_000


@pytest.fixture
async def scraper(store: Store, settings: Settings) -> AsyncIterator[Client]:
    meter.start_anew()
    async with opened(settings) as app:
        yield app.test_client()


async def told(scraper: Client) -> str:
    return await text(await ask(scraper))


def process(number: int, kind: str, **changes: Any) -> Process:
    now = now_ms()
    fields: dict[str, Any] = {"id": f"{number:016}", "kind": kind, "host": "h", "pid": number, "version": "1"}
    fields |= {"started_at": 1_000_000, "beat_at": now, "loops": {}, "patience": {}, "gauges": {}}
    return Process(**fields | changes)


async def fill(store: Store) -> None:
    """Something of everything."""
    now = now_ms()
    await make_crowd(store, 20)
    await tick_clock(store, now - 2_000)
    await note_archive(store, "ok", saved_at=now - 7_000, now=now)
    await say(
        store, process(1, "web", gauges={"rss_bytes": 5, "streams": 2, "connections": 3}, loops={"tick": now})
    )
    await say(
        store, process(2, "web", gauges={"rss_bytes": 7, "streams": 1, "connections": 4, "loop_lag_ms": 9})
    )
    await say(
        store, process(3, "clock", loops={"watch": now - 30_000, "dispatch": now}, started_at=2_000_000)
    )
    await say(store, process(4, "worker", beat_at=now - 20_000, loops={"jobs": now - 20_000}))
    for metric in METRICS.values():
        labels = ["x"] * len(metric.labels)
        if metric.kind == "counter":
            count(metric, *labels)
        else:
            observe(metric, 0.2, *labels)
    await counted(store)


async def counted(store: Store) -> None:
    """Wait until the app has told all that was counted so far: what is counted later is never told earlier."""
    mark = f"mark{secrets.token_hex(4)}"
    count(ALERTS, mark)

    async def is_told() -> bool:
        return bool((await read_sums(store)).count(ALERTS, kind=mark))

    await eventually(is_told)


async def test_checks_and_accounts_are_counted(scraper: Client, store: Store) -> None:
    await make_crowd(store, 20)
    await store.redis.hset(keys.user(keys.partition_of(21), 21), mapping={"id": 21, "user_slug": "u21"})
    await store.redis.set(keys.sequence("user"), 21)
    found = await told(scraper)
    assert value(found, 'ttr_checks_total{status="new"}') == 20
    assert value(found, 'ttr_checks_total{status="up"}') == 0
    assert value(found, "ttr_accounts") == 21
    assert value(found, "ttr_active_users") == 20
    assert value(found, f'ttr_queue_size{{queue_name="{QUEUE}"}}') == 0
    assert value(found, f'ttr_app_info{{version="{__version__}"}}') == 1


async def test_what_lags_is_told_in_seconds(scraper: Client, store: Store) -> None:
    now = now_ms()
    assert value(empty := await told(scraper), "ttr_overdue_lag_seconds") == 0
    assert value(empty, "ttr_clock_silent_seconds") == math.inf
    for name in ("outbox_entries", "outbox_age_seconds", "addresses_waiting", "delivery_lag_seconds"):
        assert value(empty, f"ttr_{name}") == 0
    await store.redis.zadd(keys.deadlines(3), {"1": now - 60_000, "2": now - 5_000})
    await store.redis.zadd(keys.deadlines(4), {"3": now + 60_000})
    await store.redis.xadd(keys.outbox(5), {"id": "x"}, id=f"{now - 30_000}-0")
    await store.redis.xadd(keys.outbox(6), {"id": "y"}, id=f"{now - 20_000}-0")
    await store.redis.zadd(keys.lanes(7), {"1-a": now - 90_000, "1-b": now + 5_000})
    await tick_clock(store, now - 40_000)
    found = await told(await _fresh(scraper))
    assert value(found, "ttr_outbox_entries") == 2
    assert value(found, "ttr_addresses_waiting") == 2
    for name, seconds in (
        ("overdue_lag", 60),
        ("outbox_age", 30),
        ("delivery_lag", 90),
        ("clock_silent", 40),
    ):
        assert seconds <= (value(found, f"ttr_{name}_seconds") or 0) < seconds + 60, name


async def test_blind_times_of_partitions_count_once(scraper: Client, store: Store) -> None:
    now = now_ms()
    for partition, shift in ((1, 0), (2, 500)):
        start = now - 3_600_000 + shift
        await store.redis.zadd(keys.gaps(partition), {f"{start}:{start + 10_000}": start + 10_000})
    for start in (now - 50 * DAY, now - 200 * DAY):
        await store.redis.zadd(keys.gaps(1), {f"{start}:{start + 30_000}": start + 30_000})
    found = await told(scraper)
    assert value(found, 'ttr_gap_seconds{window="1d"}') == 10.5
    assert value(found, 'ttr_gap_seconds{window="100d"}') == 40.5
    assert value(found, "ttr_gaps") == 2


async def test_postgres_has_a_value_where_there_is_one(scraper: Client, store: Store) -> None:
    found = await told(scraper)
    assert value(found, "ttr_postgres_up") is value(found, "ttr_snapshot_lag_seconds") is None
    await note_archive(store, "away", detail="secret host", now=now_ms())
    found = await told(await _fresh(scraper))
    assert value(found, "ttr_postgres_up") == 0
    assert value(found, "ttr_snapshot_lag_seconds") is None
    assert "secret host" not in found
    await note_archive(store, "ok", saved_at=now_ms() - 7_000, now=now_ms())
    found = await told(await _fresh(scraper))
    assert value(found, "ttr_postgres_up") == 1
    assert 7 <= (value(found, "ttr_snapshot_lag_seconds") or 0) < 60


async def test_processes_are_told_by_kind_and_at_their_worst(scraper: Client, store: Store) -> None:
    await fill(store)
    await store.redis.hdel(
        keys.processes(), *[f for f in await store.redis.hkeys(keys.processes()) if f[:4] != b"0000"]
    )
    found = await told(scraper)
    assert value(found, 'ttr_processes{kind="clock",state="stuck"}') == 1
    assert value(found, 'ttr_processes{kind="worker",state="silent"}') == 1
    assert value(found, 'ttr_processes{kind="bot",state="well"}') == 0
    assert value(found, "ttr_workers_online") == 0
    assert (
        value(found, 'ttr_work_missing{work="worker"}') == value(found, 'ttr_work_missing{work="watch"}') == 1
    )
    assert value(found, 'ttr_work_missing{work="dispatch"}') is None
    assert value(found, 'ttr_loops_stuck{kind="clock",loop="watch"}') == 1
    assert value(found, 'ttr_loops_stuck{kind="clock",loop="dispatch"}') == 0
    assert (value(found, 'ttr_loop_silent_seconds{kind="clock",loop="watch"}') or 0) >= 30
    assert value(found, 'ttr_loop_silent_seconds{kind="worker",loop="jobs"}') is None
    assert value(found, 'ttr_process_start_time_seconds{kind="clock"}') == 2_000
    assert (value(found, 'ttr_process_heard_seconds{kind="worker"}') or 0) >= 20


async def test_counters_and_histograms_are_the_sums_of_all(scraper: Client, store: Store) -> None:
    for status, times in (("success", 3), ("error", 2)):
        count(NOTIFICATIONS, status, "slack", by=times)
    for seconds in (0.5, 4.0, 4.0, 10_000.0):
        observe(RUN_SECONDS, seconds)
    await counted(store)
    found = await told(scraper)
    assert value(found, 'ttr_notifications_sent_total{status="success",type="slack"}') == 3
    assert value(found, 'ttr_notifications_sent_total{status="error",type="slack"}') == 2
    for end, number in (("1.0", 1), ("5.0", 3), ("3600.0", 3), ("+Inf", 4)):
        assert value(found, f'ttr_check_duration_seconds_bucket{{le="{end}"}}') == number
    assert value(found, "ttr_check_duration_seconds_count") == 4
    assert value(found, "ttr_check_duration_seconds_sum") == 10_008.5


async def test_what_clients_make_up_becomes_no_label(scraper: Client, store: Store) -> None:
    before = await _endpoints(scraper, store)
    for number in range(30):
        await scraper.open(f"/made-up/{number}", method=f"BREW{number}")
        await scraper.get(f'/x{number}"}}\n%00|y')
        await scraper.get(f"/p/nobody-{number}/{number}")
        await scraper.get("/metrics", headers={"Authorization": f"Bearer wrong-{number}-token"})
        await scraper.get(f"/s/nobody-{number}")
    after = await _endpoints(scraper, store)
    # At most one for each route of these and for what is no route, whatever came.
    assert after - before <= {
        (method, endpoint, status)
        for method in ("GET", "other")
        for endpoint in ("not_found", "/p/<ping>", "/metrics", "/s/<slug>")
        for status in ("200", "400", "401", "404", "405")
    }


async def test_the_document_tells_every_metric_with_type_and_labels_and_no_other(
    scraper: Client, store: Store
) -> None:
    await fill(store)
    rows = re.findall(r"^\| `(ttr_\w+)` \| (\w+) \| (.*?) \| (.*) \|$", DOCUMENT, re.MULTILINE)
    written = {
        name: (kind, frozenset(re.findall(r"`(\w+)`", labels)), meaning)
        for name, kind, labels, meaning in rows
    }
    assert len(rows) == len(written)
    given = {
        _name(family): (family.type, _labels(family), family.documentation)
        for family in await families(scraper)
    }
    for name in written.keys() | given.keys():
        kind, labels, meaning = written.get(name, ("", frozenset(), ""))
        found = given.get(name, ("", frozenset(), ""))
        assert (kind, meaning) == (found[0], found[2]), name
        assert labels == found[1], name
    assert given.keys() == GAUGES.keys() | METRICS.keys()


async def test_prometheus_takes_the_text(scraper: Client, store: Store) -> None:
    for full in (False, True):
        if full:
            await fill(store)
        status, said = promtool("check", "metrics", given=await told(await _fresh(scraper)))
        # The seed's name stays, and is no counter's.
        assert said.splitlines() == ['ttr_checks_total non-counter metrics should not have "_total" suffix']
        assert status == 3


async def families(scraper: Client) -> list[Family]:
    answer = await text(await ask(scraper, Accept="application/openmetrics-text"))
    return list(read_openmetrics(answer))


async def test_both_forms_tell_the_same(scraper: Client, store: Store) -> None:
    await fill(store)
    plain = {sample.name for family in read_text(await told(scraper)) for sample in family.samples}
    assert plain == {sample.name for family in await families(scraper) for sample in family.samples}


def _name(family: Family) -> str:
    return family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")


def _labels(family: Family) -> frozenset[str]:
    return frozenset(label for sample in family.samples for label in sample.labels) - {"le"}


async def _endpoints(scraper: Client, store: Store) -> set[tuple[str, str, str]]:
    await counted(store)
    found = re.findall(r"^ttr_api_requests_total\{(.*)\} ", await told(await _fresh(scraper)), re.MULTILINE)
    series = [dict(re.findall(r'(\w+)="([^"]*)"', labels)) for labels in found]
    return {(one["method"], one["endpoint"], one["status"]) for one in series}


async def _fresh(scraper: Client) -> Client:
    """The same scraper, for whom all is read anew."""
    app = scraper.app
    app.extensions["ttr_scrape"]._good_until = app.extensions["ttr_installation"]._good_until = 0
    return scraper
