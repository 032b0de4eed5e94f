"""How names are compared: without case, and in one form of each letter, however it was typed. Pure."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby

BULK_MOST = 2
"""What is folded has at most this many times the bytes: a search reads all of an account's names and tags."""


def fold(text: str) -> str:
    """`text` as it is searched and sorted; idempotent.

    A character that would become more than `BULK_MOST` times as long (U+FDFA would be 18, of 33 bytes) stays as it is
    wherever it stands: what is asked for folds like what it is looked for in.
    """
    if text.isascii():
        return text.casefold()
    return "".join("".join(run) if bulky else _fold(run) for bulky, run in groupby(text, _is_bulky))


def _fold(run: Iterable[str]) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", "".join(run)).casefold())


@lru_cache(maxsize=4_096)
def _is_bulky(character: str) -> bool:
    return _bytes(unicodedata.normalize("NFKC", character)) > BULK_MOST * _bytes(character)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
