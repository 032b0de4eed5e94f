"""Numbers in the addresses of the admin pages, read leniently, as people edit addresses."""

from quart import request


def number_in(name: str, digits: int = 6) -> int | None:
    """The number that the query gives for `name`; None for anything else, and for more than so many digits."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def offset_in() -> int:
    """How many of a list come before the page that is asked for."""
    return number_in("offset") or 0


def pages(address: str, offset: int, size: int, total: int) -> dict[str, str | None]:
    """Where the pages beside one lie: `newer` and `older`, None at the ends."""
    before = max(offset - size, 0)
    return {
        "newer": (f"{address}?offset={before}" if before else address) if offset else None,
        "older": f"{address}?offset={offset + size}" if offset + size < total else None,
    }
