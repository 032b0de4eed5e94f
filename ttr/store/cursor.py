"""Cursors of the list of checks: where a page ends, as text that only we need to understand."""

import re
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass

from ttr.domain.invalid import FieldError, Invalid
from ttr.store.check_list import Place

# A name of 100 characters folds to at most 1,800 of up to three bytes, which base64 makes a third longer.
_LONGEST = 8_000
_WAYS = {"n": False, "p": True}
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)
_SCORE = re.compile(r"[0-9]{1,15}|inf", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The edge of a page, and on which side of it the page asked for lies."""

    place: Place
    backward: bool


def cursor_text(sort: str, place: Place, *, backward: bool) -> str:
    """The cursor for the page beyond `place` (before it, with `backward`) in a list sorted by `sort`."""
    plain = "\n".join((sort, "p" if backward else "n", str(place.number), place.value))
    return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def read_cursor(text: str, sort: str) -> Cursor:
    """The cursor in `text`. Raises Invalid, beside `cursor`, for one that no list sorted by `sort` gave."""
    try:
        if len(text) > _LONGEST:
            raise ValueError
        plain = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
        made_for, way, number, value = plain.split("\n", 3)
        if way not in _WAYS or not _NUMBER.fullmatch(number) or "\0" in value:
            raise ValueError
        if made_for == sort and sort != "name" and not _SCORE.fullmatch(value):
            raise ValueError
    except ValueError:
        raise Invalid([FieldError("cursor", "This is no cursor that a list gave.")]) from None
    if made_for != sort:
        raise Invalid([FieldError("cursor", f"This cursor is of a list with another sort_by than {sort}.")])
    return Cursor(Place(value, int(number)), _WAYS[way])
