"""What stands before the web processes of a platform: passes each connection on to one of them that listens."""

import asyncio
from contextlib import suppress

from tests.between import Between


class Router(Between):
    """Takes turns among ports of loopback; one that refuses is passed over."""

    def __init__(self, *ports: int) -> None:
        super().__init__()
        self.ports = list(ports)
        """Whom it asks; a test may change it."""
        self._turn = 0

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
