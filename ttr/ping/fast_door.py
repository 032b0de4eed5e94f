"""The fast door: the front of the web process's port. It answers pings by itself, one after the other on each
connection, and gives a connection that asks for anything else, with the bytes read so far, to the server behind.

What it takes is the ping that jobs send: GET, HEAD, POST or PUT in HTTP/1.1 with a plain body. Everything rare or wrong
goes on unread, to the ASGI door behind (`ttr/ping/asgi.py`), which stands on the same desk; a connection that was given
away does not come back. So one place decides what a ping is, and another server behind refuses what is no HTTP.
"""

import asyncio
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus
from time import perf_counter
from typing import Literal, Protocol, cast
from urllib.parse import unquote
from wsgiref.handlers import format_date_time

from ttr.access_log import BROKEN, tell_fault
from ttr.domain.badge_address import is_badge_path
from ttr.forwarded import told_scheme
from ttr.noted import FORMER_PING_ROUTE, PING_ROUTE, Noted, begin
from ttr.now import now_ms
from ttr.ping import desk, reply
from ttr.ping.desk import PingDesk
from ttr.ping.head import Head, HeadReader, Rare, may_be_ping
from ttr.ping.request import PingReply
from ttr.security_headers import TRANSPORT

HEAD_BYTES_MOST = 16_384
"""A longer head is left to the server behind, which refuses it."""
HEAD_SECONDS = 20.0
"""A head that takes longer than this from its first byte ends the connection."""
IDLE_SECONDS = 75.0
"""Between two requests. Cron jobs come back once a minute at most, but a busy client keeps a connection."""
UNREAD_SECONDS = 60.0
"""A client that reads none of its answers for so long loses its connection."""
LOOK_SECONDS = 0.25
"""How often the connections are looked at for what is late: 10,000 take a millisecond."""
AHEAD_BYTES_MOST = 65_536
"""What a client has sent on ahead of answers; more waits in the kernel."""

