"""Badges: what a small public picture says of a check or an account, and how it is laid out. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from ttr.domain.badge_widths import text_width
from ttr.domain.invalid import has_control, parse_form

Tone = Literal["up", "late", "down", "new", "paused", "running"]

COLOURS: Mapping[Tone, str] = {
    "up": "1a7f37",
    "late": "9a6700",
    "down": "cf222e",
    "new": "656d76",
    "paused": "7d5ba6",
    "running": "0969da",
}
"""The ground of the state, as RRGGBB; white text has a contrast of 4.8 and more on each."""
LABEL_COLOUR = "32383f"
LABEL_MAX = 100
"""Characters of a label."""
FONT_SIZE = 11
HEIGHT = 20

_GOOD, _FAIR = 0.999, 0.99
"""From such an uptime on it is green, and amber."""
_EDGE, _SHAPE, _GAP = 6, 9, 4
# Accents without a letter have no width, and are drawn back over the edge.
_LEAST = 6.0
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class BadgeQuery(BaseModel):
    """What an address asks for."""

    label: str = Field(default="", max_length=LABEL_MAX)
    """"" for the check's name."""
    show: Literal["status", "uptime"] = "status"
    window: Literal["24h", "7d", "30d", "90d"] = "30d"
    """Of the uptime."""

    @field_validator("label")
    @classmethod
    def _label(cls, value: str) -> str:
        if has_control(value) or _NOT_IN_XML.search(value):
            raise ValueError("Control characters can't be in a label.")
        return value.strip()


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge says."""

    label: str
    message: str
    tone: Tone

    @property
    def colour(self) -> str:
        """RRGGBB."""
        return COLOURS[self.tone]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things lie in the picture, in px from its left edge."""

    width: int
    label_x: int
    label_width: float
    """Of the text."""
    split: int
    """Where the state's ground begins."""
    shape_x: int
    message_x: int
    message_width: float


def read_badge_query(fields: Mapping[str, str]) -> BadgeQuery:
    """The query of a badge's address; unknown fields count for nothing. Raises Invalid."""
    return parse_form(BadgeQuery, fields)


def status_badge(label: str, shown: Tone, *, running: bool) -> Badge:
    """The badge of a check that a page shows as `shown`: an open run is said of one that is up or new."""
    word: Tone = "running" if running and shown in ("up", "new") else shown
    return Badge(_drawable(label), word, word)


def uptime_badge(label: str, ratio: float | None, figure: str) -> Badge:
    """The badge of a check's uptime, which is `figure` in words; None: there is nothing to judge yet."""
    if ratio is None:
        return Badge(_drawable(label), figure, "new")
    return Badge(_drawable(label), figure, "up" if ratio >= _GOOD else "late" if ratio >= _FAIR else "down")


def account_badge(label: str, *, total: int, down: int, late: int, up: int, paused: int) -> Badge:
    """The badge of an account with so many checks: the worst of those that are not paused."""
    tone: Tone
    if total == 0:
        message, tone = "no checks", "new"
    elif down:
        message, tone = f"{down:,} down", "down"
    elif late:
        message, tone = f"{late:,} late", "late"
    elif up:
        message, tone = "all up", "up"
    elif paused == total:
        message, tone = "paused", "paused"
    else:
        message, tone = "new", "new"
    return Badge(_drawable(label), message, tone)


def layout(badge: Badge) -> Layout:
    """Where the two texts and the shape of the state lie."""
    label, message = _width(badge.label), _width(badge.message)
    split = round(_EDGE + label + _EDGE)
    message_x = split + _EDGE + _SHAPE + _GAP
    return Layout(
        width=round(message_x + message + _EDGE),
        label_x=_EDGE,
        label_width=label,
        split=split,
        shape_x=split + _EDGE,
        message_x=message_x,
        message_width=message,
    )


def _width(text: str) -> float:
    return round(text_width(text, FONT_SIZE), 1) or _LEAST


def _drawable(label: str) -> str:
    """A name without the two characters that no XML may hold: a picture with one of them is not drawn at all."""
    return _NOT_IN_XML.sub("\ufffd", label)
