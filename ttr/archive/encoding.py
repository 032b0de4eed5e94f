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
    return {flat[i].decode(): pack(flat[i + 1]) for i in range(0, len(flat), 2)}


def unpack_pairs(packed: dict[str, Packed]) -> dict[bytes, bytes]:
    """What `pack_pairs` was given, as a dict."""
    return {name.encode(): unpack(value) for name, value in packed.items()}


def to_json(value: Any) -> str:
    """Compact, and as text: Postgres reads it as UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
