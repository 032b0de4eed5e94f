"""How names are compared: without case, and in one form of each letter, however it was typed. Pure."""

import unicodedata


def fold(text: str) -> str:
    """`text` as it is searched and sorted; idempotent."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
