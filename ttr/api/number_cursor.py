"""Cursors of what is numbered in the order it came, such as a check's pings: the number that a page goes on before."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

_NUMBER = re.compile(r"[0-9]{0,15}", re.ASCII)


def _judged(text: str) -> str:
    if not _NUMBER.fullmatch(text):
        raise ValueError("This is no cursor that a list gave.")
    return text


NumberCursor = Annotated[
    str,
    AfterValidator(_judged),
    Field(
        description="`next_cursor` of the page before this one.",
        json_schema_extra={"pattern": "^[0-9]{0,15}$"},
    ),
]
"""A query's cursor; "" asks for the first page."""


def number_in(cursor: str) -> int | None:
    """The number to go on before; None for the first page."""
    return int(cursor) if cursor else None


def cursor_before(number: int | None) -> str | None:
    """The cursor that goes on before `number`; None when there is nothing more."""
    return None if number is None else str(number)
