"""Every text on every background of every theme meets WCAG AA, light and dark; and no theme leaves a value out."""

import re
from pathlib import Path

import pytest

from ttr.domain.preferences import THEMES as NAMES
from ttr.paths import STATIC

STATUSES = ("up", "late", "down", "new", "paused", "running")
QUIET = tuple(f"{status}-quiet" for status in STATUSES)
GROUNDS = ("surface", "surface-raised", "surface-sunken", "surface-field", "row-hover")
FRAME = ("header-near", "header-far", "bar-near", "bar-far")
"""Both ends of what runs from one colour to another: the header, and the title bars of panels."""
TEXTS = [
    *((text, back) for text in ("text", "text-muted", "link") for back in (*GROUNDS, *FRAME, *QUIET)),
    *((text, back) for text in (*STATUSES, "danger") for back in GROUNDS),
    *zip(STATUSES, QUIET, strict=True),
    ("danger", "down-quiet"),
    *(("heading", back) for back in (*GROUNDS, *FRAME)),
    *(("on-accent", back) for back in ("accent", "accent-hover")),
    ("on-danger", "danger"),
    ("on-hover", "hover"),
    ("on-current", "current"),
]
SHAPES = [
    *(("focus", back) for back in (*GROUNDS, *FRAME, *QUIET)),
    *((shape, back) for shape in ("border-control", "accent") for back in (*GROUNDS, *FRAME)),
]
PAIRS = [(*pair, 4.5) for pair in TEXTS] + [(*pair, 3.0) for pair in SHAPES]
FILES = sorted((STATIC / "css/themes").glob("*.css"))
OTHERS = sorted(set((STATIC / "css").rglob("*.css")) - set(FILES))


def rules(path: Path) -> str:
    """A stylesheet without its comments."""
    return re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)


def colours(theme: Path, scheme: str) -> dict[str, str]:
    """The theme's colour tokens in one scheme."""
    found = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6,8}), (#[0-9a-f]{6,8})\);", theme.read_text())
    return {name: light if scheme == "light" else dark for name, light, dark in found}


def said(path: Path) -> set[str]:
    """The custom properties that a stylesheet sets."""
    return set(re.findall(r"(--[a-z0-9-]+):", rules(path)))


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, by WCAG 2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The ratio of two colours, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_measure_agrees_with_known_values() -> None:
    assert round(contrast("#ffffff", "#000000"), 2) == 21.0
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


def test_every_theme_that_is_offered_is_there() -> None:
    assert {path.stem for path in FILES} == set(NAMES)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("theme", FILES, ids=lambda path: path.stem)
def test_a_theme_is_readable(theme: Path, scheme: str) -> None:
    palette = colours(theme, scheme)
    poor = [
        f"--{front} on --{back}: {ratio:.2f} < {least}"
        for front, back, least in PAIRS
        if (ratio := contrast(palette[front], palette[back])) < least
    ]
    assert poor == []


@pytest.mark.parametrize("theme", FILES, ids=lambda path: path.stem)
def test_every_colour_has_a_light_and_a_dark_side(theme: Path) -> None:
    assert len(re.findall(r"#[0-9a-f]{6,8}\b", rules(theme))) == 2 * len(colours(theme, "dark"))


@pytest.mark.parametrize("theme", FILES, ids=lambda path: path.stem)
def test_a_theme_says_everything_that_any_theme_says(theme: Path) -> None:
    """What one left out would come from the theme around a swatch."""
    assert set().union(*map(said, FILES)) - said(theme) == set()


def test_every_value_that_is_used_is_set_and_every_one_of_the_themes_is_used() -> None:
    # With a fallback, var(--x, ...), a value may be left out.
    used = {name for path in OTHERS for name in re.findall(r"var\((--[a-z0-9-]+)\)", rules(path))}
    assert used - set().union(*map(said, OTHERS), said(FILES[0])) == set()
    inside = {name for path in FILES for name in re.findall(r"var\((--[a-z0-9-]+)\)", rules(path))}
    assert said(FILES[0]) - used - inside == set()


def test_every_font_that_a_theme_names_is_shipped() -> None:
    shipped = set(re.findall(r'font-family: "([^"]+)"', (STATIC / "css/fonts.css").read_text()))
    for name in {name.removesuffix(" stand-in") for name in shipped}:
        assert {name, f"{name} stand-in"} <= shipped
        assert any(f'"{name}", "{name} stand-in"' in path.read_text() for path in FILES), name
