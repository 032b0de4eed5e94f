"""A bad second: 1,000 checks of 200 owners fail together while some destinations hang and some ask for patience."""

import time
from collections.abc import Iterator

import pytest

from tests.journeys.client import until
from tests.journeys.crowd import Owner, prepare, strike, told
from tests.journeys.receiver import Answer, Receiver
from tests.journeys.stack import Stack, children, kill_if_ttr
from ttr.now import now_ms
from ttr.settings import Settings, load_settings

_OWNERS, _EACH = 200, 5
_HANGING, _PATIENT = 20, 20
_HINT_SECONDS = 4
_LOADED_SECONDS = 15


@pytest.fixture
def stack() -> Iterator[Stack]:
    """A stack of its own for each test: one worker is killed."""
    with Stack() as stack:
        yield stack


def _settings(stack: Stack) -> Settings:
    return load_settings(stack.settings())


def _crowd(stack: Stack, receiver: Receiver) -> list[Owner]:
    return prepare(stack.redis_url, _settings(stack), receiver, _OWNERS, _EACH)


@pytest.mark.timeout(180)
def test_slow_and_strict_destinations_hold_up_nobody_else(stack: Stack, receiver: Receiver) -> None:
    crowd = _crowd(stack, receiver)
    hanging, patient = crowd[:_HANGING], crowd[_HANGING : _HANGING + _PATIENT]
    healthy = crowd[_HANGING + _PATIENT :]
    for owner in hanging:
        receiver.answer(owner.path, *[Answer(hang=True)] * 50)
    for owner in patient:
        receiver.answer(owner.path, Answer(429, {"Retry-After": str(_HINT_SECONDS)}))
    struck = now_ms() + 1_000
    strike(stack.redis_url, crowd, struck)
    deadline = time.monotonic() + 1 + 10
    until(lambda: _all_told(receiver, healthy), deadline - time.monotonic())
    until(lambda: _all_told(receiver, patient, answers=2), _HINT_SECONDS + _LOADED_SECONDS)
    for owner in healthy:
        _told_once(receiver, owner)
    for owner in patient:
        _told_once(receiver, owner)
        first, second = receiver.arrivals(owner.path)[:2]
        assert first.key == second.key
        assert second.at - first.at >= _HINT_SECONDS * 1_000
    assert all(len({arrival.key for arrival in receiver.arrivals(owner.path)}) == 1 for owner in hanging)


@pytest.mark.timeout(180)
def test_a_worker_killed_in_the_middle_loses_nothing_and_changes_no_key(
    stack: Stack, receiver: Receiver
) -> None:
    crowd = _crowd(stack, receiver)
    receiver.delay = 0.5
    strike(stack.redis_url, crowd, now_ms() + 500)
    until(lambda: len(receiver.arrivals()) >= _OWNERS // 10, 20)
    horses = children(stack.pid("worker"))
    stack.kill("worker")
    killed = [kill_if_ttr(horse) for horse in horses]
    assert any(killed)
    receiver.delay = 0.05
    stack.start("worker")
    until(lambda: _all_told(receiver, crowd, answered=True), 20)
    for owner in crowd:
        _told_once(receiver, owner)


def _all_told(receiver: Receiver, owners: list[Owner], *, answers: int = 1, answered: bool = False) -> bool:
    """Whether each owner has had a request (or answered one) about each of his checks, and `answers` of them."""
    arrivals = receiver.answered() if answered else receiver.arrivals()
    by_path: dict[str, list[set[int]]] = {}
    for arrival in arrivals:
        by_path.setdefault(arrival.path, []).append({event["check_id"] for event in arrival.body["events"]})
    return all(
        set().union(*by_path.get(owner.path, [])) >= set(owner.checks) and len(by_path[owner.path]) >= answers
        for owner in owners
    )


def _told_once(receiver: Receiver, owner: Owner) -> None:
    """Each check's failure came under one idempotency key, and nothing else came."""
    events = told(receiver, owner.path)
    assert len(events) == len(owner.checks), events
    assert all(len(keys) == 1 for keys in events.values()), events
