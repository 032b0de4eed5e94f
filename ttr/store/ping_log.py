"""One entry of a check's ping log, packed: about 32 bytes for a plain `curl`, 42 to 50 in Redis: 100 entries are 5 kB.

Layout, big endian. Written by ping.lua: number (4), run time in ms (4, all ones for none). Written here: time
in ms (6), kind (1), flags (1), reason (1), method (1), body size (4), then what the flags announce: rid (16),
exit status (1), address (4 or 16), length and bytes of the detail (1 + n), the country that a proxy told (2);
the rest is the user agent.
"""

import struct
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from uuid import UUID

from ttr.domain.limits import USER_AGENT_MAX

KINDS = ("success", "start", "fail", "log", "ignored")
REASONS = ("", "fail", "exit_status", "signal", "content")
METHODS = ("GET", "HEAD", "POST", "PUT")

_RID, _EXIT, _V4, _V6, _DETAIL, _COUNTRY = 1, 2, 4, 8, 16, 32
_HEAD = struct.Struct(">II")
_TAIL = struct.Struct(">HIBBBBI")
_NO_DURATION = 0xFFFFFFFF


@dataclass(slots=True)  # frozen takes three times as long to make, of each ping
class PingEntry:
    """What was recorded of one ping. `size` is the body's whole size in bytes, before it was cut.

    `country` is the code that a trusted proxy told with it; "" leaves it to be looked up when it is shown.
    """

    at: int
    kind: str
    method: str
    reason: str = ""
    detail: str = ""
    rid: str = ""
    exit_status: int | None = None
    address: str = ""
    user_agent: str = ""
    size: int = 0
    number: int = 0
    duration_ms: int | None = None
    country: str = ""


def pack_tail(entry: PingEntry) -> bytes:
    """The entry without its number and duration, which the script adds. Raises ValueError for words that it has no
    numbers for, and for a country that is not two ASCII letters.
    """
    flags, extra = 0, b""
    if entry.rid:
        flags |= _RID
        extra += UUID(entry.rid).bytes
    if entry.exit_status is not None:
        flags |= _EXIT
        extra += bytes([entry.exit_status])
    if entry.address:
        packed = _packed(entry.address)
        flags |= _V4 if len(packed) == 4 else _V6
        extra += packed
    if entry.detail:
        detail = entry.detail.encode()[:255]
        flags |= _DETAIL
        extra += bytes([len(detail)]) + detail
    if entry.country:
        country = entry.country.encode("ascii")
        if len(country) != 2:
            raise ValueError(f"{entry.country!r} is no country's code")
        flags |= _COUNTRY
        extra += country
    head = _TAIL.pack(
        entry.at >> 32,
        entry.at & 0xFFFFFFFF,
        KINDS.index(entry.kind),
        flags,
        REASONS.index(entry.reason),
        METHODS.index(entry.method),
        min(entry.size, 0xFFFFFFFF),
    )
    return head + extra + entry.user_agent.encode("utf-8", "replace")[:USER_AGENT_MAX]


@lru_cache(maxsize=4_096)
def _packed(address: str) -> bytes:
    return ip_address(address).packed


def number_of(data: bytes) -> int:
    """The number of an entry as stored."""
    number: int = _HEAD.unpack_from(data)[0]
    return number


def head_of(data: bytes) -> tuple[int, int | None, int, str]:
    """Of an entry as stored its number, run time (ms), time (ms) and kind: what a history is searched by."""
    number, lasted = _HEAD.unpack_from(data)
    high, low, kind, *_ = _TAIL.unpack_from(data, _HEAD.size)
    return number, None if lasted == _NO_DURATION else lasted, (high << 32) | low, KINDS[kind]


def unpack(data: bytes) -> PingEntry:
    """The entry as stored, number and duration included."""
    number, lasted = _HEAD.unpack_from(data)
    high, low, kind, flags, reason, method, size = _TAIL.unpack_from(data, _HEAD.size)
    at = _HEAD.size + _TAIL.size

    def take(count: int) -> bytes:
        nonlocal at
        at += count
        return data[at - count : at]

    return PingEntry(
        number=number,
        duration_ms=None if lasted == _NO_DURATION else lasted,
        at=(high << 32) | low,
        kind=KINDS[kind],
        reason=REASONS[reason],
        method=METHODS[method],
        size=size,
        rid=str(UUID(bytes=take(16))) if flags & _RID else "",
        exit_status=take(1)[0] if flags & _EXIT else None,
        address=str(ip_address(take(4 if flags & _V4 else 16))) if flags & (_V4 | _V6) else "",
        detail=take(take(1)[0]).decode("utf-8", "replace") if flags & _DETAIL else "",
        country=take(2).decode("ascii") if flags & _COUNTRY else "",
        user_agent=data[at:].decode("utf-8", "replace"),
    )
