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
_LINK = re.compile(
    r"(?<=\w)(?=\.\w)|(?<=[a-zA-Z]:)(?=//)|(?<=[@#$])(?=\w)|(?<!\w)(?=/\w)|(?<=mailto)(?=:)", re.IGNORECASE
)
# A link in prose: what ends a sentence or closes a bracket behind it is not part of it.
_URL = re.compile(
    r"https?://(?=\w)(?:[^\s<>\"()\u2026\u2060]|\([^\s<>\"()\u2026\u2060]*\))*"
    r"(?:[^\s<>\"()\u2026\u2060.,:;!?'\]}*_~`|]|\([^\s<>\"()\u2026\u2060]*\))",
    re.IGNORECASE,
)
_BLANK_LINES = re.compile(r"\n{3,}")
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
    """A link, where the dialect wants an address."""
    link: Callable[[str], str]
    """A link in prose, shown as it is."""


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


def unlinked_lines(text: str) -> str:
    """`text`, which `last_lines` has cleaned, with its breaks and indents, and no link or mention in any line."""
    return _LINK.sub(_JOINER, text)


def first_lines(text: str, limit: int) -> str:
    """The beginning of `text`: at most `limit` characters on at most 30 lines, with its breaks and indents.

    It is as clean as `last_lines`. A cut leaves an ellipsis behind a space, and no part of a link.
    """
    lines = [_clean(line) for line in text.strip().splitlines()]
    shown = _BLANK_LINES.sub("\n\n", "\n".join(lines[:LINES_SHOWN])).strip("\n")
    if len(lines) <= LINES_SHOWN and len(shown) <= limit:
        return shown
    at = min(len(shown), max(limit - 2, 0))
    at = next((url.start() for url in _URL.finditer(shown) if url.start() < at < url.end()), at)
    return f"{shown[:at].rstrip()} \u2026".strip()


def with_links(text: str, prose: Callable[[str], str], link: Callable[[str], str]) -> str:
    """`text` line by line: its http(s) links through `link`, and the rest, unlinked, through `prose`."""

    def line(words: str) -> str:
        parts, at = [], 0
        for url in _URL.finditer(words):
            parts += [prose(_LINK.sub(_JOINER, words[at : url.start()])), link(url[0])]
            at = url.end()
        return "".join([*parts, prose(_LINK.sub(_JOINER, words[at:]))])

    return "\n".join(line(words) for words in text.split("\n"))


def anchor(url: str) -> str:
    """A link in HTML for readers that make none of an address themselves."""
    return f'<a href="{escape(url)}">{escape(url)}</a>'


def _clean(line: str) -> str:
    return re.sub(r"[^ ]+", lambda word: one_line(word[0], len(word[0])), line.expandtabs(_TAB)).rstrip()


def _angles(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", _GRAVE)


def _same(text: str) -> str:
    return text


def _angles_address(url: str) -> str:
    return _angles(quote(url, safe=":/?#[]@!$&'()*+,;=%"))


def _round_address(url: str) -> str:
    return quote(url, safe=":/?#[]@!$&'*+,;=%")


DIALECTS = {
    "txt": Dialect(prose=_same, fenced=_same, address=_same, link=_same),
    "html": Dialect(prose=escape, fenced=escape, address=escape, link=escape),
    # In these two a link is <address|label> and [label](address).
    "mrkdwn": Dialect(
        prose=_angles,
        fenced=_angles,
        address=_angles_address,
        # The messages are verbatim, so an address alone would not become a link.
        link=lambda url: f"<{_angles_address(url)}>",
    ),
    "md": Dialect(
        prose=lambda text: _MARKDOWN.sub(lambda found: "\\" + found[0], text),
        fenced=lambda text: text.replace("`", _GRAVE),
        address=_round_address,
        link=_round_address,
    ),
}
"""By the suffix of a template's name."""
