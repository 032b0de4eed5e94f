"""Clients that keep their connections and ping at a steady rate, and some that make one for each ping."""

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Self

_PAGE = "/api/v1/openapi.json"


class KeptPings:
    """`clients` connections, `rate` pings a second together, over `paths` in turn, in a thread of its own.

    A client does what a careful one does: it makes another connection when an answer said `Connection: close`, and
    never sends a ping twice. What has no answer is lost as far as its job can tell. Every fifth makes a connection for
    each ping, and every fourth asks for a page first on each, as a proxy's connections carry both.
    """

    def __init__(self, port: int, paths: Sequence[str], *, clients: int, rate: float) -> None:
        self._port, self._paths = port, paths
        self._clients, self._pause = clients, clients / rate
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self.taken: Counter[str] = Counter()
        """Pings that were answered 200, by path."""
        self.lost: list[str] = []
        """What became of the others."""
        self.goodbyes = 0
        """Answers that ended a connection that its client would have kept."""

    def __enter__(self) -> Self:
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._run(),), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Let each finish its ping, and wait for them."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(30)
            self._loop.close()

    async def _run(self) -> None:
        await asyncio.gather(*(self._client(number) for number in range(self._clients)))
        await asyncio.sleep(0.1)  # what was closed is gone

    async def _client(self, number: int) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        keeps = number % 5 != 0
        due = self._loop.time() + self._pause * number / self._clients
        turn = number
        while not self._stop.is_set():
            path = self._paths[turn % len(self._paths)]
            turn += self._clients
            try:
                async with asyncio.timeout(20):
                    status, closes = 0, False
                    if connection is None:
                        connection = await asyncio.open_connection("127.0.0.1", self._port)
                        if number % 4 == 1:
                            _, closes = await _ask(*connection, _request("GET", _PAGE, keeps=True))
                    if not closes:
                        status, closes = await _ask(*connection, _request("POST", path, "done", keeps=keeps))
            except (OSError, EOFError, TimeoutError) as error:
                self.lost.append(f"{type(error).__name__}: {error}")
                status, closes = 0, True
            if status == 200:
                self.taken[path] += 1
            elif status:
                self.lost.append(str(status))
            self.goodbyes += bool(closes and keeps and status)
            if closes and connection:
                connection[1].transport.abort()
                connection = None
            due += self._pause
            await asyncio.sleep(max(0.0, due - self._loop.time()))
        if connection:
            connection[1].transport.abort()


def _request(method: str, path: str, body: str = "", *, keeps: bool) -> bytes:
    more = "" if keeps else "Connection: close\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: ttr.test\r\nContent-Length: {len(body)}\r\n{more}\r\n{body}".encode()


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, bool]:
    """The answer's status, and whether the connection is over."""
    writer.write(request)
    answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    lines = dict(line.split(": ", 1) for line in answer.split("\r\n")[1:] if ": " in line)
    await reader.readexactly(int(lines["content-length"]))
    return int(answer.split(" ")[1]), lines.get("connection") == "close"
