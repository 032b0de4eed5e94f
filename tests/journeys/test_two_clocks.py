"""Two clocks and two workers on one Redis do the work of one, not twice."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.client import sign_up, until
from tests.journeys.receiver import Receiver
from tests.journeys.stack import Stack

_CHECKS = 200  # of one account, so of one partition: two batches for whoever comes first


@pytest.fixture
def doubled() -> Iterator[Stack]:
    """One web process, two clocks, two workers."""
    with Stack(clocks=2, workers=2) as stack:
        yield stack


def test_two_hundred_checks_that_fall_silent_together_are_told_once_each(
    doubled: Stack, receiver: Receiver
) -> None:
    account = sign_up(doubled.port)
    slugs = [f"job-{number}" for number in range(_CHECKS)]
    for slug in slugs:
        account.add(slug, receiver.url("/hook"), interval_seconds=3_600)
        account.ping(slug)
        account.api("POST", f"/checks/{slug}/pause")
        account.api("PUT", f"/checks/{slug}", name=slug, interval_seconds=1, grace_seconds=1)
    for slug in slugs:  # armed from now, all within a fraction of a second
        account.api("POST", f"/checks/{slug}/resume")

    # All their own webhooks lead to one address, so what waits together leaves as one message.
    until(lambda: len(_events(receiver)) >= _CHECKS, 40)
    receiver.stays_at("/none", 0, 2)
    events = _events(receiver)
    assert Counter(event["check_slug"] for event in events) == Counter(slugs)
    assert len({event["event_id"] for event in events}) == _CHECKS
    assert {(event["status"], event["failure_count"]) for event in events} == {("down", 1)}
    assert len(receiver.arrivals("/hook")) < _CHECKS // 5

    for slug in slugs:
        account.ping(slug, "/fail")  # down and told already: no news
    for slug in slugs:
        account.ping(slug)
    # The first to recover may be silent again before the last has recovered, and be told as down a second time.
    until(lambda: len(_ups(receiver)) >= _CHECKS, 60)
    assert Counter(_ups(receiver)) == Counter(slugs)
    assert set(Counter(arrival.key for arrival in receiver.arrivals("/hook")).values()) == {1}


def _events(receiver: Receiver) -> list[dict[str, Any]]:
    return [event for arrival in receiver.arrivals("/hook") for event in arrival.body["events"]]


def _ups(receiver: Receiver) -> list[str]:
    return [event["check_slug"] for event in _events(receiver) if event["status"] == "up"]
