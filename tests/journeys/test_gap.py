"""While we are blind nobody is told anything, and afterwards nobody is told what only our outage caused."""

import signal
from datetime import datetime

import pytest

from tests.journeys.client import Account, healthy, until
from tests.journeys.receiver import Receiver
from tests.journeys.stack import Stack
from ttr.now import now_ms

# Deadlines are 3 s after a ping. The outage begins right after one and is over 2 s long when they pass.
_OUTAGE = 5.0


def _stop_clock(stack: Stack) -> None:
    stack.signal("clock", signal.SIGSTOP)


def _go_on(stack: Stack) -> None:
    stack.signal("clock", signal.SIGCONT)


@pytest.mark.parametrize(
    "names",
    [
        ("clock stopped",),
        ("clock",),
        ("web",),
        ("redis",),
        ("disk full",),
        ("web", "clock", "worker", "redis"),
    ],
    ids=["clock stopped", "clock killed", "web killed", "redis killed", "disk full", "all killed"],
)
def test_an_outage_of_ours_moves_the_deadlines_that_it_hid(
    stack: Stack, account: Account, receiver: Receiver, names: tuple[str, ...]
) -> None:
    account.add("alive", receiver.url("/alive"), interval_seconds=2)
    account.add("silent", receiver.url("/silent"), interval_seconds=2)
    # Five runs must be missed where we could see it: the outage hides four or five of this one's.
    account.add("patient", receiver.url("/patient"), notify_after_failures=5)
    for slug in ("alive", "silent", "patient"):
        account.ping(slug)
    stack.settle()
    began = now_ms()

    _end(stack, names)
    for path in ("/silent", "/alive", "/patient"):
        receiver.stays_at(path, 0, _OUTAGE / 3)
    back = now_ms()
    _begin(stack, names)

    until(lambda: healthy(stack.port))
    account.ping("alive")
    assert not receiver.arrivals()

    def silent_told() -> bool:
        stack.revive()
        account.ping("alive")
        return bool(receiver.arrivals("/silent"))

    until(silent_told)
    down = receiver.arrivals("/silent")[0]
    # Up to 2 s may pass until we notice that we are blind; the rest of the outage is added to the deadline.
    assert _ms(down.body["timestamp"]) - _ms(down.body["last_ping"]) >= 3_000 + (back - began) - 2_100
    patient = receiver.wait("/patient", 1)[0]
    assert patient.body["failure_count"] == 5
    # The first run that we could see missed was due less than its interval and grace before we were back.
    assert _ms(patient.body["timestamp"]) - back >= 4_000
    assert account.show("silent")["status"] == "down"
    assert not receiver.arrivals("/alive")
    receiver.stays_at("/silent", 1, 0.5)


def test_a_clock_that_dies_briefly_moves_nothing(stack: Stack, account: Account, receiver: Receiver) -> None:
    account.add("silent", receiver.url("/silent"), interval_seconds=2)
    account.ping("silent")
    _stop_clock(stack)
    receiver.stays_at("/silent", 0, 0.8)
    _go_on(stack)
    down = receiver.wait("/silent", 1)[0]
    assert 3_000 <= _ms(down.body["timestamp"]) - _ms(down.body["last_ping"]) < 3_700


def _end(stack: Stack, names: tuple[str, ...]) -> None:
    if names == ("clock stopped",):
        _stop_clock(stack)
    elif names == ("disk full",):
        stack.fill_disk()
    else:
        for name in names:
            stack.kill(name)


def _begin(stack: Stack, names: tuple[str, ...]) -> None:
    if names == ("clock stopped",):
        _go_on(stack)
    elif names == ("disk full",):
        stack.free_disk()
    else:
        for name in reversed(names):  # the clock before web: it must wait for one
            stack.start(name)


def _ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)
