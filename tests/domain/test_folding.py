"""How names are compared: what folds to the same, what stays, and how long it gets."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from ttr.domain.folding import BULK_MOST, fold

ODD = "\ufdfa\ufdfb\u2057\u00bd\u0385\u0344\U0001d15e\U0001d160\u0301\u0345\u00df\u0130\uff22aB ,"
texts = st.text(st.one_of(st.sampled_from(ODD), st.characters(codec="utf-8")), max_size=30)


def test_case_and_form_do_not_matter() -> None:
    assert fold("STRASSE") == fold("Stra\u00dfe") == "strasse"
    assert fold("\uff22ETA") == fold("beta")
    assert fold("e\u0301") == fold("\u00c9") == "\u00e9"


def test_a_character_that_would_swell_stays_among_others_that_are_folded() -> None:
    assert fold("A\ufdfaB\u00c9") == "a\ufdfab\u00e9"
    assert fold("\ufdfa" * 100) == "\ufdfa" * 100


def test_every_character_is_folded_once_and_for_all_and_stays_short() -> None:
    for number in (*range(0xD800), *range(0xE000, 0x110000)):
        character = chr(number)
        if not unicodedata.decomposition(character) and character.casefold() == character:
            continue
        folded = fold(character)
        assert len(folded.encode()) <= BULK_MOST * len(character.encode()), hex(number)
        assert fold(folded) == folded, hex(number)


@given(texts)
def test_folding_twice_changes_nothing_and_no_text_swells(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert len(fold(text).encode()) <= BULK_MOST * len(text.encode())


@given(texts, texts, st.sampled_from(ODD.translate({0x344: None, 0x301: None, 0x345: None})))
def test_a_character_is_found_in_every_text_that_has_it(before: str, behind: str, character: str) -> None:
    # A mark behind it makes another letter of it: what follows begins with a blank.
    assert fold(character) in fold(f"{before} {character} {behind}")
