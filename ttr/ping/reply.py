"""The few answers a ping can get, in as few headers as clients need."""

import json
from functools import lru_cache

from ttr.domain.allowance import Allowance
from ttr.ping.request import PingReply

_COMMON = (
    (b"access-control-allow-origin", b"*"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_JSON = (b"content-type", b"application/json")


def stored(
    message: str, kind: str, *, created: bool, as_json: bool, body_limit: int, seconds: float
) -> PingReply:
    """The ping is in Redis: `OK` (200), or `Created` (201) if it made its check."""
    if as_json:
        body = json.dumps({"message": message, "process_time_seconds": round(seconds, 6)}).encode()
        return PingReply(201 if created else 200, body, (_JSON, *_stored_headers(body_limit)), kind)
    return _stored_text(message, kind, created, body_limit)


@lru_cache(maxsize=256)
def _stored_text(message: str, kind: str, created: bool, body_limit: int) -> PingReply:
    return PingReply(201 if created else 200, message.encode(), (_TEXT, *_stored_headers(body_limit)), kind)


def _stored_headers(body_limit: int) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"ping-body-limit", str(body_limit).encode()), *_COMMON)


def refused(status: int, message: str, *headers: tuple[bytes, bytes], as_json: bool = False) -> PingReply:
    """The ping was not stored, and why."""
    if as_json:
        body = json.dumps({"detail": message, "errors": []}).encode()
        return PingReply(status, body, (_JSON, *_COMMON, *headers))
    return PingReply(status, message.encode(), (_TEXT, *_COMMON, *headers))


def unstored(*, as_json: bool) -> PingReply:
    """The ping could not be stored; job clients try again on a 503."""
    return refused(503, "not stored, try again", (b"retry-after", b"5"), as_json=as_json)


def limited(allowance: Allowance, *, as_json: bool) -> PingReply:
    """Pings come too fast; nothing was stored, and job clients try again on a 429 as well."""
    after = (b"retry-after", str(allowance.retry_seconds).encode())
    return refused(429, f"not stored: {allowance.refusal}", after, as_json=as_json)


def preflight() -> PingReply:
    """A browser's CORS question, which is no ping."""
    return PingReply(
        204,
        b"",
        (
            *_COMMON,
            (b"access-control-allow-methods", b"GET, HEAD, POST, PUT"),
            (b"access-control-allow-headers", b"*"),
            (b"access-control-max-age", b"600"),
        ),
    )
