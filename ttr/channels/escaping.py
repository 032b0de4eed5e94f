"""How text that others wrote is made harmless in a message, for each way in which services mark text up."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import escape

from ttr.domain.alert import one_line

LINES_SHOWN = 30
_TAB = 4

# An invisible character that joins words: behind it no service sees an address, a mention or a command.
_JOINER = "\u2060"
_LINK = re.compile(r"(?<=\w)(?=\.\w)|(?<=[a-zA-Z]:)(?=//)|(?<=[@#$])(?=\w)|(?<!\w)(?=/\w)")
# Looks like a backtick and closes no fence.
_GRAVE = "\u02cb"
_MARKDOWN = re.compile(r"[\\*_~`|<>\[\]]|^(?:[-+#]|\d+(?=[.)]))")


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of marking text up. Each function takes text without control characters."""

    prose: Callable[[str], str]
    """Text between other words, on one line."""
    fenced: Callable[[str], str]
    """Text inside the dialect's block for code."""
    address: Callable[[str], str]
    """One of our own links, where the dialect wants an address."""


def unlinked(text: str, limit: int) -> str:
    """`text` as one line of at most `limit` visible characters, in which no service sees a link or a mention.

    Invisible joiners are put behind what would begin one, so the result may be longer than `limit`.
    """
    return _LINK.sub(_JOINER, one_line(text, limit))


def last_lines(text: str, limit: int) -> str:
    """The end of `text`: at most `limit` characters on at most 30 lines, with its breaks and indents; "" for 0.

    Nothing else that controls a terminal or a reading direction is left. A cut at the beginning leaves an
    ellipsis.
    """
    lines = [_clean(line) for line in text.strip().splitlines()]
    shown = "\n".join(lines[-LINES_SHOWN:]).strip("\n")
    if len(lines) <= LINES_SHOWN and len(shown) <= limit:
        return shown
    return "\u2026" + shown[len(shown) - limit + 1 :] if len(shown) >= limit else "\u2026" + shown


def _clean(line: str) -> str:
    return re.sub(r"[^ ]+", lambda word: one_line(word[0], len(word[0])), line.expandtabs(_TAB)).rstrip()


def _angles(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", _GRAVE)


def _same(text: str) -> str:
    return text


DIALECTS = {
    "txt": Dialect(prose=_same, fenced=_same, address=_same),
    "html": Dialect(prose=escape, fenced=escape, address=escape),
    # In these two a link is <address|label> and [label](address).
    "mrkdwn": Dialect(
        prose=_angles,
        fenced=_angles,
        address=lambda url: _angles(quote(url, safe=":/?#[]@!$&'()*+,;=%")),
    ),
    "md": Dialect(
        prose=lambda text: _MARKDOWN.sub(lambda found: "\\" + found[0], text),
        fenced=lambda text: text.replace("`", _GRAVE),
        address=lambda url: quote(url, safe=":/?#[]@!$&'*+,;=%"),
    ),
}
"""By the suffix of a template's name."""
