"""ENCRYPTION_KEY as text: one Fernet key, or several while one takes the other's place."""

import re

# Judged here, for the decoder stops at the first "=": of two keys without a comma it would take one in silence.
_FERNET_KEY = re.compile(r"[A-Za-z0-9_+/-]{43}=")


def read_master_keys(text: str) -> list[str]:
    """The comma-separated Fernet keys of a setting, newest first; empty entries are left out.

    Raises ValueError with the end of a sentence that says which one is wrong and never quotes it.
    """
    found = [entry for entry in (part.strip() for part in text.split(",")) if entry]
    if not found:
        raise ValueError("holds no key")
    for number, key in enumerate(found, 1):
        if not _FERNET_KEY.fullmatch(key):
            which = f", the {_ordinal(number)} of its {len(found)} keys" if len(found) > 1 else ""
            raise ValueError(f"is not a Fernet key (32 bytes in URL-safe base64, 44 characters){which}")
    return found


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
