"""Countries: their two-letter codes (ISO 3166-1)."""

NOWHERE = "XX"
"""The code of a country that nobody knows."""
# Two ways to say so: the first is the proxies', the second that of some databases.
_UNKNOWN_CODES = frozenset({NOWHERE, "ZZ"})


def country_code(text: str) -> str:
    """The code that a text is, in capitals: two ASCII letters. "" for anything else, and for XX and ZZ."""
    if len(text) != 2 or not (text.isascii() and text.isalpha()):
        return ""
    code = text.upper()
    return "" if code in _UNKNOWN_CODES else code
