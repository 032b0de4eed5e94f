"""What a second process of each kind costs and adds, and what a ping, a flip and a message move: docs/scaling.md.

CPU time and bytes alone, so that a busy machine tells the same. Each step is measured with one process and with two, in
turns; a ratio of 1.00 says that the work is shared and none of it done twice.
"""

import asyncio
import http.client
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import redis

from tests.journeys.client import Account, call, sign_up, until
from tests.journeys.crowd import prepare, strike
from tests.journeys.receiver import Receiver
from tests.journeys.stack import Stack, children
from ttr.now import now_ms
from ttr.settings import load_settings

ROUNDS = 3
PINGS = 2_000
CLIENTS = 8
OWNERS, EACH = 200, 10
REST_SECONDS = 8.0


async def run() -> None:
    """Print a line for each question."""
    await asyncio.to_thread(measure)


def measure() -> None:
    """One stack for all of it; what is not measured is stopped, for it does things of its own."""
    with (
        Stack(webs=2, clocks=2, workers=2, own_queue=True, LOG_LEVEL="ERROR") as stack,
        Receiver() as receiver,
    ):
        _rest(stack, "two of each")
        for name in ("web2", "clock2", "worker2"):
            stack.stop(name)
        _rest(stack, "one of each")
        stack.start("web2")
        until(lambda: _answers(stack.ports[1]), 30)
        _pings(stack)
        _flips(stack, receiver)


def _rest(stack: Stack, what: str) -> None:
    names = [name for name in stack.names if name in stack.running()]
    before = {name: _cpu(stack, name) for name in names}
    began = time.monotonic()
    time.sleep(REST_SECONDS)
    took = time.monotonic() - began
    told = ", ".join(f"{name} {(_cpu(stack, name) - before[name]) / took * 1000:.1f}" for name in names)
    print(f"at rest, {what}: ms of CPU a second: {told}")
    print(f"at rest, {what}: MB of memory: " + ", ".join(f"{n} {_resident(stack, n)}" for n in names))


def _pings(stack: Stack) -> None:
    account = sign_up(stack.port)
    for number in range(50):
        account.add(f"job-{number}", interval_seconds=3_600)
    one, two = list[tuple[float, float]](), list[tuple[float, float]]()
    volume = list[tuple[float, float, float]]()
    for _ in range(ROUNDS):
        with _volume(stack, volume):
            one.append(_ping(stack, account, stack.ports[:1]))
        two.append(_ping(stack, account, stack.ports))
    for what, at in (("web", 0), ("Redis", 1)):
        a, b = (median(each[at] for each in found) / PINGS * 1e6 for found in (one, two))
        print(f"a ping, {what}: {a:.0f} us of CPU with one web process, {b:.0f} with two: {b / a:.2f}")
    aof, received, sent = (median(each[at] for each in volume) / PINGS for at in range(3))
    print(f"a ping, Redis: {aof:.0f} bytes of append-only file, {received:.0f} received, {sent:.0f} sent")


def _ping(stack: Stack, account: Account, ports: list[int]) -> tuple[float, float]:
    names = ["web", "web2"][: len(ports)]

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", ports[number % len(ports)], timeout=30)
        for turn in range(PINGS // CLIENTS):
            connection.request("GET", f"/p/{account.user_slug}/job-{(number + turn * CLIENTS) % 50}")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
        connection.close()

    def work() -> None:
        threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    work()  # warm, and the caches of both know the account
    web, server = sum(_cpu(stack, name) for name in names), _cpu(stack, "redis")
    work()
    return sum(_cpu(stack, name) for name in names) - web, _cpu(stack, "redis") - server


def _flips(stack: Stack, receiver: Receiver) -> None:
    settings = load_settings(stack.settings())
    found: dict[int, list[tuple[float, float, float]]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for count in (1, 2):
            if count == 2:
                stack.start("clock2")
                stack.start("worker2")
                until(lambda: _well(stack) == {"clock": 2, "worker": 2}, 60)
            crowd = prepare(stack.redis_url, settings, receiver, OWNERS, EACH)
            names = [name for name in ("clock", "clock2", "worker", "worker2") if name in stack.running()]
            until(lambda: not _horses(stack), 30)
            before = {name: _cpu(stack, name) for name in (*names, "redis")}
            so_far = len(receiver.arrivals())
            strike(stack.redis_url, crowd, now_ms())
            until(lambda so_far=so_far: len(receiver.arrivals()) >= so_far + OWNERS, 60)
            until(lambda: not _horses(stack), 60)
            used = {name: _cpu(stack, name) - before[name] for name in before}
            clocks = sum(used[name] for name in names if name.startswith("clock"))
            workers = sum(used[name] for name in names if name.startswith("worker"))
            messages = len(receiver.arrivals()) - so_far
            found[count].append(
                (clocks / OWNERS / EACH * 1e6, workers / messages * 1e3, used["redis"] / OWNERS / EACH * 1e6)
            )
        stack.stop("clock2")
        stack.stop("worker2")
    for at, what in enumerate(
        (
            "a flip, clocks: {:.0f} us of CPU with one, {:.0f} with two: {:.2f}",
            "a message, workers: {:.1f} ms of CPU with one (the fork of a job among it), {:.1f} with two: {:.2f}",
            "a flip and its message, Redis: {:.0f} us of CPU with one of each, {:.0f} with two: {:.2f}",
        )
    ):
        one, two = (median(each[at] for each in found[count]) for count in (1, 2))
        print(what.format(one, two, two / one))


def _well(stack: Stack) -> dict[str, int]:
    told = json.loads(call(stack.port, "GET", "/health")[1])["processes"]
    return {kind: told[kind]["well"] for kind in ("clock", "worker")}


def _horses(stack: Stack) -> list[int]:
    return [pid for name in stack.running() if name.startswith("worker") for pid in children(stack.pid(name))]


@contextmanager
def _volume(stack: Stack, into: list[tuple[float, float, float]]) -> Iterator[None]:
    # Half of what is sent is the warming up, which is the same; so both are counted and halved.
    with redis.Redis.from_url(stack.redis_url) as client:

        def look() -> tuple[float, float, float]:
            info = client.info()
            names = ("aof_current_size", "total_net_input_bytes", "total_net_output_bytes")
            aof, received, sent = (float(info[name]) for name in names)
            return aof, received, sent

        before = look()
        yield
        after = look()
        into.append(tuple((b - a) / 2 for a, b in zip(before, after, strict=True)))


def _cpu(stack: Stack, name: str) -> float:
    """Seconds of CPU of a process and of its children that have ended."""
    fields = Path(f"/proc/{stack.pid(name)}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _resident(stack: Stack, name: str) -> int:
    """MB, of which processes of one kind share a part."""
    pages = int(Path(f"/proc/{stack.pid(name)}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000


def _answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


if __name__ == "__main__":
    measure()
