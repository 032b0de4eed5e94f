"""What stands behind every door for pings: the handler while the store is open, the limits of bodies, the log, and the
counters. A door reads a request and sends an answer; what is said in it is decided here and behind."""

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Any

from quart import Quart

from ttr.access_log import RequestLog
from ttr.address import Network, client_address
from ttr.country_header import told_country
from ttr.domain.metrics import PING_SECONDS, PINGS
from ttr.meter import count, observe
from ttr.now import now_ms
from ttr.ping import reply
from ttr.ping.handler import PingHandler
from ttr.ping.request import PingReply, PingRequest
from ttr.settings import Settings

BODY_SECONDS = 60.0
"""A body that takes longer than this to arrive is refused."""
STORE_SECONDS = 5.0
"""A ping that Redis has not taken by then is refused; the client tries again."""
DISCARD_SECONDS = 10.0
"""Closing a connection whose client still sends makes the kernel reset it, and the client loses the answer. So what
comes after a refusal is read and thrown away, for so long."""

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case, as ASGI has them."""

ANSWERS = {
    200: "ok",
    201: "created",
    204: "preflight",
    400: "malformed",
    404: "unknown",
    405: "method",
    408: "slow",
    409: "quota",
    413: "too_large",
    429: "limited",
    503: "unstored",
}
"""What the metrics call the answers, by status."""


class PingDesk:
    """One in a process. `handler` is set when the store is open; until then pings get a 503."""

    def __init__(self, settings: Settings, log: RequestLog) -> None:
        self.handler: PingHandler | None = None
        self.log = log
        self.body_limit = settings.ping_body_limit
        self.body_max = settings.ping_body_max
        self.trusted = settings.trusted_proxies

    async def answer(self, request: PingRequest, *, as_json: bool) -> PingReply:
        """The answer to a whole request; the door gives up after STORE_SECONDS, with `unstored`."""
        if self.handler is None:
            return reply.unstored(as_json=as_json)
        began = perf_counter()
        try:
            return await self.handler.handle(request, now_ms())
        finally:
            observe(PING_SECONDS, perf_counter() - began)

    def too_large(self, *, as_json: bool) -> PingReply:
        """The answer to a body of more than `body_max` bytes."""
        return reply.refused(413, f"a ping's body has at most {self.body_max:,} bytes", as_json=as_json)

    def too_slow(self, *, as_json: bool) -> PingReply:
        """The answer to a body that took longer than BODY_SECONDS; the connection ends with it."""
        close = (b"connection", b"close")
        return reply.refused(408, "the body did not arrive in time", close, as_json=as_json)


def count_answer(answer: PingReply) -> None:
    """Put an answer into the metrics."""
    count(PINGS, answer.kind or "none", ANSWERS.get(answer.status, "other"))


def wants_json(headers: Headers) -> bool:
    """Whether the client asks for JSON."""
    for name, value in headers:  # noqa: SIM110  # any() takes three times as long, of each ping
        if name == b"accept" and b"application/json" in value:
            return True
    return False


def ping_request(
    method: str,
    path: str,
    query: bytes,
    headers: Headers,
    peer: str,
    trusted: Sequence[Network],
    body: bytes,
    size: int,
) -> PingRequest:
    """A request from what a door has read: `body` is what is kept of it, `size` what was sent."""
    agent = accept = None
    forwarded = list[bytes]()
    for name, value in headers:
        # Of a header that comes twice, the first line counts.
        if name == b"user-agent":
            agent = value if agent is None else agent
        elif name == b"accept":
            accept = value if accept is None else accept
        elif name == b"x-forwarded-for":
            # Every line of it counts, in order: a proxy may add a line of its own below one that a client invented.
            forwarded.append(value)
    return PingRequest(
        method=method,
        path=path,
        query=query,
        user_agent=(agent or b"").decode("utf-8", "replace"),
        accept=(accept or b"").decode("latin-1"),
        address=client_address(peer, b",".join(forwarded).decode("latin-1"), trusted),
        country=told_country(peer, headers, trusted) if trusted else "",
        body=body,
        size=size,
    )


async def in_time(storing: "asyncio.Task[PingReply]", *, as_json: bool) -> PingReply:
    """Its result, or `unstored` after STORE_SECONDS."""
    done, _ = await asyncio.wait({storing}, timeout=STORE_SECONDS)
    if done:
        return storing.result()
    give_up(storing)
    return reply.unstored(as_json=as_json)


_given_up = set[asyncio.Task[Any]]()


def give_up(storing: "asyncio.Task[Any]") -> None:
    """Let go of a ping that Redis has not taken."""
    # Nobody waits for it: redis-py may swallow a cancellation while it connects and go on for 15 s and more.
    _given_up.add(storing)
    storing.add_done_callback(_given_up.discard)
    storing.cancel()


def set_desk(app: Quart, desk: PingDesk) -> None:
    """Give the app its desk, which a server's own door shares."""
    app.extensions["ttr_ping_desk"] = desk


def desk_of(app: Quart) -> PingDesk:
    """The desk of an app."""
    desk: PingDesk = app.extensions["ttr_ping_desk"]
    return desk
