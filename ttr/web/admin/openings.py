"""An admin opens an account: a session of its own in a cookie of its own, which goes before the browser's own session
until it is left (`ttr/web/operators.py`), and ends with the admin's login. The rest is the account's ordinary pages.
"""

from quart import Response, request

from ttr import current
from ttr.now import now_ms
from ttr.store.admin_log import note
from ttr.store.sessions import by_admin, close_session, drop_ended_operators, open_session
from ttr.web.admin.accounts import an_account
from ttr.web.admin.door import require_admin
from ttr.web.reply import see, way_back
from ttr.web.security import operator_id, start_operating


async def create(user_id: int) -> Response:
    """Open an account, and go on at the page of it that the form names."""
    admin = await require_admin()
    user, now, store = await an_account(user_id), now_ms(), current.store()
    await note(
        store, at=now, admin=admin.username, what="opened the account as operator", about=f"account {user.id}"
    )
    if before := operator_id():
        await close_session(store, before)
    await drop_ended_operators(store, user.id)
    session = await open_session(
        store,
        user,
        now,
        opened_by=by_admin(admin.username, admin.family),
        address=current.address(),
        agent=request.headers.get("User-Agent", ""),
    )
    start_operating(session)
    return see(await way_back("/dashboard"))
