"""SIGKILL to each process at random moments under `ttr up`: no alert is lost, none is told twice, all goes on.

Another run of the same moments: `KILL_SEED=<the seed that was printed> pytest ...`.
"""

import http.client
import os
import random
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from tests.journeys.client import Account, sign_up, until
from tests.journeys.jobs_at_work import JobsAtWork
from tests.journeys.receiver import Arrival, Receiver
from tests.journeys.stack import children, kill_if_ttr
from tests.journeys.supervised import Supervised
from ttr.now import now_ms

TARGETS = ("web", "clock", "worker", "horse", "redis")
_HOOK = "/hook"
# So long takes every answer, so that a kill can meet a request.
_ANSWER_SECONDS = 0.25
# A delivery whose sender died is due again when its lease lapses.
_LEASE_SECONDS = 10
_LOADED_SECONDS = 30


@dataclass
class Story:
    """What has been done, and so what must have been told."""

    told: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Per check, the alerts that are due to its owner, in order."""
    kills: list[tuple[str, int]] = field(default_factory=list)
    """Who was killed, and when (ms)."""


@pytest.mark.timeout(240)
def test_kills_lose_no_alert_and_repeat_none() -> None:
    targets = list(TARGETS)
    seed = _seed()
    random.Random(seed).shuffle(targets)
    _rounds(seed, targets)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_fifty_kills_lose_no_alert_and_repeat_none() -> None:
    seed = _seed()
    chance = random.Random(seed)
    _rounds(seed, [name for _ in range(10) for name in chance.sample(TARGETS, len(TARGETS))])


def _seed() -> int:
    seed = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1, 1_000_000)
    print(f"KILL_SEED={seed}")
    return seed


def _rounds(seed: int, targets: list[str]) -> None:
    chance = random.Random(seed)
    slugs = [f"job-{number}" for number in range(8)]
    story = Story()
    with Receiver() as receiver, Supervised() as stack:
        receiver.delay = _ANSWER_SECONDS
        account = sign_up(stack.port)
        for slug in slugs:
            account.add(slug, receiver.url(_HOOK), interval_seconds=2, grace_seconds=2)
        with JobsAtWork(account, slugs) as jobs:
            silent: list[str] = []
            for number, target in enumerate(targets):
                silent = _round(chance, stack, account, receiver, jobs, story, silent, target)
                slug = f"fresh-{number}"
                _alerts_still_arrive(account, receiver, slug)
                story.told[slug].append("down")
                _nothing_else_was_told(receiver, story, slugs)
            for slug in silent:
                jobs.come_back(slug)
                story.told[slug].append("up")
            until(lambda: _complete(receiver, story), _LEASE_SECONDS + _LOADED_SECONDS)
        receiver.stays_at("/none", 0, 1)
        _nothing_else_was_told(receiver, story, slugs)
        _repeats_were_in_flight(receiver, story)
        for slug in slugs:
            count = account.show(slug)["ping_count"]
            # What was answered 200 is there; a ping whose answer was lost may be there too.
            assert jobs.taken[slug] <= count <= jobs.taken[slug] + jobs.unknown[slug], slug
    print(f"{len(targets)} kills, {len(receiver.arrivals())} requests, {sum(jobs.taken.values())} pings")


def _round(
    chance: random.Random,
    stack: Supervised,
    account: Account,
    receiver: Receiver,
    jobs: JobsAtWork,
    story: Story,
    silent: list[str],
    target: str,
) -> list[str]:
    """Some checks fall silent, those that were come back, and somebody is killed meanwhile; who is silent now."""
    working = [slug for slug in (f"job-{number}" for number in range(8)) if slug not in silent]
    falling = chance.sample(working, 3)
    for slug in falling:
        jobs.fall_silent(slug)
        story.told[slug].append("down")
    # A horse lives for as long as there is something to send: wait for it before the alerts leave, 4 s after the
    # last pings.
    kill_at = chance.uniform(0, 3 if target == "horse" else 5)
    began = time.monotonic()
    for at, what in sorted([(kill_at, "kill"), (chance.uniform(0, 5), "come back")]):
        time.sleep(max(0, began + at - time.monotonic()))
        if what == "kill":
            story.kills.append((target, _kill(chance, stack, target)))
        else:
            for slug in silent:
                jobs.come_back(slug)
                story.told[slug].append("up")
    until(lambda: _complete(receiver, story), _LEASE_SECONDS + _LOADED_SECONDS)
    return falling


def _kill(chance: random.Random, stack: Supervised, target: str) -> int:
    """Kill it; the moment in ms."""
    if target != "horse":
        stack.kill(target)
        return now_ms()
    age = chance.uniform(0, _ANSWER_SECONDS + 0.1)
    deadline = time.monotonic() + _LOADED_SECONDS
    while time.monotonic() < deadline:
        for pid in children(stack.pid("worker")):
            time.sleep(age)
            if kill_if_ttr(pid):
                return now_ms()
            age = 0
        time.sleep(0.001)
    raise AssertionError("no horse came by")


def _alerts_still_arrive(account: Account, receiver: Receiver, slug: str) -> None:
    """A check made after the kill, which never pings, is told within 15 s of its deadline."""
    made = until(lambda: _made(account, slug, receiver.url(f"/{slug}")), 15 + _LOADED_SECONDS)
    assert made
    down = receiver.wait(f"/{slug}", 1, within=2 + 15)[0]
    assert down.body["status"] == "down"
    assert down.at - _ms(made["deadline"]) <= 15_000


def _made(account: Account, slug: str, hook: str) -> dict[str, Any] | None:
    """The check once it is there with its webhook; what is killed meanwhile may take several turns."""
    with suppress(OSError, http.client.HTTPException, AssertionError):
        made = account.add(slug, hook)
        return made
    with suppress(OSError, http.client.HTTPException, AssertionError):
        account.api("DELETE", f"/checks/{slug}")
    return None


def _complete(receiver: Receiver, story: Story) -> bool:
    """Whether everything that is due has been told."""
    told = _told(receiver)
    return all(len(told.get(slug, ())) >= len(due) for slug, due in story.told.items())


def _nothing_else_was_told(receiver: Receiver, story: Story, slugs: list[str]) -> None:
    told = _told(receiver)
    for slug in slugs:
        assert told.get(slug, []) == story.told[slug], slug
    keys = defaultdict(set)
    for arrival in receiver.arrivals():
        for event in arrival.body["events"]:
            keys[event["event_id"]].add(arrival.key)
    assert {event: found for event, found in keys.items() if len(found) > 1} == {}


def _repeats_were_in_flight(receiver: Receiver, story: Story) -> None:
    """A key comes twice only if the first request was open, or its report had no Redis, at a kill."""
    by_key: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in receiver.arrivals():
        by_key[arrival.key].append(arrival)
    for key, arrivals in by_key.items():
        for earlier in arrivals[:-1]:
            assert any(_may_be_hit_by(earlier, target, at) for target, at in story.kills), (key, story.kills)


def _may_be_hit_by(arrival: Arrival, target: str, killed_at: int) -> bool:
    open_for = _ANSWER_SECONDS * 1000 + 1_000
    if target in ("worker", "horse"):
        return killed_at - open_for <= arrival.at <= killed_at + 100
    if target == "redis":  # away until it is started again
        return killed_at - open_for <= arrival.at <= killed_at + 10_000
    return False


def _told(receiver: Receiver) -> dict[str, list[str]]:
    """Per check, what it was told in the order of the events; repeats of a request count once.

    A request that was cut off by the death of its sender doesn't count: it has to come again.
    """
    events: dict[str, dict[str, tuple[int, str]]] = defaultdict(dict)
    for arrival in receiver.answered():
        for event in arrival.body["events"]:
            events[event["check_slug"]][event["event_id"]] = (_ms(event["timestamp"]), event["status"])
    return {slug: [status for _, status in sorted(found.values())] for slug, found in events.items()}


def _ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)
