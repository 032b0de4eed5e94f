"""How somebody wants the pages: theme, scheme, time zone, rows a page. Pure."""

from dataclasses import dataclass, replace

from ttr.domain.zones import zone_names

THEMES = ("cyberpunk", "retro", "blueprint", "terminal", "solarized", "arcade")
SCHEMES = ("dark", "light", "system")
PAGE_SIZES = (10, 25, 50, 100)
"""Checks a page of the dashboard."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """What an account or a browser has chosen; each part has a default."""

    theme: str = THEMES[0]
    scheme: str = SCHEMES[0]
    page_size: int = 25
    tz: str = ""
    """An IANA name; "" follows the browser."""

    def __str__(self) -> str:
        """As it is kept, with the account and in a cookie: `cyberpunk.dark.25.Europe/Riga`."""
        return f"{self.theme}.{self.scheme}.{self.page_size}.{self.tz}"


def read_preferences(text: str) -> Preferences:
    """What was kept; a part that is unknown, now or because somebody made it up, has its default."""
    theme, scheme, size, tz = (text.split(".", 3) + [""] * 4)[:4]
    return choose(Preferences(), {"theme": theme, "scheme": scheme, "page_size": size, "tz": tz})


def choose(before: Preferences, fields: dict[str, str]) -> Preferences:
    """The preferences with these choices; one that is none of those offered changes nothing."""
    chosen = before
    if (theme := fields.get("theme")) in THEMES:
        chosen = replace(chosen, theme=theme)
    if (scheme := fields.get("scheme")) in SCHEMES:
        chosen = replace(chosen, scheme=scheme)
    if (size := fields.get("page_size", "")) in map(str, PAGE_SIZES):
        chosen = replace(chosen, page_size=int(size))
    if (tz := fields.get("tz")) is not None and (tz == "" or tz in zone_names()):
        chosen = replace(chosen, tz=tz)
    return chosen
