"""The browsers that are logged in to the account: listed, and logged out one by one or all but this one."""

from quart import Response

from ttr import current
from ttr.store.access_keys import list_keys
from ttr.store.errors import NotFound
from ttr.store.sessions import by_key, close_other_sessions, close_session_by_id, list_sessions
from ttr.store.users import digest
from ttr.web.client_hint import client_hint
from ttr.web.reply import page, see
from ttr.web.said import saying
from ttr.web.security import end_session, owner_only, require_user, session_id

PAGE = "/account/sessions"


async def show() -> Response:
    """The page."""
    user = await require_user()
    store, mine = current.store(), digest(session_id())
    names = {by_key(key.digest): key.name for key, _ in await list_keys(store, user)}
    listed = [
        {
            "session": session,
            "browser": client_hint(session.agent) if session.agent else "A browser",
            "own": session.digest == mine,
            "means": names.get(session.opened_by, ""),
            "operator": session.opened_by.startswith("admin:"),
            "telegram": session.opened_by.startswith("telegram:"),
        }
        for session in await list_sessions(store, user)
    ]
    listed.sort(key=lambda one: not one["own"])
    return await page("account/sessions.html", listed=listed)


async def end(session: str) -> Response:
    """Log one browser out, perhaps this one."""
    user = await require_user()
    owner_only(user)
    if not await close_session_by_id(current.store(), user, session):
        raise NotFound("no such login")
    if digest(session_id()).startswith(session):
        end_session()
        return see("/")
    return saying(see(PAGE), "That browser is logged out.")


async def end_others() -> Response:
    """Log out every browser but this one."""
    user = await require_user()
    owner_only(user)
    ended = await close_other_sessions(current.store(), user, session_id())
    return saying(see(PAGE), f"{ended} other {'browser is' if ended == 1 else 'browsers are'} logged out.")


async def moved(session: str = "") -> Response:
    """To the list: the address was that of a form's answer."""
    return see(PAGE)
