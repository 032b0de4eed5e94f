"""HTTP/1 as bytes on a socket: sends exactly what a test says and reads whole answers."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

_PATIENCE = 30


@dataclass(frozen=True)
class Answer:
    """One answer; header names in lower case, in the order they came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        found = [value for header, value in self.headers if header == name.lower()]
        assert len(found) <= 1, found
        return found[0] if found else None

    @property
    def names(self) -> set[str]:
        """The headers that the ping's handler is answerable for; Date and Connection are the server's."""
        return {name for name, _ in self.headers} - {"date", "connection"}


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int) -> "Wire":
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 24))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()
        with suppress(OSError):  # the server was first
            await asyncio.wait_for(self.writer.wait_closed(), _PATIENCE)

    async def send(self, data: bytes) -> None:
        """Send; a server that has hung up already is no error, its answer may still be there."""
        with suppress(ConnectionError):
            self.writer.write(data)
            await asyncio.wait_for(self.writer.drain(), _PATIENCE)

    async def answer(self, *, to_head: bool = False) -> Answer:
        """Read one answer, interim ones (1xx) as well."""
        async with asyncio.timeout(_PATIENCE):
            first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
            version, status = first.split(" ")[:2]
            assert version == "HTTP/1.1", first
            headers = [(n.lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines)]
            sizes = [int(value) for name, value in headers if name == "content-length"]
            assert len(sizes) <= 1
            body = b""
            if not to_head and int(status) >= 200 and int(status) != 204:
                body = await (self.reader.readexactly(sizes[0]) if sizes else self.reader.read())
            return Answer(int(status), headers, body)

    async def closed_by_server(self) -> bool:
        """Whether nothing more comes before the connection ends."""
        try:
            return await asyncio.wait_for(self.reader.read(), _PATIENCE) == b""
        except ConnectionResetError:
            return True


def request(
    method: str, target: str, *headers: str, body: bytes | None = None, version: str = "1.1"
) -> bytes:
    """A request's bytes; with `body`, its length as well unless a header says how it is sent."""
    lines = [f"{method} {target} HTTP/{version}", "Host: ttr.test", *headers]
    if body is not None and not any(
        line.lower().startswith(("content-length", "transfer")) for line in lines
    ):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def chunked(body: bytes, size: int = 65_536) -> bytes:
    """A body in chunks."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
