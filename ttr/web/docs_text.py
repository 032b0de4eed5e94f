"""A page of the documentation as HTML, from its Markdown. Pure, but for the pictures that it shows.

The text is ours and may be trusted; it is held to what the security policy allows all the same: nothing in it is
inline, no HTML but comments, which are not shown. Headings have the anchors that a forge gives them.
"""

import posixpath
import re
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup, escape

from ttr.paths import DOCS
from ttr.web.docs_contents import address_of

BASE = "http://127.0.0.1:8000"
"""What stands in the texts for the installation's own address."""
FILES = ("images", "prometheus")
"""Folders below docs/ whose files pages show or lead to."""
_LABEL = 60
"""Characters of a text that name its Copy button."""
_OWN_LOOK = re.compile(r"<style\b.*?</style>|<\?xml.*?\?>|<!--.*?-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading below the page's own."""

    level: int
    anchor: str
    title: str


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading, for the search; the anchor of what comes before the first one is ""."""

    anchor: str
    title: str
    words: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page; its HTML holds BASE where the installation's address belongs."""

    name: str
    title: str
    html: str
    headings: tuple[Heading, ...]
    sections: tuple[Section, ...]

    def text(self, base: str) -> Markup:
        """The HTML with an installation's address."""
        return Markup(self.html.replace(BASE, str(escape(base))))  # noqa: S704  # made here, from our own files


def make_page(name: str, text: str) -> Page:
    """The page of this name (`pings`, `decisions/0001-...`) from its Markdown."""
    tokens = _MARKDOWN.parse(text)
    headings = tuple(_name_headings(tokens))
    title = next((heading.title for heading in headings if heading.level == 1), name)
    sections = tuple(_sections(tokens))
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {"page": name})
    return Page(name, title, html, tuple(one for one in headings if one.level > 1), sections)


