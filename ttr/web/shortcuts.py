"""The keys that pages listen to; static/js/keys.js does what they say."""

from quart import Response

from ttr.web.reply import page
from ttr.web.security import visitor

KEYS = (
    ("/", "Search"),
    ("n", "New check"),
    ("j", "Next check"),
    ("k", "Check before"),
    ("Enter", "Open the check"),
    ("x", "Select the check, or leave it out"),
    ("?", "These keys"),
    ("Esc", "Close what is open"),
)
"""Each key, and what it does."""


async def show() -> Response:
    """The list, for browsers that show no dialog."""
    await visitor()
    return await page("shortcuts/show.html")
