"""What stands before the web processes of a platform: passes each connection on to one of them that listens."""

import asyncio
import threading
from contextlib import suppress
from typing import Self


class Router:
    """Takes turns among ports of loopback, in a thread of its own; one that refuses is passed over."""

    def __init__(self, *ports: int) -> None:
        self.ports = list(ports)
        """Whom it asks; a test may change it."""
        self.port = 0
        self._turn = 0
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

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1_000)

    async def _close(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for writer in self._open:
            writer.transport.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=5)
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = await self._connect()
        self._open.add(writer)
        if behind:
            self._open.add(behind[1])
            await asyncio.gather(_pass_on(reader, behind[1]), _pass_on(behind[0], writer))
            behind[1].transport.abort()
            self._open.discard(behind[1])
        writer.transport.abort()
        self._open.discard(writer)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in range(2 * len(self.ports)):
            self._turn += 1
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", self.ports[self._turn % len(self.ports)])
        return None


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As it comes, its end included."""
    with suppress(OSError, RuntimeError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
        await writer.drain()
