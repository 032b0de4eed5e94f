"""Real processes that are killed, stopped and stuck: /health tells, and forgets."""

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.conftest import start_redis
from tests.journeys.client import call, sign_up, until
from tests.journeys.receiver import Receiver
from tests.journeys.stack import Stack, children, kill_if_ttr
from ttr.domain.liveness import Process, judge
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.processes import unpack_processes

# What is promised is 10 s; a machine that is busy with other tests gets more.
_TOLD_SECONDS = 30
_FORGOTTEN_SECONDS = 120
_BOT = {
    "TELEGRAM_AUTH_ENABLED": "true",
    "TELEGRAM_BOT_NAME": "AcmeJobsBot",
    "TELEGRAM_BOT_TOKEN": "1234:" + "a" * 30,
    "TELEGRAM_API_URL": "http://127.0.0.1:1",  # nobody is there, and the bot asks again and again
}
SECOND = ("web2", "clock2", "worker2")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Two of each, so that /health answers whatever is killed."""
    with Stack(webs=2, clocks=2, workers=2, **_BOT) as stack:
        pids = [stack.pid(name) for name in stack.names if name != "redis"]
        until(lambda: states(stack, pids) == ["well"] * 6)
        yield stack


def health(stack: Stack) -> dict[str, Any]:
    """What the first web process says."""
    _, answer = call(stack.port, "GET", "/health")
    told: dict[str, Any] = json.loads(answer)
    return told


def said(stack: Stack) -> list[Process]:
    """What processes have said."""
    with redis.Redis.from_url(stack.redis_url) as client:
        return unpack_processes(client.hgetall(keys.processes()))


def states(stack: Stack, pids: list[int]) -> list[str]:
    """How these processes do; "unknown" for one that is not known (any more)."""
    found = {one.process.pid: one.state for one in judge(said(stack), now_ms()).processes}
    return [found.get(pid, "unknown") for pid in pids]


def start_second(stack: Stack) -> None:
    """Start the second of each again, and wait until it is there."""
    for name in SECOND:
        stack.start(name)
    until(lambda: states(stack, [stack.pid(name) for name in SECOND]) == ["well"] * 3, _TOLD_SECONDS)


def is_told(stack: Stack, kind: str, **states: int) -> bool:
    """Whether a kind has so many in each state."""
    told = health(stack)["processes"][kind]
    return all(told[state] == count for state, count in states.items())


@pytest.mark.timeout(240)
def test_who_was_killed_is_silent_and_its_successor_is_there_at_once(stack: Stack) -> None:
    killed = [stack.pid(name) for name in SECOND]
    for name in SECOND:
        stack.kill(name)
    until(lambda: states(stack, killed) == ["silent"] * 3, _TOLD_SECONDS)
    told = health(stack)
    assert (told["status"], told["missing"], told["workers_online"]) == ("ok", [], 1)
    assert all(told["processes"][kind]["silent"] for kind in ("web", "clock", "worker"))
    start_second(stack)


@pytest.mark.soak
@pytest.mark.timeout(240)
def test_who_was_killed_is_forgotten(stack: Stack) -> None:
    killed = [stack.pid("clock2")]
    stack.kill("clock2")
    until(lambda: states(stack, killed) == ["silent"], _TOLD_SECONDS)
    until(lambda: states(stack, killed) == ["unknown"], _FORGOTTEN_SECONDS)
    until(lambda: killed[0] not in [one.pid for one in said(stack)], _FORGOTTEN_SECONDS)
    stack.start("clock2")
    until(lambda: states(stack, [stack.pid("clock2")]) == ["well"], _TOLD_SECONDS)


@pytest.mark.timeout(240)
def test_who_ends_in_order_is_gone_at_once(stack: Stack) -> None:
    for name in SECOND:
        ended = [stack.pid(name)]
        stack.stop(name)
        assert states(stack, ended) == ["unknown"], name
    start_second(stack)


@pytest.mark.timeout(240)
def test_who_is_stopped_is_silent_and_well_again_when_it_goes_on(stack: Stack) -> None:
    names = (*SECOND, "worker")
    pids = [stack.pid(name) for name in names]
    for name in names:
        stack.signal(name, signal.SIGSTOP)
    until(lambda: states(stack, pids) == ["silent"] * 4, _TOLD_SECONDS)
    told = health(stack)
    assert (told["status"], told["missing"], told["parts"]["worker"]) == ("degraded", ["worker"], "silent")
    for name in names:
        stack.signal(name, signal.SIGCONT)
    until(lambda: states(stack, pids) == ["well"] * 4, _TOLD_SECONDS)
    assert health(stack)["status"] == "ok"


@pytest.mark.timeout(240)
def test_the_bot_is_told_as_well(stack: Stack) -> None:
    stack.start("bot")
    bot = [stack.pid("bot")]
    until(lambda: states(stack, bot) == ["well"], _TOLD_SECONDS)
    stack.signal("bot", signal.SIGSTOP)
    until(lambda: states(stack, bot) == ["silent"], _TOLD_SECONDS)
    assert health(stack)["processes"]["bot"]["silent"] == 1
    assert health(stack)["status"] == "ok"
    stack.signal("bot", signal.SIGCONT)
    until(lambda: states(stack, bot) == ["well"], _TOLD_SECONDS)
    stack.stop("bot")
    assert states(stack, bot) == ["unknown"]


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("loop", "function"),
    [
        ("dispatch", "ttr.dispatch.Dispatcher.step"),
        ("chores", "ttr.chores.finish_lapsed"),
        ("watch", "ttr.watch.look_at"),
    ],
)
def test_a_loop_that_hangs_is_told_and_counts_when_no_other_clock_goes_round(
    stack: Stack, loop: str, function: str
) -> None:
    stack.stop("clock2")
    stack.start("clock2", function)
    until(lambda: is_told(stack, "clock", well=1, stuck=1), _TOLD_SECONDS)
    told = health(stack)
    assert told["processes"]["clock"]["stuck_loops"] == [loop]
    assert (told["status"], told["parts"]["loops"], told["missing"]) == ("ok", "stuck", [])
    stack.stop("clock")
    until(lambda: is_told(stack, "clock", well=0, stuck=1), _TOLD_SECONDS)
    told = health(stack)
    assert told["missing"] == [loop]
    assert told["status"] == "degraded" or loop == "watch"
    stack.stop("clock2")
    stack.start("clock")
    stack.start("clock2")
    until(lambda: is_told(stack, "clock", well=2, stuck=0), _TOLD_SECONDS)


@pytest.mark.timeout(240)
def test_an_event_loop_that_is_blocked_is_silent(stack: Stack) -> None:
    stack.stop("clock2")
    stack.start("clock2", "ttr.chores.finish_lapsed", "blocks")
    blocked = [stack.pid("clock2")]
    until(lambda: states(stack, blocked) == ["well"], _TOLD_SECONDS)
    until(lambda: states(stack, blocked) == ["silent"], _TOLD_SECONDS)
    assert health(stack)["processes"]["clock"]["well"] == 1
    stack.kill("clock2")
    stack.start("clock2")
    until(lambda: is_told(stack, "clock", well=2), _TOLD_SECONDS)


@pytest.mark.timeout(240)
def test_a_web_process_that_says_nothing_of_pings_any_more_is_stuck(stack: Stack) -> None:
    stack.stop("web2")
    stack.start("web2", "ttr.app.tick_web")
    until(lambda: health(stack)["processes"]["web"]["stuck_loops"] == ["tick"], _TOLD_SECONDS)
    stack.kill("web2")
    stack.start("web2")
    until(lambda: health(stack)["processes"]["web"]["well"] == 2, _TOLD_SECONDS)


@pytest.mark.timeout(240)
def test_a_worker_whose_job_is_stopped_or_stuck_is_not_online(stack: Stack, receiver: Receiver) -> None:
    stack.stop("worker2")
    account = sign_up(stack.port)
    account.add("job", receiver.url("/hook"))
    receiver.wait("/hook", 1, within=_TOLD_SECONDS)
    receiver.delay = 9  # a receiver that hangs holds the job for as long
    account.ping("job")
    horse = until(lambda: children(stack.pid("worker")), _TOLD_SECONDS)[0]
    os.kill(horse, signal.SIGSTOP)
    until(lambda: health(stack)["missing"] == ["worker"], _TOLD_SECONDS)
    told = health(stack)
    assert told["processes"]["worker"]["stuck_loops"] == ["job"]
    assert told["status"] == "degraded"
    assert states(stack, [horse]) == ["silent"]
    os.kill(horse, signal.SIGKILL)  # RQ sees that at once, though it is told as silent for another while
    until(lambda: health(stack)["workers_online"] == 1, _TOLD_SECONDS)
    receiver.delay = 0
    stack.kill("worker")
    stack.start("worker", "ttr.notify.Sender.take")
    account.add("other", receiver.url("/other"))
    until(lambda: health(stack)["processes"]["sender"]["stuck_loops"] == ["send"], _TOLD_SECONDS)
    assert health(stack)["missing"] == ["worker"]
    horses = children(stack.pid("worker"))
    stack.kill("worker")
    for horse in horses:  # it would hang for ever
        kill_if_ttr(horse)
    for name in ("worker", "worker2"):
        stack.start(name)


def test_a_worker_whose_queue_hangs_is_stuck_and_says_so_itself() -> None:
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        queue = start_redis(Path(folder))
        try:
            with Stack(QUEUE_REDIS_URL=queue.url) as stack:
                until(lambda: health(stack)["workers_online"] == 1)
                queue.process.send_signal(signal.SIGSTOP)
                until(lambda: health(stack)["processes"]["worker"]["stuck_loops"] == ["rq"], _TOLD_SECONDS)
                # The clock notices of the queue itself, sooner or later than the worker.
                until(lambda: health(stack)["missing"] == ["queue", "worker"], _TOLD_SECONDS)
                queue.process.send_signal(signal.SIGCONT)
                until(lambda: health(stack)["workers_online"] == 1, _TOLD_SECONDS)
        finally:
            queue.process.send_signal(signal.SIGCONT)
            queue.process.kill()
            queue.process.wait()
