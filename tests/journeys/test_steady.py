"""Under a steady load nothing is lost and no process grows."""

import os
import statistics
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.receiver import Receiver
from tests.journeys.stack import Stack
from tests.journeys.steady import Load, watch
from tests.postgres import new_server, remove
from ttr.archive.migrate import migrate

_MB = 1024 * 1024


@pytest.fixture
def archived() -> Iterator[Stack]:
    """One of each process, with a Postgres that takes snapshots."""
    postgres = new_server()
    try:
        url = postgres.url()
        migrate(url)
        with Stack(DATABASE_URL=url, SNAPSHOT_INTERVAL_SECONDS="5", LOG_LEVEL="WARNING") as stack:
            yield stack
    finally:
        remove(postgres)


def test_a_load_is_answered_and_told(archived: Stack, receiver: Receiver) -> None:
    _go(archived, receiver, seconds=12, pings_a_second=60)


@pytest.mark.soak
@pytest.mark.timeout(7_200)
def test_no_process_grows_in_twenty_minutes(archived: Stack, receiver: Receiver) -> None:
    minutes = float(os.environ.get("SOAK_MINUTES", "20"))
    seen = _go(archived, receiver, seconds=60 * minutes, pings_a_second=150)
    # By the middle every log and cache that has an end has reached it.
    third, last = seen[len(seen) // 3 : len(seen) // 2], seen[-len(seen) // 6 :]
    grown = {}
    for name in seen[0]:
        before, after = (statistics.median(look[name] for look in part) for part in (third, last))
        grown[name] = after - before
        print(f"{name:<8} {before / _MB:7.1f} MB in the middle {after / _MB:7.1f} MB at the end")
    assert {name: more for name, more in grown.items() if more > 4 * _MB} == {}


def _go(stack: Stack, receiver: Receiver, *, seconds: float, pings_a_second: float) -> list[dict[str, Any]]:
    load = Load(stack, receiver, pings_a_second)
    load.start()
    try:
        seen = watch(stack, seconds, min(5.0, seconds / 4))
    finally:
        load.stop()
    print(dict(load.done))
    assert not load.failed
    assert load.done["ping"] > 0.5 * seconds * pings_a_second
    # Each failure is told down, and up by the next ping of its job.
    receiver.wait("/hook", min(1, load.done["fail"]))
    return seen
