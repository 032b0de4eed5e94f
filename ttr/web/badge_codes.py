"""What people paste to show a badge: its addresses, and a line of Markdown and of HTML. Pure."""

import re
from dataclasses import dataclass
from html import escape
from urllib.parse import quote, urlencode

from ttr.domain.badge import BadgeQuery
from ttr.domain.badge_address import badge_path

# What would end the text of an image in Markdown, or begin something else in it.
_MARKDOWN = re.compile(r"[\\\[\]`<&]")


@dataclass(frozen=True, slots=True)
class Codes:
    """Ready to be pasted; all addresses are absolute but `path`, which is the picture's on this host."""

    path: str
    picture: str
    json: str
    markdown: str
    html: str


def codes(base: str, public_slug: str, check: str | None, name: str, query: BadgeQuery) -> Codes:
    """Of the badge of a check as its address calls it, or without one of the account; `name` is what the badge is
    labelled if the query says nothing else."""
    asked = _query(query)
    path = badge_path(public_slug, check, "svg") + asked
    label = query.label or name
    return Codes(
        path=path,
        picture=base + path,
        json=base + badge_path(public_slug, check, "json") + asked,
        markdown=markdown(label, base + path),
        html=f'<img src="{escape(base + path)}" alt="{escape(label)}" height="20">',
    )


def markdown(label: str, picture: str) -> str:
    """An image in Markdown."""
    return f"![{_MARKDOWN.sub(lambda found: chr(92) + found[0], label)}]({picture})"


def _query(query: BadgeQuery) -> str:
    """The query string that asks for this, without what goes without saying."""
    pairs = [("label", query.label)] if query.label else []
    if query.show == "uptime":
        pairs += [("show", "uptime"), ("window", query.window)]
    # No plus signs and no parentheses, which Markdown would count.
    return f"?{urlencode(pairs, quote_via=quote)}" if pairs else ""
