"""Script calls of many tasks over one connection to each node: what a turn of the loop has to ask leaves in one write,
and the answers come back in the same order.

redis-py takes a connection out of a pool for a call and waits for its answer there: of a ping's time that was more than
all else. It still opens our connections, with its timeouts, credentials and TLS, and it knows the nodes of a cluster.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

from hiredis import PushNotification, Reader, pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ConnectionError,
    MovedError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)

from ttr.domain.metrics import REDIS_SECONDS
from ttr.meter import observe
from ttr.store import keys
from ttr.store.nodes import Nodes
from ttr.store.scripts import Arg, Scripts, is_missing

ANSWER_SECONDS = 5.0
"""A connection whose oldest call waits longer than that is given up, and with it all that wait there."""
CALLS_MOST = 10_000
"""So many calls may wait for one node; one more is refused."""
BYTES_MOST = 67_108_864
"""Of calls that wait for one node; a ping takes 0.5 kB, and one with the longest body 100 kB."""
# A connection that nobody uses is tried, so that a firewall that forgot it costs no ping its 5 s.
_QUIET_SECONDS = 10.0
_LOOK_SECONDS = 1.0
# Some 8 pings. When many come in one turn, Redis works on the first of them while the rest are still read; all sent
# together, either process waited for the other: 7,200 pings a second instead of 9,400.
_CHUNK_BYTES = 4_096

_CLOSED = "the connections to Redis are closed"
T = TypeVar("T")
_ELSEWHERE = (MovedError, AskError, TryAgainError, ClusterDownError)


class LostError(ConnectionError):
    """The connection broke before the answer came: the call may have been done or not."""


class Pipelined:
    """The calls of one process; its connections are made when they are first needed."""

    def __init__(self, redis: Any, nodes: Nodes, scripts: Scripts) -> None:
        self._redis = redis
        self._nodes = nodes
        self._scripts = scripts
        self._lines: dict[str, _Line] = {}
        self._doing: dict[tuple[str, str], asyncio.Task[Any]] = {}
        self._closed = False

    async def run(
        self, name: str, partition: int, args: Sequence[Arg], *, may_repeat: Callable[[], bool]
    ) -> Any:
        """Run command `name` on a partition, as `Scripts.run` does.

        `may_repeat` says, when an answer is lost, whether the call would be known as a repeat; if not, that is raised.
        Raises what redis-py raises.
        """
        key = keys.prefix(partition)
        words = ("FCALL", self._scripts.name_of(name), 1, key, *args)
        return await self._ask(key, words, may_repeat, name)

    async def get(self, key: str) -> bytes | None:
        """The value of a string; None when there is none. Raises what redis-py raises."""
        value: bytes | None = await self._ask(key, ("GET", key), lambda: True, None)
        return value

    async def close(self) -> None:
        """Close the connections; whoever still waits gets LostError."""
        self._closed = True
        for doing in list(self._doing.values()):
            doing.cancel()
        for line in self._lines.values():
            line.close()
        self._lines.clear()

    async def _ask(
        self, key: str, words: tuple[Arg, ...], may_repeat: Callable[[], bool], command: str | None
    ) -> Any:
        lost: LostError | None = None
        elsewhere = loaded = False
        while True:
            node = self._nodes.of(key)
            line = self._lines.get(node)
            if line is None or line.over:
                line = await self._open(node)
            if lost and not may_repeat():
                raise lost  # others have been sent meanwhile
            try:
                return await line.ask(words)
            except LostError as error:
                learning = self._learn()
                if lost or not may_repeat():
                    raise
                lost = error
                await learning
            except ReadOnlyError:
                # It was a primary: a new connection may lead to the new one.
                line.retire()
                raise
            except ResponseError as error:
                if command and is_missing(error) and not loaded:
                    loaded = True
                    await self._load(node, line, command)
                elif isinstance(error, _ELSEWHERE):
                    if elsewhere:
                        # Still on the move: redis-py knows how to ask for a slot that is between two nodes.
                        return await self._redis.execute_command(*words)
                    elsewhere = True
                    await self._learn()
                else:
                    raise

    async def _open(self, node: str) -> "_Line":
        if self._closed:
            raise LostError(_CLOSED)
        return await self._once(("open", node), lambda: self._connect(node))

    async def _connect(self, node: str) -> "_Line":
        connection = self._nodes.connection(node)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]  # redis-py's
            line = _Line(connection)
        except (ConnectionError, TimeoutError):
            self._learn()
            raise
        except RuntimeError as error:  # uvloop's, of a transport that was closed meanwhile
            self._learn()
            raise ConnectionError(str(error)) from error
        if self._closed:
            line.close()
            raise LostError(_CLOSED)
        self._lines[node] = line
        return line

    async def _load(self, node: str, line: "_Line", name: str) -> None:
        """Give a node the library of a command; many calls miss it at once after a restart."""
        words = ("FUNCTION", "LOAD", "REPLACE", self._scripts.source_of(name))

        async def load() -> None:
            await line.ask(words)

        await self._once((name, node), load)

    def _learn(self) -> "asyncio.Future[None]":
        """Ask who serves what; it need not be waited for."""
        return self._once(("learn", ""), self._learn_nodes)

    async def _learn_nodes(self) -> None:
        try:
            await self._nodes.learn()
        except (ConnectionError, TimeoutError, ResponseError):
            return  # the next call that fails asks again
        # What a node no longer serves needs no connection to it.
        nodes = self._nodes.all()
        for node in [node for node in self._lines if node not in nodes]:
            self._lines.pop(node).retire()

    def _once(self, what: tuple[str, str], do: Callable[[], Coroutine[Any, Any, T]]) -> "asyncio.Future[T]":
        """What many need at once is done once, and whoever stops waiting leaves it to the others. At the end, whoever
        waits is cancelled: the process ends."""
        doing = self._doing.get(what)
        if doing is None:
            doing = self._doing[what] = asyncio.create_task(do())
            doing.add_done_callback(lambda done: self._done(what, done))
        return asyncio.shield(doing)

    def _done(self, what: tuple[str, str], done: "asyncio.Task[Any]") -> None:
        del self._doing[what]
        _heed(done)


@dataclass(slots=True, eq=False)
class _Call:
    answer: asyncio.Future[Any]
    size: int
    asked_at: float


class _Line(asyncio.Protocol):
    """One connection: redis-py's until it is made, ours from then on."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._over = self._retired = False
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Call] = deque()
        self._unsent: list[bytes] = []
        self._bytes = self._unsent_bytes = 0
        self._flushing = self._full = False
        self._heard = self._looked = perf_counter()
        # These names are not documented; `tests/store/test_pipelined.py` fails when one changes. Nothing has been asked
        # yet, so nothing is on its way to the protocol that we replace.
        held: Any = connection
        self._close = held._close
        self._reader = Reader(replyError=held._parser.parse_error)
        self._transport: asyncio.Transport = held._writer.transport
        # What is more than that leaves at once.
        self._transport.set_write_buffer_limits(high=_CHUNK_BYTES)
        self._transport.set_protocol(self)
        self._looking = self._loop.call_later(_LOOK_SECONDS, self._look)

    @property
    def over(self) -> bool:
        """Whether it takes no more calls."""
        return self._over or self._retired

    def ask(self, words: tuple[Arg, ...]) -> asyncio.Future[Any]:
        """The answer to come. Raises ConnectionError when too much waits already."""
        if self.over:
            raise LostError("the connection to Redis is closed")
        packed = pack_command(words)  # type: ignore[arg-type]  # its stub asks for one word
        if len(self._waiting) >= CALLS_MOST or self._bytes + len(packed) > BYTES_MOST:
            raise ConnectionError("Redis is too slow: too many calls wait for it")
        call = _Call(self._loop.create_future(), len(packed), perf_counter())
        self._waiting.append(call)
        self._bytes += call.size
        self._unsent.append(packed)
        self._unsent_bytes += call.size
        if self._unsent_bytes > _CHUNK_BYTES:
            self._send()
        elif not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)
        return call.answer

    def close(self) -> None:
        """Close it now; whoever waits gets LostError."""
        self._end(LostError("the connection to Redis was closed"))

    def retire(self) -> None:
        """Take no more calls, and close it when those that wait are answered."""
        self._retired = True
        if not self._waiting:
            self.close()

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        now = self._heard = perf_counter()
        while True:
            answer = self._reader.gets()
            if answer is False:
                if self._retired and not self._waiting:
                    self.close()
                return
            if type(answer) is PushNotification:
                continue
            call = self._waiting.popleft()
            self._bytes -= call.size
            observe(REDIS_SECONDS, now - call.asked_at)
            if call.answer.done():
                continue
            if isinstance(answer, Exception):
                call.answer.set_exception(answer)
            else:
                call.answer.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(LostError(f"Redis closed the connection: {exc}" if exc else "Redis closed the connection"))

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._send()

    def _flush(self) -> None:
        self._flushing = False
        self._send()

    def _send(self) -> None:
        if self._unsent and not self._full and not self._over:
            chunk = b"".join(self._unsent)
            self._unsent.clear()
            self._unsent_bytes = 0
            self._transport.write(chunk)

    def _look(self) -> None:
        now = perf_counter()
        held, self._looked = now - self._looked > 1 + _LOOK_SECONDS, now
        if held:
            pass  # by a machine that stood still: what has come meanwhile is read first
        elif self._waiting and now - self._waiting[0].asked_at > ANSWER_SECONDS:
            # Repeated at once they would only stand in another queue.
            self._end(TimeoutError(f"Redis has not answered for {ANSWER_SECONDS:.0f} s"))
            return
        elif not self._waiting and now - self._heard > _QUIET_SECONDS:
            self.ask(("PING",)).add_done_callback(_heed)
        self._looking = self._loop.call_later(_LOOK_SECONDS, self._look)

    def _end(self, error: Exception) -> None:
        if self._over:
            return
        self._over = True
        self._looking.cancel()
        self._transport.abort()
        self._close()  # else redis-py complains of a connection that was forgotten
        self._unsent.clear()
        while self._waiting:
            call = self._waiting.popleft()
            if not call.answer.done():
                call.answer.set_exception(error)


def _heed(answer: asyncio.Future[Any]) -> None:
    """Take note of a failure that nobody may wait for, else asyncio complains of it."""
    if not answer.cancelled():
        answer.exception()
