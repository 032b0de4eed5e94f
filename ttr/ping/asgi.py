"""The ASGI door: answers ping URLs itself and hands every other request, badges among them, to the app behind it.

It reads a body as it comes and keeps no more of it than is stored, so a 10 MB ping costs 100 kB of memory.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from ttr.domain.badge_address import is_badge_path
from ttr.noted import FORMER_PING_ROUTE, PING_ROUTE, note_route
from ttr.ping import desk
from ttr.ping.desk import PingDesk
from ttr.ping.request import PingReply, PingRequest

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]


class _TooLarge(Exception):
    pass


class _Disconnected(Exception):
    pass


class PingDoor:
    """An ASGI app around another."""

    def __init__(self, behind: AsgiApp, pings: PingDesk) -> None:
        self._behind = behind
        self._desk = pings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["type"] != "http":
            await self._behind(scope, receive, send)
            return
        if scope.get("http_version") == "2":
            # Its answers wait in the server until the client opens a window for them, which it may never do.
            await send({"type": "http.response.start", "status": 505, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        scope = _origin_form(scope)
        body = _Body(receive)
        if not _is_ping(scope["method"], scope["path"]):
            # Quart goes on reading by itself until it has answered.
            await self._behind(scope, body.receive, _answer_in_peace(body.wait, body, send))
            return
        note_route(PING_ROUTE if scope["path"].startswith("/p/") else FORMER_PING_ROUTE)
        as_json = desk.wants_json(scope["headers"])
        try:
            async with asyncio.timeout(desk.BODY_SECONDS):
                request = await self._read(scope, body)
        except _Disconnected:
            return
        except TimeoutError:
            answer = self._desk.too_slow(as_json=as_json)
        except _TooLarge:
            answer = self._desk.too_large(as_json=as_json)
        else:
            storing = asyncio.create_task(self._desk.answer(request, as_json=as_json))
            answer = await desk.in_time(storing, as_json=as_json)
        desk.count_answer(answer)
        await _send(_answer_in_peace(body.discard, body, send), answer, head=scope["method"] == "HEAD")

    async def _read(self, scope: Scope, body: "_Body") -> PingRequest:
        headers = dict(reversed(scope["headers"]))
        announced = headers.get(b"content-length", b"")
        if announced.isdigit() and int(announced[:20]) > self._desk.body_max:
            raise _TooLarge
        kept, size = bytearray(), 0
        # A GET's body means nothing, but is read as well: the answer must not cross it on its way.
        if announced or b"transfer-encoding" in headers or scope["method"] in ("POST", "PUT"):
            while body.more:
                message = await body.receive()
                if message["type"] == "http.disconnect":
                    raise _Disconnected
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > self._desk.body_max:
                    raise _TooLarge
                kept += chunk[: max(0, self._desk.body_limit - len(kept))]
        return desk.ping_request(
            scope["method"],
            (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0],
            scope["query_string"],
            scope["headers"],
            (scope.get("client") or ("",))[0] or "",
            self._desk.trusted,
            bytes(kept),
            size,
        )


class _Body:
    """A request's body, and whether there is more of it to come."""

    def __init__(self, receive: Receive) -> None:
        self.more = True
        self._receive = receive
        self._ended = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        """The next message."""
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self.more = False
            self._ended.set()
        return message

    async def discard(self) -> None:
        """Read what still comes."""
        while self.more:
            await self.receive()

    async def wait(self) -> None:
        """Wait while somebody else reads what still comes."""
        await self._ended.wait()


def _answer_in_peace(come_to_end: Callable[[], Awaitable[None]], body: _Body, send: Send) -> Send:
    """`send` that lets a refused request's body come to its end before it ends the answer."""
    refused = False

    async def sending(message: dict[str, Any]) -> None:
        nonlocal refused
        if message["type"] == "http.response.start":
            refused = message["status"] >= 400 and message["status"] != 408
        elif refused and body.more and not message.get("more_body", False):
            await send({**message, "more_body": True})
            with suppress(TimeoutError):
                async with asyncio.timeout(desk.DISCARD_SECONDS):
                    await come_to_end()
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    return sending


def _origin_form(scope: Scope) -> Scope:
    """The scope of `GET http://host/p/... HTTP/1.1`, which servers have to understand, as that of `GET /p/...`."""
    if scope["path"].startswith("/"):
        return scope
    raw = b"/" + scope["raw_path"].partition(b"://")[2].partition(b"/")[2]
    return {**scope, "raw_path": raw, "path": unquote(raw.decode("latin-1"))}


def _is_ping(method: str, path: str) -> bool:
    if method in ("GET", "HEAD") and is_badge_path(path):
        return False
    return path.startswith(("/p/", "/ping/"))


async def _send(send: Send, answer: PingReply, *, head: bool) -> None:
    headers = [*answer.headers]
    if answer.status != 204:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})
