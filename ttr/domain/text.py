"""What validation lets through as text, as patterns of JSON Schema: the OpenAPI document says the same as we do.

The classes are written out, for `\\s` is something else in Python, ECMAScript and Rust.
"""

BLANK = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""What `str.strip` takes off at both ends."""
CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
"""What `has_control` finds; surrogates can't be in JSON."""


def line(most: int, *, without: str = "", empty: bool = False) -> str:
    """The pattern of a line of 1 to `most` characters after the blanks at its ends are taken off, without control
    characters and those of `without`. With `empty`, blanks alone will do.
    """
    inner, edge = f"[^{CONTROL}{without}]", f"[^{CONTROL}{BLANK}{without}]"
    word = rf"{edge}({inner}{{0,{most - 2}}}{edge})?"
    return rf"^[{BLANK}]*({word}){'?' if empty else ''}[{BLANK}]*$"


def lines() -> str:
    """The pattern of lines: control characters only at both ends, where they are taken off, but for `\\t`, `\\n` and
    `\\r\\n`.
    """
    return rf"^[{BLANK}]*(\r\n|[\t\n]|[^{CONTROL}])*[{BLANK}]*$"


def within_blanks(pattern: str) -> str:
    """The pattern of what matches `pattern` (without anchors) when the blanks at its ends are taken off."""
    return rf"^[{BLANK}]*({pattern})[{BLANK}]*$"


FILLED = rf"[^{BLANK}]"
"""The pattern of what is more than blanks."""
BLANKS = rf"^[{BLANK}]*$"
"""The pattern of nothing but blanks."""


def counted(count: int, noun: str) -> str:
    """A number of things in words: "1 check", "2,000 checks"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
