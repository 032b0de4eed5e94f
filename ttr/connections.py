"""The web process's TCP connections: Hypercorn's, with an end for those whose client is gone or does not read, and with
a way to give it one that somebody else has begun to read.

Hypercorn 0.18 waits for such clients: for ever until one reads its answer, and for a whole keep-alive after one has
left, with the answer in memory. This is the only module that touches names which Hypercorn doesn't document;
`tests/rules/test_hypercorn.py` fails when one of them changes.
"""

import asyncio
from contextlib import suppress
from typing import Any

from hypercorn.asyncio import run
from hypercorn.asyncio.lifespan import Lifespan
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.utils import wrap_app

UNREAD_SECONDS = 60.0
"""So long may a client read nothing more of a short answer."""
SLOWEST_BYTES = 65_536
"""A client has a second more for each so many bytes: an export of 16 MB has 5 minutes."""
UNREAD_BYTES_MAX = 134_217_728
"""Of all answers together so much may lie unread; above that, those that have waited longest are given up."""


class Connection(TCPServer):
    """One connection; over when its client is."""

    open = 0
    """How many there are."""
    _unread = dict["Connection", int]()
    """Those that wait for their clients to read, longest wait first, and what was unread when each began."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._over = False
        # Its deadline is set when the client is gone. Hypercorn stops reading while the client has asked for more
        # than it gets ("pipelining"), and would never hear of it.
        self._reading = asyncio.timeout(None)
        self._breaking: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Serve it until it is over."""
        Connection.open += 1
        try:
            await super().run()
        finally:
            Connection.open -= 1

    async def protocol_send(self, event: Event) -> None:
        """Pass on what the protocol says. Raises nothing of the network: a client that is gone is told as Closed."""
        if isinstance(event, RawData):
            async with self.send_lock:
                if await self._is_read(event.data):
                    return
            self._end_reading()
            await self.protocol.handle(Closed())
        elif not (self._over and isinstance(event, Updated)):
            # Over: an idle one would be kept for another request.
            await super().protocol_send(event)

    async def _is_read(self, data: bytes) -> bool:
        """Send, and wait until the client has read nearly all of it; if it doesn't in time, break the connection."""
        try:
            self.writer.write(data)
            size = self.writer.transport.get_write_buffer_size()
            self._unread[self] = size
            self._give_up_the_oldest()
            async with asyncio.timeout(UNREAD_SECONDS + size / SLOWEST_BYTES):
                await self.writer.drain()
        except TimeoutError:
            self.writer.transport.abort()
        except (OSError, RuntimeError) as error:
            # The stream keeps the error, its traceback the frames, and those what they were sending.
            error.__traceback__ = None
        else:
            return True
        finally:
            self._unread.pop(self, None)
        return False

    def _give_up_the_oldest(self) -> None:
        total = sum(self._unread.values())
        for other in list(self._unread):
            if total <= UNREAD_BYTES_MAX or other is self:
                break
            total -= self._unread.pop(other)
            other.writer.transport.abort()

    async def _read_data(self) -> None:
        with suppress(TimeoutError):
            async with self._reading:
                await super()._read_data()
        self._over = True
        await self.protocol.handle(Closed())
        # Else the connection stays until the idle time is over.
        await self.idle_task.stop()

    def _end_reading(self) -> None:
        if not self._over:
            self._over = True
            self._reading.reschedule(0)

    async def _close(self) -> None:
        breaking = self._break_later()
        try:
            await super()._close()
        finally:
            breaking.cancel()

    async def _initiate_server_close(self) -> None:
        self._break_later()
        await super()._initiate_server_close()

    def _break_later(self) -> asyncio.TimerHandle:
        """The last bytes as well, which nobody waits for, may lie before a client that does not read."""
        if self._breaking is None:
            self._breaking = self.loop.call_later(UNREAD_SECONDS, self.writer.transport.abort)
        return self._breaking


def install() -> None:
    """Have Hypercorn serve each connection this way, in this process from now on."""
    run.__dict__["TCPServer"] = Connection


def say_goodbye(config: Config) -> None:
    """From now on each answer of Hypercorn's with this configuration is its connection's last, and says so."""
    config.keep_alive_max_requests = 0


class Handover:
    """An app served by Hypercorn on connections that are given to it one by one, as `hypercorn.asyncio.serve` does on
    sockets of its own."""

    def __init__(self, app: Any, config: Config) -> None:
        self._app = wrap_app(app, config.wsgi_max_body_size, "asgi")
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._context = WorkerContext(None)
        self._state: dict[str, Any] = {}
        self._lifespan = Lifespan(self._app, config, self._loop, self._state)
        self._living: asyncio.Task[None] | None = None
        self._serving = set[asyncio.Task[None]]()

    @property
    def is_serving(self) -> bool:
        """Whether there are connections."""
        return bool(self._serving)

    async def start(self) -> None:
        """Start the app. Raises what its start raises."""
        self._living = self._loop.create_task(self._lifespan.handle_lifespan())
        await self._lifespan.wait_for_startup()
        if self._living.done() and (error := self._living.exception()):
            raise error

    def take(self, transport: asyncio.Transport, begun: bytes) -> None:
        """Serve a connection from here on; `begun` is what has been read of it."""
        reader = asyncio.StreamReader(limit=65_536, loop=self._loop)
        protocol = asyncio.StreamReaderProtocol(reader, self._serve, loop=self._loop)
        transport.set_protocol(protocol)
        # Before the reader may pause it for what it is given now: else it would believe that it has, for ever.
        transport.resume_reading()
        protocol.connection_made(transport)
        protocol.data_received(begun)

    async def stop(self, *, cancel_after: float) -> None:
        """Let each connection finish the request that it is at, and end those that are not done after `cancel_after`
        seconds; then stop the app."""
        await self._context.terminated.set()
        if self._serving:
            await asyncio.wait(self._serving, timeout=cancel_after)
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving, timeout=1)
        await self._lifespan.wait_for_shutdown()
        if self._living:
            self._living.cancel()
            with suppress(asyncio.CancelledError):
                await self._living

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        await Connection(self._app, self._loop, self._config, self._context, self._state, reader, writer)
