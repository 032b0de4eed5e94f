"""docs/settings.md and .env.example tell of every setting, and of its default what the code does."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ttr.settings import Settings

ROOT = Path(__file__).parents[2]
_TABLE = re.compile(r"^\| setting \| default \| *\|\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)
_BOUNDS = (r"\((?P<ge>\d+) to (?P<le>\d+)\)", r"\((?P<ge>\d+) or more\)", r"\bat most (?P<le>\d+)$")
"""Bounds as the page words them, without commas."""
_BOUNDED = r"\d to \d|\d or (?:more|less)|at (?:most|least) \d|between \d"
"""Whatever may be one, in words that `_BOUNDS` should know."""
_SAID: dict[str, str] = {
    "REDIS_URL": "embedded",
    "DATABASE_URL": "embedded",
    "QUEUE_REDIS_URL": "`REDIS_URL`",
    "SECRET_KEY": "generated",
    "ENCRYPTION_KEY": "generated",
    "PUBLIC_URL": "from the request",
    "RATE_LIMITS": "see [below](#limits-of-calls-and-pings)",
    "EMAIL_CONFIRM": "`on` in production, else `off`",
    "RC_DRIP_RPS": "`RC_RPS_MIN`",
    "REDIS_CA_FILE": "the system's",
}
"""Of those without a value: where it comes from."""
_SAMPLES = {"TTR_ENV", "REDIS_CLUSTER"}
"""Lines of .env.example that show what one would set, though there is a default."""


def rows(document: str) -> Iterator[tuple[list[str], str, str]]:
    """The settings of each row of the tables, their defaults, and what is said of them."""
    for table in _TABLE.findall(document):
        for row in table.splitlines():
            names, defaults, words = (cell.strip() for cell in row.strip("|").split("|"))
            yield re.findall(r"`([A-Z0-9_]+)`", names), defaults, words


def told_defaults(document: str) -> dict[str, str]:
    """The default that the tables tell of each setting; one row may have several of both."""
    found: dict[str, str] = {}
    for listed, defaults, _ in rows(document):
        told = defaults.split(", ") if len(listed) > 1 else [defaults]
        told *= len(listed) if len(told) == 1 else 1
        assert len(told) == len(listed), listed
        assert not found.keys() & set(listed), f"{listed} twice"
        found |= dict(zip(listed, told, strict=True))
    return found


def told_bounds(document: str) -> dict[str, dict[str, float]]:
    """The bounds that the tables tell, as pydantic names them; of a text's length they tell no number's."""
    found = {}
    for listed, _, words in rows(document):
        numbers = re.sub(r"[\d,]+ (?:letters|characters)", "", words).replace(",", "")
        bounds = {
            name: float(number)
            for expression in _BOUNDS
            for said in [re.search(expression, numbers)]
            if said
            for name, number in said.groupdict().items()
        }
        if bounds or re.search(_BOUNDED, numbers):
            found |= dict.fromkeys(listed, bounds)
    return found


PAGE = (ROOT / "docs/settings.md").read_text()
TOLD = told_defaults(PAGE)
FIELDS = {name.upper(): field.default for name, field in Settings.model_fields.items()}


def same(told: str, default: Any) -> bool:
    """Whether a text is this default as one types it."""
    if isinstance(default, int | float) and not isinstance(default, bool):
        return re.fullmatch(r"[0-9.]+", told) is not None and float(told) == default
    return told.removeprefix("./") == (str(default).lower() if isinstance(default, bool) else str(default))


def test_the_tables_have_every_setting_and_no_other() -> None:
    assert TOLD.keys() == FIELDS.keys()


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_the_default_is_that_of_the_code(name: str) -> None:
    default = FIELDS[name]
    if name in _SAID:
        assert TOLD[name] == _SAID[name]
    elif default is None or default == ():
        assert TOLD[name] == "none"
    else:
        assert same(TOLD[name].strip("`"), default), (TOLD[name], default)


def test_a_range_is_that_of_the_code() -> None:
    """Whoever tells one end tells the other as well, but a least of 1 or 0."""
    told = told_bounds(PAGE)
    assert len(told) > 10
    for name, bounds in told.items():
        in_code = {
            bound: getattr(constraint, bound)
            for constraint in Settings.model_fields[name.lower()].metadata
            for bound in ("ge", "gt", "le", "lt")
            if hasattr(constraint, bound)
        }
        if "ge" not in bounds and in_code.get("ge") in (0, 1):
            del in_code["ge"]
        assert bounds == in_code, name


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_the_example_shows_the_default_where_there_is_one(name: str) -> None:
    lines = re.findall(rf"^#{name}=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert len(lines) == 1, lines
    value, default = re.split(r"\s+#", lines[0])[0].strip(), FIELDS[name]
    if default not in (None, ()) and name not in _SAMPLES | {"RATE_LIMITS"}:
        assert same(value, default), (value, default)


def test_the_example_sets_nothing_by_itself() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []
