"""Countries: their two-letter codes (ISO 3166-1) and what they are called in English."""

from functools import cache
from importlib.resources import files

NOWHERE = "XX"
"""The code of a country that nobody knows."""
UNKNOWN = "Unknown"
# Two ways to say so: the first is the proxies', the second that of some databases.
_UNKNOWN_CODES = frozenset({NOWHERE, "ZZ"})
# Not in the standard, which leaves such codes to whoever needs them: CDNs and databases of addresses do need this one.
_BESIDE_THE_STANDARD = {"XK": "Kosovo"}


def country_code(text: str) -> str:
    """The code that a text is, in capitals: two ASCII letters. "" for anything else, and for XX and ZZ."""
    if len(text) != 2 or not (text.isascii() and text.isalpha()):
        return ""
    code = text.upper()
    return "" if code in _UNKNOWN_CODES else code


def country_name(code: str) -> str:
    """What the country is usually called; UNKNOWN when no country has that code."""
    return _names().get(code, UNKNOWN)


@cache
def _names() -> dict[str, str]:
    # The time zone database has a table of the standard's codes; read from it once per process.
    table = files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    return {code: name for code, name, *_ in rows} | _BESIDE_THE_STANDARD
