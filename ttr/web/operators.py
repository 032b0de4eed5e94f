"""An operator leaves the account that he has opened (`ttr/web/admin/openings.py`)."""

from quart import Response

from ttr import current
from ttr.store.sessions import close_session
from ttr.web.reply import see
from ttr.web.security import operator_id, stop_operating, visitor


async def destroy() -> Response:
    """End the operator's session. It asks for no admin: the cookies of admins go to pages below /admin alone."""
    session = operator_id()
    if not session:
        return see("/")
    user = await visitor()
    await close_session(current.store(), session)
    stop_operating()
    return see(f"/admin/accounts/{user.id}" if user else "/admin/accounts")
