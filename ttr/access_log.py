"""What every answer carries, `X-Request-ID`, `X-Process-Time` and over TLS word of it, and a line of the log for each.

An ASGI app around all doors, so that pings, refusals and what breaks are numbered as well.
"""

import os
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import perf_counter
from typing import Any, Literal

from ttr.address import Network, client_address, is_trusted
from ttr.counted import count_request
from ttr.logs import get_logger
from ttr.noted import Noted, begin, is_often
from ttr.security_headers import TRANSPORT

log = get_logger("ttr.access")
faults = get_logger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]
Told = Literal["pages", "all", "off"]

_AGENT_MAX = 200
_METHOD_MAX = 16
_GIVEN_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")
BROKEN = b"Something broke. The fault is ours and has been logged.\n"
"""The answer then, in plain text."""


class RequestLog:
    """Numbers requests and tells of them. `told` says which get a line."""

    def __init__(self, *, told: Told, trusted_proxies: Sequence[Network]) -> None:
        self._told = told
        self._trusted = trusted_proxies

    def id_of(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """16 random hex digits, or the id that a trusted proxy gave. Names of headers are in lower case."""
        if self._trusted and is_trusted(peer, self._trusted):
            given = {value for name, value in headers if name == b"x-request-id"}
            # Of two that differ one may be a client's.
            if len(given) == 1 and _GIVEN_ID.fullmatch(one := given.pop()):
                return one.decode()
        return os.urandom(8).hex()

    def end(
        self,
        noted: Noted,
        method: str,
        peer: str,
        headers: Iterable[tuple[bytes, bytes]],
        *,
        status: int,
        seconds: float,
    ) -> None:
        """Count a request that is over, and tell of it. `status` is 0 when the client hung up before there was one."""
        count_request(method, noted.route, status, seconds)
        if self._told == "off" or (self._told == "pages" and is_often(noted.route)):
            return
        forwarded = b",".join(value for name, value in headers if name == b"x-forwarded-for")
        agent = next((value for name, value in headers if name == b"user-agent"), b"")
        log.info(
            "request",
            address=client_address(peer, forwarded.decode("latin-1"), self._trusted) or None,
            method=method_of(method),
            route=noted.route,
            status=status or None,
            ms=round(seconds * 1000, 1),
            by=noted.means,
            last4=noted.last4 or None,
            agent=agent[: 4 * _AGENT_MAX].decode("utf-8", "replace")[:_AGENT_MAX] or None,
            request=noted.request_id,
        )


def tell_fault(noted: Noted, method: str) -> None:
    """Log the exception under way, which no handler has caught: the fault is ours."""
    faults.exception("a request failed", method=method_of(method), route=noted.route)


class AccessLog:
    """An ASGI app around another."""

    def __init__(self, behind: AsgiApp, log: RequestLog) -> None:
        self._behind = behind
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._behind(scope, receive, send)
            return
        began, status = perf_counter(), 0
        peer = (scope.get("client") or ("",))[0] or ""
        noted = begin(self._log.id_of(peer, scope["headers"]))

        async def sending(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ())]
                headers.append((b"x-request-id", noted.request_id.encode()))
                headers.append((b"x-process-time", b"%.6f" % (perf_counter() - began)))
                if scope["scheme"] == "https":
                    headers.append(TRANSPORT)
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._behind(scope, receive, sending)
        except Exception:
            tell_fault(noted, scope["method"])
            if status:
                raise
            await _say_broken(sending)
        finally:
            seconds = perf_counter() - began
            self._log.end(noted, scope["method"], peer, scope["headers"], status=status, seconds=seconds)


def cleaned(text: str) -> str:
    """A client's word, such as its method, without what ends a line or quotes, or moves a terminal."""
    return "".join(c if c.isprintable() and c not in '"\\' else "?" for c in text)


def method_of(method: str) -> str:
    """The method, cleaned: a client may make up any word."""
    return cleaned(method)[:_METHOD_MAX]


async def _say_broken(send: Send) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(BROKEN)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": BROKEN})