def slug(title: str) -> str:
    """The anchor of a heading, as a forge makes it: small letters, digits, `_` and `-`, a `-` for each space."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def target(page: str, link: str) -> str:
    """Where a link of a page leads in the app; "" for what lies outside of docs/, which the app does not have."""
    path, hash_, anchor = link.partition("#")
    if not path:
        return link
    found = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
    if found.startswith(".."):
        return ""
    if found.split("/")[0] in FILES:
        return f"/docs/{found}"
    found = found.removesuffix(".md")
    return ("/docs" if found == "README" else address_of(found)) + hash_ + anchor


def _name_headings(tokens: Sequence[Token]) -> Iterator[Heading]:
    """The headings in their order; gives each its id, the second of a name with a number behind it."""
    seen: dict[str, int] = {}
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            title = _words(inline)
            anchor = slug(title)
            count = seen.get(anchor, 0)
            seen[anchor] = count + 1
            anchor += f"-{count}" if count else ""
            token.attrs["id"] = anchor
            token.meta["title"] = title
            yield Heading(int(token.tag[1]), anchor, title)


def _sections(tokens: Sequence[Token]) -> Iterator[Section]:
    anchor, title, words = "", "", list[str]()
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            if words or anchor:
                yield Section(anchor, title, " ".join(words))
            first = token.tag == "h1"
            anchor, title, words = "" if first else str(token.attrs["id"]), token.meta["title"], []
        elif token.type == "inline" and tokens[place - 1].type != "heading_open":
            words.append(_words(token))
        elif token.type in ("fence", "code_block"):
            words.append(" ".join(token.content.split()))
    if words or anchor:
        yield Section(anchor, title, " ".join(words))


def _words(inline: Token) -> str:
    """What is read of a line: no marks, no addresses."""
    return "".join(
        token.content if token.type in ("text", "code_inline") else " " if "break" in token.type else ""
        for token in inline.children or []
    )


_Env = MutableMapping[str, Any]


class _Renderer(RendererHTML):
    """HTML with our classes: a method for each kind of token that differs."""

    def heading_open(self, tokens: Sequence[Token], at: int, options: OptionsDict, env: _Env) -> str:
        env["section"], env["tables"] = tokens[at].meta["title"], 0
        return self.renderToken(tokens, at, options, env)

    def heading_close(self, tokens: Sequence[Token], at: int, options: OptionsDict, env: _Env) -> str:
        opened = tokens[at - 2]
        if opened.tag == "h1":
            return "</h1>\n"
        words = escape(f"Link to: {opened.meta['title']}")
        return f' <a class="doc__anchor" href="#{opened.attrs["id"]}" aria-label="{words}">#</a></{opened.tag}>\n'

    def fence(self, tokens: Sequence[Token], at: int, options: OptionsDict, env: _Env) -> str:
        text = escape(tokens[at].content.rstrip("\n"))
        label = escape(f"Copy: {tokens[at].content.strip()[:_LABEL]}")
        return (
            f'<div class="copy doc__code"><pre class="copy__text" tabindex="0"><code>{text}</code></pre><button '
            f'class="copy__button" type="button" data-copy="{text}" aria-label="{label}">Copy</button></div>\n'
        )

    def code_block(self, tokens: Sequence[Token], at: int, options: OptionsDict, env: _Env) -> str:
        return self.fence(tokens, at, options, env)

    def table_open(self, tokens: Sequence[Token], at: int, options: OptionsDict, env: _Env) -> str:
        # What is wider than the screen is moved by the keyboard as well.
        env["tables"] = number = env.get("tables", 0) + 1
        words = f"Table {number}: {env.get('section', '')}"
        return (
            f'<div class="scroll doc__table" tabindex="0" role="group" aria-label="{escape(words)}"><table>\n'
        )

    def table_close(self, *_: object) -> str:
        return "</table></div>\n"

    def th_open(self, tokens: Sequence[Token], at: int, options: OptionsDict, env: _Env) -> str:
        # A heading that says nothing is none.
        return '<th scope="col">' if tokens[at + 1].content else "<td>"

    def th_close(self, tokens: Sequence[Token], at: int, options: OptionsDict, env: _Env) -> str:
        return "</th>" if tokens[at - 1].content else "</td>"

    def link_open(self, tokens: Sequence[Token], at: int, options: OptionsDict, env: _Env) -> str:
        link = str(tokens[at].attrs["href"])
        if not re.match(r"[a-z]+:", link):
            link = target(env["page"], link)
        env.setdefault("links", []).append(link)
        return f'<a href="{escape(link)}">' if link else ""

    def link_close(self, tokens: Sequence[Token], at: int, options: OptionsDict, env: _Env) -> str:
        return "</a>" if env["links"].pop() else ""

    def image(self, tokens: Sequence[Token], at: int, options: OptionsDict, env: _Env) -> str:
        token = tokens[at]
        address = target(env["page"], str(token.attrs["src"]))
        alt, file = escape(token.content), DOCS / address.removeprefix("/docs/")
        if file.suffix == ".svg":
            return _drawing(file.read_text(), str(alt))
        width, height = _size(file.read_bytes())
        return f'<img src="{address}" alt="{alt}" width="{width}" height="{height}" loading="lazy">'

    def html_block(self, *_: object) -> str:
        """Comments say something to tools; nothing else is HTML (a test looks)."""
        return ""

    def html_inline(self, *_: object) -> str:
        return ""


def _drawing(svg: str, alt: str) -> str:
    """A drawing as part of the page, where it has the theme's colours; what colours it on a forge goes. It brings a
    title and a description of its own. Wider than a phone it moves, as a table does."""
    bare = _OWN_LOOK.sub("", svg).strip()
    return f'<span class="scroll doc__drawing" tabindex="0" role="group" aria-label="{alt}">{bare}</span>'


def _size(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG in pixels, so that nothing moves when it comes."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


_MARKDOWN: MarkdownIt = MarkdownIt("commonmark", {"html": True}, renderer_cls=_Renderer).enable("table")
