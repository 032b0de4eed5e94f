"""Redis's bytes as JSON that Postgres takes: text as text, anything else as {"base64": ...}; exact both ways."""

import base64
import json
from collections.abc import Sequence
from typing import Any

Packed = str | dict[str, str]


def pack(value: bytes) -> Packed:
    """A value; jsonb takes neither what is not UTF-8 nor a NUL."""
    if b"\0" not in value:
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
    return {"base64": base64.b64encode(value).decode()}


def unpack(value: Packed) -> bytes:
    """What `pack` was given."""
    return value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])


def pack_pairs(flat: Sequence[bytes]) -> dict[str, Packed]:
    """HGETALL's flat answer, or a sorted set's members with their scores."""
    # All text, as almost always, takes half of the time: a check has 35 fields.
    if b"\0" not in b"".join(flat):
        try:
            return {flat[i].decode(): flat[i + 1].decode() for i in range(0, len(flat), 2)}
        except UnicodeDecodeError:
            pass
    return {flat[i].decode(): pack(flat[i + 1]) for i in range(0, len(flat), 2)}


def unpack_pairs(packed: dict[str, Packed]) -> dict[bytes, bytes]:
    """What `pack_pairs` was given, as a dict."""
    return {name.encode(): unpack(value) for name, value in packed.items()}


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def to_json(value: Any) -> str:
    """Compact, and as text: Postgres reads it as UTF-8."""
    return _encode(value)
