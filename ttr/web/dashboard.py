"""All checks of an account, a page at a time, kept fresh by polling."""

from quart import Response, request

from ttr import current
from ttr.now import now_ms
from ttr.store.check_list import Place, list_checks
from ttr.store.deadlines import read_gaps
from ttr.store.users import User
from ttr.web.live import clock_is_silent, since, still_true
from ttr.web.reply import fragment, nothing_new, page, see
from ttr.web.security import require_user

SIZE = 25
"""Checks a page."""
_GAP_SHOWN_MS = 86_400_000


async def show() -> Response:
    """The page."""
    user = await require_user()
    return await page("dashboard/show.html", **await _view(user))


async def table() -> Response:
    """The table alone; 204 when `since` says that the browser shows it already."""
    user = await require_user()
    now = now_ms()
    if still_true(request.args.get("since", ""), user.version, await clock_is_silent(now), now):
        return nothing_new()
    return await fragment("dashboard/_table.html", **await _view(user))


async def moved() -> Response:
    """/checks as a page is the dashboard."""
    return see("/dashboard")


async def _view(user: User) -> dict[str, object]:
    now = now_ms()
    store = current.store()
    older_than, newer_than = _number("older_than"), _number("newer_than")
    found = None
    if newer_than is not None:
        place = Place(str(newer_than), newer_than)
        found = await list_checks(store, user, size=SIZE, place=place, backward=True, now=now)
        if found.before is None:
            older_than = newer_than = found = None  # that is the first page, which is shown full
    elif older_than is not None:
        place = Place(str(older_than), older_than)
        found = await list_checks(store, user, size=SIZE, place=place, now=now)
        if not found.checks:
            older_than = found = None  # everything older has been deleted
    if found is None:
        found = await list_checks(store, user, size=SIZE, now=now)
    checks = found.checks
    silent = await clock_is_silent(now)
    gaps = await read_gaps(store, user.partition)
    position = f"older_than={older_than}" if older_than else f"newer_than={newer_than}" if newer_than else ""
    return {
        "now": now,
        "checks": checks,
        "total": found.total,
        "older": found.after and found.after.number,
        "newer": found.before and found.before.number,
        "position": position,
        "since": since(found.version, checks, silent, now),
        "silent": silent,
        "gap": next((gap for gap in gaps if now - gap[1] < _GAP_SHOWN_MS), None),
        "ping_base": f"{current.base_url()}/p/{user.user_slug}",
    }


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) <= 15 else None