_BROKEN = PingReply(
    500, BROKEN, ((b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"))
)
State = Literal["idle", "head", "body", "storing", "discarding", "over"]
"""What a connection is at: nothing, a head or a body that comes, a ping that is stored, what comes after a refusal."""


class Behind(Protocol):
    """The server behind the door."""

    def take(self, transport: asyncio.Transport, begun: bytes) -> None:
        """Serve a connection from here on; `begun` is what has been read of it."""
        ...


class FastDoor:
    """The connections of one process that are still at the door."""

    def __init__(self, pings: PingDesk, behind: Behind) -> None:
        self.desk = pings
        self.behind = behind
        self.loop = asyncio.get_running_loop()
        self.heads = HeadReader()
        self.connections: dict[DoorConnection, None] = {}
        self.storing = set[asyncio.Task[None]]()
        """Pings under way, of clients that have left as well."""
        self.closing = False
        self._looking = self.loop.call_later(LOOK_SECONDS, self._look)
        self._left = asyncio.Event()
        self._looked = perf_counter()
        self._date = (0, b"")

    def connection(self) -> "DoorConnection":
        """The protocol of a new connection."""
        return DoorConnection(self)

    def date(self) -> bytes:
        """What `Date` says now."""
        now = now_ms() // 1000
        if now != self._date[0]:
            self._date = (now, format_date_time(now).encode())
        return self._date[1]

    def say_goodbye(self) -> None:
        """From now on each answer is its connection's last, and says so. The port is closed already."""
        self.closing = True

    async def close(self, *, seconds: float) -> None:
        """End the connections, those with a ping under way when it is answered, at the latest after `seconds`."""
        self.say_goodbye()
        for connection in list(self.connections):
            connection.end_if_idle()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.connections:
                    self._left.clear()
                    await self._left.wait()
                if self.storing:
                    await asyncio.wait(self.storing)
        for connection in list(self.connections):
            connection.break_off()
        self._looking.cancel()

    def forget(self, connection: "DoorConnection") -> None:
        """A connection is over or given away."""
        self.connections.pop(connection, None)
        self._left.set()

    def _look(self) -> None:
        now, held = perf_counter(), perf_counter() - self._looked > 1
        self._looked = now
        self._looking = self.loop.call_later(LOOK_SECONDS, self._look)
        if held:
            return  # by a machine that stood still: what has come meanwhile is read first
        for connection in [one for one in self.connections if one.until < now]:
            connection.is_late()


class DoorConnection(asyncio.Protocol):
    """One connection, until it is over or given away."""

    def __init__(self, door: FastDoor) -> None:
        self.until = perf_counter() + IDLE_SECONDS
        """When what it waits for is late."""
        self._door = door
        self._transport: asyncio.Transport
        self._peer = ""
        self._state: State = "idle"
        self._buffer = b""
        self._searched = 0
        self._ended = False  # the client has sent its last
        self._unread = False  # the client does not read its answers
        self._paused = False
        self._head = Head()
        self._began = 0.0
        self._missing = 0
        self._kept = bytearray()
        self._noted = Noted("")
        self._storing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else ""
        self._door.connections[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        # A ping that is being stored goes on: the job has said what it had to say.
        if self._state == "body":
            noted = Noted(self._door.desk.log.id_of(self._peer, self._head.headers), _route(self._head))
            seconds = perf_counter() - self._began
            self._door.desk.log.end(
                noted, self._head.method, self._peer, self._head.headers, status=0, seconds=seconds
            )
        self._state = "over"
        self._door.forget(self)

    def eof_received(self) -> bool:
        self._ended = True
        # Who has sent its last may still read the answers.
        return self._state == "storing" or (self._state == "idle" and bool(self._buffer))

    def pause_writing(self) -> None:
        self._unread = True
        self.until = perf_counter() + UNREAD_SECONDS

    def resume_writing(self) -> None:
        self._unread = False
        if self._state == "idle":
            self.until = perf_counter() + IDLE_SECONDS
            self._advance()
        elif self._state == "discarding":
            self.until = perf_counter() + desk.DISCARD_SECONDS

    def data_received(self, data: bytes) -> None:
        if self._state == "body":
            self._take_body(data)
        elif self._state == "discarding":
            self._discard(data)
        else:
            self._buffer = self._buffer + data if self._buffer else data
        self._advance()

    def end_if_idle(self) -> None:
        """Close it, unless a ping is being read or stored; that one's answer will close it."""
        if self._state == "idle":
            self._close()

    def is_late(self) -> None:
        """Do what is to be done when `until` has come."""
        if self._state == "over" or self._unread:
            self._transport.abort()
        elif self._state == "body":
            self._refuse(self._door.desk.too_slow(as_json=desk.wants_json(self._head.headers)))
            self._close()
        elif self._state == "storing" and self._storing:
            desk.give_up(self._storing)
            self._finish(reply.unstored(as_json=desk.wants_json(self._head.headers)))
        else:
            self._close()

    def break_off(self) -> None:
        """End it now, whatever it is at."""
        self._transport.abort()

    def _advance(self) -> None:
        """Take the requests that have come whole, until one has to wait for something."""
        while self._state in ("idle", "head") and not self._unread:
            if not self._buffer:
                if self._ended:
                    self._close()
                break
            mine = may_be_ping(self._buffer)
            if mine is False:
                self._give_away()
            elif mine is None or not self._take_head():
                self._wait_for_head()
                break
        # What its client sends on ahead of answers waits in the kernel, apart from a little.
        if len(self._buffer) > AHEAD_BYTES_MOST:
            self._pause()
        elif self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _wait_for_head(self) -> None:
        if self._ended:
            self._close()
        elif self._state == "idle":
            self._state = "head"
            self.until = perf_counter() + HEAD_SECONDS

    def _take_head(self) -> bool:
        """Take a head if it has come whole, and what there is of its body; False while it has not."""
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n", max(0, self._searched - 3)) + 4
        if end < 4:
            self._searched = len(buffer)
            # Some old clients end their lines without \r: waiting for it would be in vain.
            if len(buffer) <= HEAD_BYTES_MOST and b"\n\n" not in buffer and b"\n\r\n" not in buffer:
                return False
            self._give_away()
            return True
        self._searched = 0
        try:
            head = self._door.heads.read(buffer[:end]) if end <= HEAD_BYTES_MOST else None
        except Rare:
            head = None
        if head is None or _is_badge(head):
            self._give_away()
            return True
        self._head, self._began, self._missing = head, perf_counter(), head.length
        if head.length > self._door.desk.body_max:
            self._buffer = b""
            self._state = "discarding"
            self.until = self._began + desk.DISCARD_SECONDS
            self._refuse(self._door.desk.too_large(as_json=desk.wants_json(head.headers)))
            self._discard(buffer[end:])
        elif head.length:
            self._buffer = b""
            self._state = "body"
            self.until = self._began + desk.BODY_SECONDS
            self._take_body(buffer[end:])
        else:
            self._buffer = buffer[end:]
            self._store()
        return True

    def _take_body(self, data: bytes) -> None:
        taken = data[: self._missing]
        self._missing -= len(taken)
        self._kept += taken[: max(0, self._door.desk.body_limit - len(self._kept))]
        if not self._missing:
            self._buffer = data[len(taken) :]
            self._store()

    def _discard(self, data: bytes) -> None:
        taken = data[: self._missing]
        self._missing -= len(taken)
        if not self._missing:
            self._buffer = data[len(taken) :]
            self._wait_for_next()

    def _wait_for_next(self) -> None:
        """The answer is sent: the connection waits for another request, or ends."""
        if self._door.closing or not self._head.keeps_alive:
            self._close()
        elif self._state != "over":
            self._state = "idle"
            if not self._unread:
                self.until = perf_counter() + IDLE_SECONDS

    def _give_away(self) -> None:
        self._state = "over"
        self._paused = False  # whoever serves it now has it read
        self._door.forget(self)
        begun, self._buffer = self._buffer, b""
        self._door.behind.take(self._transport, begun)

    def _close(self) -> None:
        """Close it; what is written still leaves, if its client reads it in time."""
        self._state = "over"
        self._buffer = b""
        self.until = perf_counter() + UNREAD_SECONDS
        self._transport.close()

    def _store(self) -> None:
        self._state = "storing"
        self.until = self._began + desk.STORE_SECONDS
        self._storing = self._door.loop.create_task(self._answer())
        self._door.storing.add(self._storing)
        self._storing.add_done_callback(self._door.storing.discard)

    async def _answer(self) -> None:
        """Have the ping stored, and answer it, unless that has been given up meanwhile."""
        me, head, pings = self._storing, self._head, self._door.desk
        noted = self._noted = begin(pings.log.id_of(self._peer, head.headers))
        noted.route = _route(head)
        path, _, query = head.target.partition(b"?")
        body, self._kept = bytes(self._kept), bytearray()
        try:
            request = desk.ping_request(
                head.method,
                path.decode("latin-1"),
                query,
                head.headers,
                self._peer,
                pings.trusted,
                body,
                head.length,
            )
            answer = await pings.answer(request, as_json=desk.wants_json(head.headers))
        except Exception:
            tell_fault(noted, head.method)
            answer = _BROKEN
        if self._storing is me:
            self._finish(answer)

    def _finish(self, answer: PingReply) -> None:
        self._storing = None
        desk.count_answer(answer)
        self._send(answer)
        self._wait_for_next()
        self._advance()

    def _refuse(self, answer: PingReply) -> None:
        """Answer a request that is not read to its end."""
        self._noted = Noted(self._door.desk.log.id_of(self._peer, self._head.headers), _route(self._head))
        self._kept = bytearray()
        desk.count_answer(answer)
        self._send(answer)

    def _send(self, answer: PingReply) -> None:
        head, noted, pings = self._head, self._noted, self._door.desk
        seconds = perf_counter() - self._began
        if self._state != "over":
            parts = [
                _beginning(answer.status, answer.headers, len(answer.body)),
                b"date: %b\r\nx-request-id: %b\r\nx-process-time: %.6f\r\n"
                % (self._door.date(), noted.request_id.encode(), seconds),
            ]
            if pings.trusted and told_scheme(self._peer, head.headers, pings.trusted) == "https":
                parts.append(b"%b: %b\r\n" % TRANSPORT)
            if (
                not head.keeps_alive or self._door.closing
            ) and answer.status != 408:  # that one says so itself
                parts.append(b"connection: close\r\n")
            parts.append(b"\r\n")
            if head.method != "HEAD":
                parts.append(answer.body)
            self._transport.write(b"".join(parts))
        pings.log.end(noted, head.method, self._peer, head.headers, status=answer.status, seconds=seconds)


def _is_badge(head: Head) -> bool:
    """Whether it asks for a badge, which Quart draws."""
    path = head.target.partition(b"?")[0]
    return (
        head.method in ("GET", "HEAD")
        and (b"badge." in path or b"%" in path)
        and is_badge_path(unquote(path.decode("latin-1")))
    )


def _route(head: Head) -> str:
    return PING_ROUTE if head.target.startswith(b"/p/") else FORMER_PING_ROUTE


@lru_cache(maxsize=256)
def _beginning(status: int, headers: tuple[tuple[bytes, bytes], ...], length: int) -> bytes:
    """An answer's first line and those of its headers that many answers share."""
    lines = [b"HTTP/1.1 %d %b\r\n" % (status, HTTPStatus(status).phrase.encode())]
    lines += [b"%b: %b\r\n" % header for header in headers]
    if status != 204:
        lines.append(b"content-length: %d\r\n" % length)
    return b"".join(lines)
