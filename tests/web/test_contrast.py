"""Every text on every background of every theme meets WCAG AA, in light and in dark."""

import re
from pathlib import Path

import pytest

from ttr.paths import STATIC

STATUSES = ("up", "late", "down", "new", "paused", "running")
BACKGROUNDS = ("surface", "surface-raised", "surface-sunken")
TEXTS = [
    *((text, back) for text in ("text", "text-muted", "link", "danger") for back in BACKGROUNDS),
    *(("heading", back) for back in ("surface", "surface-raised", "header-near", "header-far")),
    *(("text", back) for back in ("header-near", "header-far")),
    *(("on-accent", back) for back in ("accent", "accent-hover")),
    ("on-danger", "danger"),
    *((status, f"{status}-quiet") for status in STATUSES),
    *((status, "surface-raised") for status in STATUSES),
    ("up", "surface-sunken"),
]
SHAPES = [
    *(("focus", back) for back in (*BACKGROUNDS, "header-near", "header-far")),
    *(("border-control", back) for back in BACKGROUNDS),
    *(("accent", back) for back in BACKGROUNDS),
]
PAIRS = [(*pair, 4.5) for pair in TEXTS] + [(*pair, 3.0) for pair in SHAPES]
THEMES = sorted((STATIC / "css/themes").glob("*.css"))


def colours(theme: Path, scheme: str) -> dict[str, str]:
    """The theme's colour tokens in one scheme."""
    source = theme.read_text()
    found = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6,8}), (#[0-9a-f]{6,8})\);", source)
    return {name: light if scheme == "light" else dark for name, light, dark in found}


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("theme", THEMES, ids=lambda path: path.stem)
def test_a_theme_is_readable(theme: Path, scheme: str) -> None:
    palette = colours(theme, scheme)
    poor = [
        f"--{front} on --{back}: {ratio:.2f} < {least}"
        for front, back, least in PAIRS
        if (ratio := contrast(palette[front], palette[back])) < least
    ]
    assert poor == []


@pytest.mark.parametrize("theme", THEMES, ids=lambda path: path.stem)
def test_every_colour_has_a_light_and_a_dark_side(theme: Path) -> None:
    source = re.sub(r"/\*.*?\*/", "", theme.read_text(), flags=re.DOTALL)
    assert len(re.findall(r"#[0-9a-f]{6,8}\b", source)) == 2 * len(colours(theme, "dark"))
