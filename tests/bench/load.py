"""A load from raw sockets in a process of its own, cheaper than what it loads: `run` starts it and waits.

Two ways to ask. Without a rate each connection asks again as soon as it is answered: how many a second can there
be? With a rate each request has its time, and how long it took counts from there, whether a connection was free
or not: what a stall delays is late as well, and none is left out because nothing could be sent meanwhile.

No request is cut: when the time is over, those under way are answered first. So what was acknowledged can be
compared with what Redis holds.

Beside wrk 4.1 (64 connections, a server that only answers, 2 busy cores) a request took 11 to 13 us of this process's
CPU and 7 of wrk's; one with a connection of its own 50. Loopback only; bounded by its seconds.
"""

import asyncio
import gc
import pickle
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, cycle

import hiredis
import uvloop

from tests.bench import cores
from ttr.now import now_ms

_PATIENCE = 20
"""Seconds for answers to what was asked before the end; what is unanswered then is lost."""

Turn = tuple[bytes, bytes]
"""A request in two halves, for many may share a body."""


@dataclass(frozen=True, slots=True)
class Load:
    """What to ask, of whom, and for how long."""

    address: str
    """`127.0.0.1:port`, or the path of a socket."""
    turns: list[list[Turn]]
    """For each connection what it asks, one after the other and then again from the start."""
    seconds: float
    warm_seconds: float = 0.5
    """Before that: asked and counted, but not timed."""
    rate: float = 0
    """Requests a second by a plan; 0 for as many as are answered."""
    close: bool = False
    """A connection for each request, which the server closes."""
    once: bool = False
    """Each turn once, however long it takes."""
    pinned: bool = True
    """On a core of its own, if this machine has three; else wherever there is room."""
    redis_due_ms: int = 0
    """If given, the address is a Redis, and each turn a format for `%(now)d`, `%(due)d`, so much later, and
    `%(number)d`, which differs each time."""


@dataclass(slots=True)
class Answered:
    """What came of it. Times are in ms, of requests that were asked after the warm-up."""

    statuses: Counter[str] = field(default_factory=Counter)
    """All answers: by HTTP status, or by the first word of a script's answer."""
    lost: int = 0
    """Asked, and not answered."""
    rate: float = 0
    """Answers a second."""
    p50: float = 0
    p99: float = 0
    max: float = 0
    cpu_us: float = 0
    """CPU of this generator for each request."""

    @property
    def acknowledged(self) -> int:
        """Pings that were said to be stored."""
        return sum(self.statuses[good] for good in ("200", "201", "ok"))


