"""How somebody wants the pages: kept as text, read back, and never anything that is not offered."""

import pytest

from ttr.domain.preferences import SCHEMES, THEMES, Preferences, choose, read_preferences


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_kept_is_read_back(theme: str, scheme: str) -> None:
    chosen = Preferences(theme, scheme, 100, "America/Argentina/Buenos_Aires")
    assert read_preferences(str(chosen)) == chosen


@pytest.mark.parametrize("text", ["", ".", "....", "pink.loud.7.Mars", '"><script>', "x" * 10_000])
def test_nonsense_has_every_default(text: str) -> None:
    assert read_preferences(text) == Preferences()


def test_one_choice_leaves_the_others() -> None:
    before = Preferences("retro", "light", 50, "Europe/Riga")
    assert choose(before, {"theme": "arcade"}) == Preferences("arcade", "light", 50, "Europe/Riga")
    assert choose(before, {"tz": ""}) == Preferences("retro", "light", 50, "")
    assert choose(before, {"tz": "../../etc/passwd", "page_size": "26", "scheme": "DARK"}) == before
