"""Two clocks and two workers on one Redis do the work of one, not twice."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.journeys.client import sign_up
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

    receiver.wait("/hook", _CHECKS, within=40)
    receiver.stays_at("/hook", _CHECKS, 2)
    arrivals = receiver.arrivals("/hook")
    assert Counter(arrival.body["check_slug"] for arrival in arrivals) == Counter(slugs)
    assert len({arrival.key for arrival in arrivals}) == _CHECKS
    assert {(arrival.body["status"], arrival.body["failure_count"]) for arrival in arrivals} == {("down", 1)}

    for slug in slugs:
        account.ping(slug, "/fail")  # down and told already: no news
    for slug in slugs:
        account.ping(slug)
    # The first to recover may be silent again before the last has recovered.
    receiver.wait("/hook", 2 * _CHECKS, within=40)
    ups = [arrival for arrival in receiver.arrivals("/hook") if arrival.body["status"] == "up"]
    keys = Counter(arrival.key for arrival in receiver.arrivals("/hook"))
    assert set(Counter(arrival.body["check_slug"] for arrival in ups).values()) == {1}
    assert set(keys.values()) == {1}
