"""Markdown of owners as HTML that is safe on a public page: no HTML of their own, no pictures, no headings.

markdown-it lets no HTML through, and nh3 takes away whatever is not named here, whatever made it.
"""

import asyncio
from collections.abc import Callable
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup

_TAGS = {"p", "br", "strong", "em", "code", "pre", "blockquote", "ul", "ol", "li", "a", "hr"}
_LINKS = {"http", "https", "mailto"}
_SHORT = 200
"""Characters: at most some 5 ms."""


def _heading_as_paragraph(state: StateCore) -> None:
    """A heading would stand in the page's outline, where the owner can't see its level; it is a bold line instead."""
    for place, token in enumerate(state.tokens):
        if token.type in ("heading_open", "heading_close"):
            token.tag = "p"
            if token.type == "heading_open":
                words = state.tokens[place + 1]
                words.children = [Token("strong_open", "strong", 1), *(words.children or [])]
                words.children.append(Token("strong_close", "strong", -1))


_MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable("image")
_MARKDOWN.core.ruler.push("heading_as_paragraph", _heading_as_paragraph)


@lru_cache(maxsize=256)
def markdown(text: str) -> Markup:
    """The text as HTML; links tell nobody where their reader comes from, and say nothing for what they lead to."""
    made = nh3.clean(
        _MARKDOWN.render(text),
        tags=_TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes=_LINKS,
        link_rel="noopener noreferrer nofollow ugc",
    )
    return Markup(made)  # noqa: S704  # what nh3 lets through


async def _apart(text: str) -> Markup:
    """The same, in a thread where it may take long: 5,000 characters built for that take 0.2 s, and pings go on."""
    return markdown(text) if len(text) <= _SHORT else await asyncio.to_thread(markdown, text)


FILTERS: dict[str, Callable[..., object]] = {"markdown": _apart}
