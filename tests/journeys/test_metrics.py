"""What /metrics says of a layout of several processes, next to what a load has really done to it."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.journeys.client import Account, call, sign_up, until
from tests.journeys.receiver import Answer, Receiver
from tests.journeys.stack import Stack

TOKEN = "of-a-test-that-scrapes"
Samples = dict[tuple[str, tuple[str, ...]], float]
"""Name of a sample and the values of its labels, in the order of their names -> its number."""


@pytest.fixture(scope="module")
def doubled() -> Iterator[Stack]:
    """Two of each process."""
    with Stack(webs=2, clocks=2, workers=2, METRICS_TOKEN=TOKEN) as stack:
        yield stack


def scrape(port: int) -> Samples:
    """What a web process says."""
    status, text = call(port, "GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert status == 200, (status, text)
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_every_counter_says_what_a_load_did_whichever_process_is_asked(
    doubled: Stack, receiver: Receiver
) -> None:
    owner = sign_up(doubled.port)
    doors = [Account(port, owner.auth_key, owner.user_slug) for port in doubled.ports]
    receiver.answer("/gone", Answer(410))
    for slug, path in (("job", "/hook"), ("other", "/hook2"), ("gone", "/gone")):
        owner.add(slug, receiver.url(path), interval_seconds=3_600)
    settled(doubled)
    before = scrape(doubled.port)

    for door in doors:
        for _ in range(20):
            door.ping("job")
        for _ in range(5):
            door.ping("job", "/start")
        for _ in range(3):
            door.ping("job", "/log")
        for address, wanted in (("nobody/nothing", 404), (f"{owner.user_slug}/job/nonsense", 400)):
            assert call(door.port, "GET", f"/p/{address}")[0] == wanted
        assert call(door.port, "DELETE", f"/p/{owner.user_slug}/job")[0] == 405
        for _ in range(4):
            door.show("job")
        assert call(door.port, "GET", "/no/such/page")[0] == 404
        assert call(door.port, "GET", "/api/v1/checks")[0] == 401
        # Each ends the newest of the runs that are open.
        door.ping("job")
    # Down and up, twice for one and once for the other; the third has a receiver that is gone.
    for slug, door in (("job", doors[0]), ("other", doors[1]), ("job", doors[1])):
        arrived = len(receiver.arrivals(f"/hook{'2' if slug == 'other' else ''}"))
        door.ping(slug, "/fail")
        receiver.wait(f"/hook{'2' if slug == 'other' else ''}", arrived + 1)
        door.ping(slug)
        receiver.wait(f"/hook{'2' if slug == 'other' else ''}", arrived + 2)
    doors[0].ping("gone", "/fail")
    receiver.wait("/gone", 1)

    signals = {"success": 2 * 21 + 3, "start": 2 * 5, "log": 2 * 3, "fail": 4}
    expected: Samples = {
        **{("ttr_pings_total", ("ok", kind)): number for kind, number in signals.items()},
        ("ttr_pings_total", ("unknown", "none")): 2,
        ("ttr_pings_total", ("malformed", "none")): 2,
        ("ttr_pings_total", ("method", "none")): 2,
        ("ttr_ping_process_time_seconds_count", ()): sum(signals.values()) + 6,
        ("ttr_check_duration_seconds_count", ()): 2,
        ("ttr_api_requests_total", ("/api/v1/checks/<check:check>", "GET", "200")): 2 * 4,
        ("ttr_api_requests_total", ("/api/v1/checks", "GET", "401")): 2,
        ("ttr_api_requests_total", ("not_found", "GET", "404")): 2,
        ("ttr_api_requests_total", ("/p/<ping>", "GET", "200")): sum(signals.values()),
        ("ttr_api_requests_total", ("/p/<ping>", "GET", "404")): 2,
        ("ttr_api_requests_total", ("/p/<ping>", "GET", "400")): 2,
        ("ttr_api_requests_total", ("/p/<ping>", "DELETE", "405")): 2,
        ("ttr_alerts_total", ("down",)): 4,
        ("ttr_alerts_total", ("up",)): 3,
        ("ttr_alerts_total", ("channel_off",)): 1,
        ("ttr_notifications_sent_total", ("success", "webhook")): 6 + 1,
        ("ttr_notifications_sent_total", ("error", "webhook")): 1,
        ("ttr_delivery_outcomes_total", ("delivered", "webhook")): 6 + 1,
        ("ttr_delivery_outcomes_total", ("gone", "webhook")): 1,
        ("ttr_delivery_latency_seconds_count", ("webhook",)): 8,
        ("ttr_queue_latency_seconds_count", ()): 8,
    }
    names = {name for name, _ in expected}

    def done(port: int) -> dict[Any, tuple[float, float]]:
        """Where what was counted since differs from what was done: (counted, done)."""
        now = scrape(port)
        grown = {key: value - before.get(key, 0) for key, value in now.items() if key[0] in names}
        return {
            key: (grown.get(key, 0), expected.get(key, 0))
            for key in grown.keys() | expected.keys()
            if grown.get(key, 0) != expected.get(key, 0)
            and "/metrics" not in key[1]
            and "/health" not in key[1]
        }

    for port in doubled.ports:
        try:
            until(lambda port=port: not done(port), 10)
        except AssertionError:
            assert done(port) == {}


def test_what_a_process_counted_is_told_before_it_ends(doubled: Stack) -> None:
    owner = sign_up(doubled.port)
    owner.add("job", interval_seconds=3_600)
    other = Account(doubled.ports[1], owner.auth_key, owner.user_slug)
    settled(doubled)
    before = scrape(doubled.port)[("ttr_pings_total", ("ok", "success"))]
    for _ in range(50):
        other.ping("job")
    doubled.stop("web2")  # within the second in which it would have told
    # A scrape is a second old at most.
    until(lambda: scrape(doubled.port)[("ttr_pings_total", ("ok", "success"))] == before + 50, 5)
    doubled.start("web2")


@pytest.mark.timeout(240)
def test_who_is_killed_and_who_is_stopped_shows(doubled: Stack) -> None:
    for kind in ("web", "clock", "worker"):
        until(lambda kind=kind: scrape(doubled.port)[("ttr_processes", (kind, "well"))] == 2, 30)
    for name in ("web2", "clock2", "worker2"):
        doubled.kill(name)
    doubled.signal("worker", signal.SIGSTOP)

    def shows() -> bool:
        now = scrape(doubled.port)
        silent = {kind: now[("ttr_processes", (kind, "silent"))] for kind in ("web", "clock", "worker")}
        return silent == {"web": 1, "clock": 1, "worker": 2} and now[("ttr_workers_online", ())] == 0

    until(shows, 30)
    assert scrape(doubled.port)[("ttr_work_missing", ("worker",))] == 1
    doubled.signal("worker", signal.SIGCONT)
    until(lambda: scrape(doubled.port)[("ttr_workers_online", ())] == 1, 30)
    doubled.signal("clock", signal.SIGSTOP)
    until(lambda: scrape(doubled.port)[("ttr_up", ())] == 0, 30)
    assert scrape(doubled.port)[("ttr_clock_silent_seconds", ())] > 10
    doubled.signal("clock", signal.SIGCONT)
    until(lambda: scrape(doubled.port)[("ttr_up", ())] == 1, 30)


def settled(stack: Stack) -> None:
    """Wait until all that web processes have counted so far is told: each tells it in the order of its doing."""
    strangers = ("ttr_pings_total", ("unknown", "none"))
    before = scrape(stack.port).get(strangers, 0)
    for port in stack.ports:
        assert call(port, "GET", "/p/nobody/nothing")[0] == 404
    until(lambda: scrape(stack.port).get(strangers, 0) == before + len(stack.ports))
