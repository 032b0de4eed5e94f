"""Codes of countries and their names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttr.domain.countries import country_code, country_name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("DE", "Germany"),
        ("US", "United States"),
        ("GB", "Britain (UK)"),
        ("CI", "Côte d’Ivoire"),  # noqa: RUF001  # as the table spells it
        ("XK", "Kosovo"),
        ("QQ", "Unknown"),
        ("XX", "Unknown"),
        ("de", "Unknown"),
        ("", "Unknown"),
        ("#c", "Unknown"),
    ],
)
def test_a_code_has_a_name(code: str, name: str) -> None:
    assert country_name(code) == name


@pytest.mark.parametrize(("text", "code"), [("DE", "DE"), ("de", "DE"), ("dE", "DE"), ("QQ", "QQ")])
def test_two_letters_are_a_code(text: str, code: str) -> None:
    assert country_code(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "D",
        "DEU",
        "D1",
        "T1",
        "D ",
        " DE",
        "DE\n",
        "ÄÖ",
        "ß",  # in capitals SS
        "\ufb01",  # the ligature, in capitals FI
        "D\x00",
        "\uff24\uff25",
        "\u0663\u0663",
        "--",
        "XX",
        "xx",
        "zz",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert country_code(text) == ""


@given(st.text(max_size=4))
def test_a_code_is_two_capital_letters_or_nothing(text: str) -> None:
    found = country_code(text)
    assert found == "" or (len(found) == 2 and set(found) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
