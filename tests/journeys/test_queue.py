"""The queue on a Redis of its own, which is killed and comes back empty while alerts are on their way."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.journeys.client import Account, call, sign_up, until
from tests.journeys.receiver import Receiver
from tests.journeys.stack import Stack, children
from ttr.queue_redis import queue_on
from ttr.store import keys

_TOLD_SECONDS = 30
_BACK_SECONDS = 30
_WATCH = 2.0


@pytest.fixture
def stack() -> Iterator[Stack]:
    """One of each process, and two Redis servers."""
    with Stack(own_queue=True) as stack:
        until(lambda: health(stack)["workers_online"] == 1)
        yield stack


def health(stack: Stack) -> dict[str, Any]:
    """What it says."""
    told: dict[str, Any] = json.loads(call(stack.port, "GET", "/health")[1])
    return told


def keys_of(url: str) -> set[str]:
    """The names of all keys, "rq" for any of RQ's."""
    with redis.Redis.from_url(url) as client:
        names = {key.decode() for key in client.scan_iter(count=1_000)}
    return {"rq" if name.startswith("rq:") else name for name in names}


@pytest.mark.timeout(240)
def test_a_queue_that_dies_and_comes_back_empty_loses_no_alert_and_repeats_none(
    stack: Stack, receiver: Receiver
) -> None:
    account = sign_up(stack.port)
    slugs = [f"job-{number}" for number in range(12)]
    hooks = {slug: f"/{slug}" for slug in slugs}
    for slug, hook in hooks.items():
        account.add(slug, receiver.url(hook), interval_seconds=3_600)
    steady = {name: stack.pid(name) for name in ("web", "clock")}
    first, in_flight, waiting, last = slugs[:3], slugs[3:6], slugs[6:9], slugs[9:]

    fail(account, first)
    for slug in first:
        receiver.wait(hooks[slug], 1)
    url = f"unix://{stack.folder / 'queue.sock'}"
    assert "rq" not in keys_of(stack.redis_url)
    assert keys_of(url) <= {"rq", keys.worker_start()}

    # While messages are being sent, the queue is gone: they are finished and reported.
    receiver.delay = 1.0
    fail(account, in_flight)
    for slug in in_flight:
        receiver.wait(hooks[slug], 1)
    horses = children(stack.pid("worker"))
    stack.kill("queue")
    until(lambda: health(stack)["parts"]["queue"] == "away", _TOLD_SECONDS)
    told = health(stack)
    assert (told["status"], "queue" in told["missing"]) == ("degraded", True)
    assert all(told["parts"][part] == "ok" for part in ("redis", "clock", "web"))
    receiver.delay = 0.0
    until(lambda: not any(is_alive(horse) for horse in horses), _TOLD_SECONDS)

    # Pings are taken and alerts decided; nobody is there to send them.
    fail(account, waiting)
    assert {account.show(slug)["status"] for slug in waiting} == {"down"}
    receiver.stays_at(hooks[waiting[-1]], 0, _WATCH)

    stack.start("queue")
    stack.revive()  # a worker that lost its queue under a job has ended
    for slug in waiting:
        receiver.wait(hooks[slug], 1, within=_BACK_SECONDS)
    until(lambda: health(stack)["status"] == "ok", _TOLD_SECONDS)

    # Another one in its place, while nobody has noticed: a worker waits at the old one, and alerts come.
    stack.kill("queue")
    stack.start("queue")
    fail(account, last)
    until(lambda: stack.revive() or all(receiver.arrivals(hooks[slug]) for slug in last), _BACK_SECONDS)
    # And jobs that are thrown away with something due.
    with redis.Redis.from_url(url) as client:
        client.flushall()
    for slug in slugs:
        account.ping(slug)
    for slug in slugs:
        arrivals = receiver.wait(hooks[slug], 2, within=_BACK_SECONDS)
        assert [one.body["status"] for one in arrivals] == ["down", "up"], slug
    receiver.stays_at("/none", 0, _WATCH)
    assert {name: stack.pid(name) for name in steady} == steady
    assert set(Counter(arrival.key for arrival in receiver.arrivals()).values()) == {1}
    assert len(receiver.arrivals()) == 2 * len(slugs)
    with redis.Redis.from_url(url) as client:
        until(lambda: queue_on(client).count == 0, _TOLD_SECONDS)


def fail(account: Account, slugs: list[str]) -> None:
    """Their jobs say that they failed."""
    for slug in slugs:
        account.ping(slug, "/fail")


def is_alive(pid: int) -> bool:
    """Whether the process runs still; one that was not waited for doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
