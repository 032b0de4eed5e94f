"""Markdown of owners: what it may become, and what it never becomes."""

import threading
from html.parser import HTMLParser

import pytest
from markupsafe import Markup
from quart import Quart

from ttr.web.markdown import markdown

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox(1))",
    "<javascript:alert(1)>",
    "![x](https://tracker.example/pixel.png)",
    "![x](javascript:alert(1))",
    '[x](https://a.example "onmouseover=alert(1) x=")',
    '[x](<https://a.example/" onclick="alert(1)>)',
    "<a href='https://a.example' style='position:fixed'>x</a>",
    "<svg/onload=alert(1)>",
    "```\n</code></pre><script>alert(1)</script>\n```",
    "`<b onmouseover=alert(1)>`",
    "<!-- --><script>alert(1)</script>",
    "<iframe src=https://evil.example></iframe>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
)


class Seen(HTMLParser):
    """The tags and attributes that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_gets_through(text: str) -> None:
    seen = Seen(markdown(text))
    assert seen.tags <= {"p", "a", "code", "pre"}
    assert seen.attributes <= {"href", "title", "rel"}
    assert all(link.startswith("https://") for link in seen.links)


def test_what_owners_need_is_there() -> None:
    made = markdown(
        "Some **bold**, *soft* and `code`.\nA new line\n\n- one\n- two\n\n> said\n\n[us](https://a.example)"
    )
    for part in (
        "<strong>bold</strong>",
        "<em>soft</em>",
        "<code>code</code>",
        "<br>",
        "<li>one</li>",
        "<blockquote>",
    ):
        assert part in made
    assert '<a href="https://a.example" rel="noopener noreferrer nofollow ugc">us</a>' in made


def test_a_heading_is_a_bold_line_and_not_part_of_the_outline() -> None:
    assert markdown("# Planned work") == "<p><strong>Planned work</strong></p>\n"
    assert "<h" not in markdown("Planned\n=======\n\n## Work")


def test_a_mail_address_can_be_linked_and_a_local_one_can_not() -> None:
    assert 'href="mailto:ops@a.example"' in markdown("[write](mailto:ops@a.example)")
    assert "href" not in markdown("[file](file:///etc/passwd)")


async def test_what_may_take_long_is_made_in_a_thread(app: Quart, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that are built to be slow hold up nobody, wherever a template shows them."""
    made: list[tuple[int, bool]] = []

    def note(text: str) -> Markup:
        made.append((len(text), threading.current_thread() is threading.main_thread()))
        return markdown(text)

    monkeypatch.setattr("ttr.web.markdown.markdown", note)
    shown = app.jinja_env.from_string("{{ text|markdown }}")
    for text in ("short", ">" * 100 + "a\n" * 2_000):
        assert await shown.render_async(text=text) == markdown(text)
    assert made == [(5, True), (4_100, False)]
