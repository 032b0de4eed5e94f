"""A server between clients and others, in a thread and a loop of its own: a test that blocks does not stop it."""

import asyncio
import threading
from abc import ABC, abstractmethod
from typing import Self


class Between(ABC):
    """Listens on a port of loopback while it is entered; whoever makes one says what it does with a connection."""

    def __init__(self) -> None:
        self.port = 0
        self._open = set[asyncio.StreamWriter]()
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def break_connections(self) -> None:
        """Break all that are open, as a restart of such a server would."""
        self._loop.call_soon_threadsafe(self._break)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1_000)

    @abstractmethod
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end."""

    async def _close(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        self._break()
        if tasks:
            await asyncio.wait(tasks, timeout=5)
        await asyncio.sleep(0)

    def _break(self) -> None:
        for writer in self._open:
            writer.transport.abort()