async def run(load: Load) -> Answered:
    """Load from a child, which measures."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from tests.bench.load import main; main()"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=cores.on("redis-load" if load.redis_due_ms else "load") if load.pinned else None,
    )
    out, _ = await child.communicate(pickle.dumps(load))
    if child.returncode:
        raise SystemExit("the load generator failed")
    answered: Answered = pickle.loads(out)
    return answered


class _HttpReplies:
    """Takes a stream of answers apart; one at a time is what our connections wait for."""

    def __init__(self) -> None:
        self._rest = b""
        self.bodiless = False

    def feed(self, data: bytes) -> list[str]:
        """The statuses of the answers that `data` completes."""
        rest = self._rest + data if self._rest else data
        statuses = []
        while (end := rest.find(b"\r\n\r\n")) >= 0:
            head = rest[: end + 2].lower()
            at = head.find(b"\r\ncontent-length:")
            size = int(head[at + 17 : head.index(b"\r", at + 17)]) if at >= 0 and not self.bodiless else 0
            if len(rest) < end + 4 + size:
                break
            statuses.append(head[9:12].decode())
            rest = rest[end + 4 + size :]
        self._rest = rest
        return statuses


class _RedisReplies:
    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self.bodiless = False

    def feed(self, data: bytes) -> list[str]:
        self._reader.feed(data)
        statuses = []
        while (reply := self._reader.gets()) is not False:
            statuses.append(reply[0].decode() if isinstance(reply, list) else str(reply))
        return statuses


class _Connection(asyncio.Protocol):
    """Asks what its generator says, one thing at a time."""

    def __init__(self, generator: "_Generator", turns: Iterator[Turn]) -> None:
        self.turns = turns
        self.planned = 0.0
        self.waits = False
        self._generator = generator
        self._due_ms = generator.load.redis_due_ms
        self._replies = _RedisReplies() if self._due_ms else _HttpReplies()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._generator.ready(self)

    def ask(self, planned: float) -> None:
        """Send the next request; its time counts from `planned`."""
        turn = next(self.turns, None)
        if turn is None:
            return self.end()
        self.planned, self.waits = planned, True
        head, body = turn
        self._replies.bodiless = head.startswith(b"HEAD")
        if self._due_ms:
            now, number = now_ms(), next(self._generator.numbers)
            head = head % {b"now": now, b"due": now + self._due_ms, b"number": number}
        self._transport.write(head + body)

    def data_received(self, data: bytes) -> None:
        for status in self._replies.feed(data):
            self.waits = False
            self._generator.answered(self, status)

    def end(self) -> None:
        """Nothing more to ask."""
        self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._generator.gone(self)


class _Generator:
    def __init__(self, load: Load) -> None:
        self.load = load
        self.numbers = count(time.time_ns() // 1_000 % 10**12)
        self._result = Answered()
        self._times: list[float] = []
        self._idle: deque[_Connection] = deque()
        self._late: deque[float] = deque()
        self._planning = bool(load.rate)
        self._opened: set[_Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._done = asyncio.Event()
        self._measured = 0

    async def run(self) -> Answered:
        cpu = time.process_time()
        began = time.perf_counter()
        self._from = began + self.load.warm_seconds
        self._until = self._from + self.load.seconds
        for turns in self.load.turns:
            self._open(iter(turns) if self.load.once else cycle(turns))
        if self.load.rate:
            while self._opening:
                await asyncio.sleep(0.001)
            await self._plan()
        try:
            async with asyncio.timeout(self._until - time.perf_counter() + _PATIENCE):
                await self._done.wait()
        except TimeoutError:
            self._result.lost += sum(one.waits for one in self._opened) + len(self._late)
            self._opened.clear()
        result, times = self._result, sorted(self._times)
        if times:
            result.p50, result.p99, result.max = (
                times[min(len(times) - 1, int(len(times) * share))] * 1e3 for share in (0.5, 0.99, 1)
            )
        result.rate = self._measured / max(self.load.seconds, self.load.warm_seconds)
        result.cpu_us = (time.process_time() - cpu) / max(1, result.statuses.total()) * 1e6
        return result

    async def _plan(self) -> None:
        """Ask each when its time has come, all that are due at once: timers are exact to a millisecond."""
        began = time.perf_counter()
        self._from = began + self.load.warm_seconds
        self._until = self._from + self.load.seconds
        for number in range(int(self.load.rate * (self.load.warm_seconds + self.load.seconds))):
            due = began + number / self.load.rate
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            if self._idle:
                self._idle.popleft().ask(due)
            else:
                self._late.append(due)
        self._planning = False
        while self._idle:
            self._idle.popleft().end()

    def ready(self, one: _Connection) -> None:
        """It may ask."""
        self._opened.add(one)
        now = time.perf_counter()
        if self.load.rate:
            if self._late:
                one.ask(self._late.popleft())
            elif self._planning:
                self._idle.append(one)
            else:
                one.end()
        elif self.load.once or now < self._until:
            one.ask(now)
        else:
            one.end()

    def answered(self, one: _Connection, status: str) -> None:
        """It was answered."""
        now = time.perf_counter()
        self._result.statuses[status] += 1
        if one.planned >= self._from:
            self._times.append(now - one.planned)
        if self._from <= now <= self._until:
            self._measured += 1
        if not self.load.close:
            self.ready(one)

    def gone(self, one: _Connection) -> None:
        """It is closed: at its end, after its one answer, or by a fault of the server."""
        if one not in self._opened:
            return
        self._opened.discard(one)
        self._result.lost += one.waits
        if self.load.close and time.perf_counter() < self._until:
            self._open(one.turns)
        else:
            self._look_for_end()

    def _look_for_end(self) -> None:
        if not self._opened and not self._opening:
            self._done.set()

    def _open(self, turns: Iterator[Turn]) -> None:
        task = asyncio.get_running_loop().create_task(self._connect(turns))
        self._opening.add(task)
        task.add_done_callback(self._connected)

    def _connected(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        if task.exception() is not None:
            self._result.lost += 1
        self._look_for_end()

    async def _connect(self, turns: Iterator[Turn]) -> None:
        loop = asyncio.get_running_loop()
        host, _, port = self.load.address.rpartition(":")
        if host:
            await loop.create_connection(lambda: _Connection(self, turns), host, int(port))
        else:
            await loop.create_unix_connection(lambda: _Connection(self, turns), self.load.address)


def main() -> None:
    """The child: a pickled Load on stdin, a pickled Answered on stdout."""
    load: Load = pickle.loads(sys.stdin.buffer.read())
    if not load.address.startswith(("127.0.0.1:", "/")):
        raise SystemExit("only this machine is ever loaded")
    gc.freeze()
    gc.disable()
    answered = uvloop.run(_Generator(load).run())
    sys.stdout.buffer.write(pickle.dumps(answered))
