"""What browsers colour their own bars with, read from the stylesheet of the theme, which alone knows colours."""

import re
from functools import cache

from ttr.paths import STATIC


@cache
def bar_colours(theme: str) -> tuple[str, str]:
    """The colour at the top of a page, light and dark, as #rrggbb. `theme` is one of THEMES."""
    source = (STATIC / "css/themes" / f"{theme}.css").read_text()
    light, dark = re.findall(r"--header-near: light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", source)[0]
    return light, dark
