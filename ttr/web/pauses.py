"""A pause is a thing of its own: made, and ended."""

from quart import Response

from ttr import current
from ttr.domain.check import Check
from ttr.now import now_ms
from ttr.store.checks import pause_check, resume_check
from ttr.store.users import User, user_by_id
from ttr.web.checks import view_of
from ttr.web.dashboard import row_fragment
from ttr.web.reply import by_htmx, fragment, see, way_back
from ttr.web.security import require_user


async def create(check_id: int) -> Response:
    """Pause a check: it records, and never alerts."""
    user = await require_user()
    check = await pause_check(current.store(), user, str(check_id), now=now_ms())
    return await changed(user, check, f"{check.name} is paused.")


async def destroy(check_id: int) -> Response:
    """Resume a check, armed from now."""
    user = await require_user()
    check = await resume_check(current.store(), user, str(check_id), now=now_ms())
    return await changed(user, check, f"{check.name} is watched again.")


async def changed(user: User, check: Check, said: str) -> Response:
    """A change made by a row's or a page's button: that row, or the live part of that page; else back there."""
    back = await way_back(f"/checks/{check.id}")
    if not by_htmx():
        return see(back)
    if back.startswith("/dashboard"):
        return await row_fragment(user, check, back, said=said)
    # The change has moved the account's version on; the page's token must carry the new one.
    user = await user_by_id(current.store(), user.id) or user
    return await fragment("checks/_live.html", said=said, **await view_of(user, check))
