"""What opens an account: its keys and its sessions, ended one by one."""

from collections.abc import Sequence

from quart import Response

from ttr import current
from ttr.accounts import revoke_key
from ttr.domain.access_key import AccessKey
from ttr.now import now_ms
from ttr.store.access_keys import find_key
from ttr.store.admin_log import note
from ttr.store.errors import NotFound
from ttr.store.sessions import Session, close_session_by_id
from ttr.store.users import user_by_id
from ttr.web.admin.door import require_admin
from ttr.web.reply import page, see
from ttr.web.said import saying


async def confirm_end_key(user_id: int, key_id: str) -> Response:
    """Asks once more: what uses the key stops working."""
    await require_admin()
    key = await _a_key(user_id, key_id)
    return await page("admin/accounts/end_key.html", user_id=user_id, key=key)


async def end_key(user_id: int, key_id: str) -> Response:
    """End a key, even the last one, and the sessions that it opened."""
    admin = await require_admin()
    key, now = await _a_key(user_id, key_id), now_ms()
    await revoke_key(current.store(), user_id, key, now=now, blocked=True)
    about = f"account {user_id}, key {key.last4}"
    await note(current.store(), at=now, admin=admin.username, what="ended an access key", about=about)
    return saying(see(f"/admin/accounts/{user_id}"), "The key has ended.")


async def end_session(user_id: int, session_id: str) -> Response:
    """End a session; one that has ended meanwhile is as good."""
    admin = await require_admin()
    user = await user_by_id(current.store(), user_id)
    if user is None:
        raise NotFound("no such account")
    if await close_session_by_id(current.store(), user, session_id):
        about = f"account {user_id}"
        await note(current.store(), at=now_ms(), admin=admin.username, what="ended a session", about=about)
    return saying(see(f"/admin/accounts/{user_id}"), "The session has ended.")


async def moved_to(user_id: int, session_id: str) -> Response:
    """To the account's page."""
    await require_admin()
    return see(f"/admin/accounts/{user_id}")


def openers(sessions: Sequence[Session], keys: Sequence[AccessKey]) -> list[tuple[Session, str]]:
    """Each session, and in a few words what opened it."""
    names = {key.digest: key.name for key in keys}
    return [(session, _opener(session.opened_by, names)) for session in sessions]


def _opener(opened_by: str, names: dict[str, str]) -> str:
    means, _, what = opened_by.partition(":")
    match means:
        case "key":
            return f"key {names[what]}" if what in names else "a key that has ended"
        case "admin":
            return f"operator {what.partition(':')[0]}"
        case "telegram":
            return "Telegram"
    return "not known"


async def _a_key(user_id: int, key_id: str) -> AccessKey:
    user = await user_by_id(current.store(), user_id)
    if user is None:
        raise NotFound("no such account")
    return await find_key(current.store(), user, key_id)
