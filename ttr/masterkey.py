"""ENCRYPTION_KEY as text: one Fernet key, or several while one takes the other's place."""

import base64
import re

# Judged here, for the decoder stops at the first "=": of two keys without a comma it would take one in silence.
_FERNET_KEY = re.compile(r"[A-Za-z0-9_+/-]{43}=")
# The same 32 bytes as platforms generate secrets.
_HEX_KEY = re.compile(r"[0-9A-Fa-f]{64}")


def read_master_keys(text: str) -> list[str]:
    """The comma-separated keys of a setting as Fernet keys, newest first; empty entries are left out.

    Raises ValueError with the end of a sentence that says which one is wrong and never quotes it.
    """
    found = [_as_fernet_key(entry) for entry in (part.strip() for part in text.split(",")) if entry]
    if not found:
        raise ValueError("holds no key")
    for number, key in enumerate(found, 1):
        if not _FERNET_KEY.fullmatch(key):
            which = f", the {_ordinal(number)} of its {len(found)} keys" if len(found) > 1 else ""
            raise ValueError(
                f"is not a Fernet key (32 bytes in URL-safe base64, 44 characters, or 64 hexadecimal digits){which}"
            )
    return found


def _as_fernet_key(entry: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(entry)).decode() if _HEX_KEY.fullmatch(entry) else entry


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
