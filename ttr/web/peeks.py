"""A look at a check from its row on the dashboard: its last pings, its last content."""

from quart import Response

from ttr import current
from ttr.store.checks import get_check
from ttr.store.pings import read_body, read_pings
from ttr.web.reply import fragment, page
from ttr.web.security import require_user
from ttr.web.shown_text import SHOWN_MAX, shown_text

_PINGS = 10


async def recent(check_id: int) -> Response:
    """The last ten pings, for the dashboard's dialog."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    return await fragment(
        "dashboard/_recent.html", check=check, pings=await read_pings(current.store(), check, _PINGS)
    )


async def content(check_id: int) -> Response:
    """The newest body that is kept, as a page."""
    return await page("dashboard/content.html", **await _content(check_id))


async def content_fragment(check_id: int) -> Response:
    """The newest body that is kept, for the dashboard's dialog."""
    return await fragment("dashboard/_content.html", **await _content(check_id))


async def _content(check_id: int) -> dict[str, object]:
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    found = await read_body(current.store(), check)
    number, kept = found or (None, b"")
    text, more = shown_text(kept)
    return {
        "check": check,
        "number": number,
        "kept": len(kept),
        "text": text,
        "more": more,
        "shown_max": SHOWN_MAX,
    }
