"""Access keys that were ended within the last day; one is ended here by pasting it, and an entry lifted."""

import re

from quart import Response, request

from ttr import current
from ttr.accounts import revoke_key
from ttr.now import now_ms
from ttr.store.access_keys import access_key_name, lift, list_ended, owner_of
from ttr.store.admin_log import note
from ttr.store.errors import NotFound
from ttr.store.users import digest
from ttr.web.admin.addresses import offset_in
from ttr.web.admin.door import require_admin
from ttr.web.reply import page, see
from ttr.web.said import saying

SIZE = 25
"""Ended keys a page."""
_ADDRESS = "/admin/keys"
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NO_KEY = "This is no access key: one has 32 characters. Check that none is missing."
_UNKNOWN = "No account has this key. It may have been ended already."
_NO_ENTRY = "That key is not in the list any more."


async def show() -> Response:
    """The list."""
    await require_admin()
    return await _shown()


async def moved() -> Response:
    """To the list."""
    await require_admin()
    return see(_ADDRESS)


async def end() -> Response:
    """End the key that was pasted, even an account's last one, and the sessions that it opened."""
    admin = await require_admin()
    pasted, store, now = (await request.form).get("key", "").strip(), current.store(), now_ms()
    if access_key_name(pasted) is None:
        return await _shown(422, fault=_NO_KEY)
    owned = await owner_of(store, digest(pasted))
    if owned is None:
        return await _shown(422, fault=_UNKNOWN)
    account, key = owned
    try:
        await revoke_key(store, account, key, now=now, blocked=True)
    except NotFound:  # somebody was faster
        return await _shown(422, fault=_UNKNOWN)
    about = f"account {account}, key {key.last4}"
    await note(store, at=now, admin=admin.username, what="ended an access key", about=about)
    return saying(see(_ADDRESS), "The key has ended.")


async def lift_entry() -> Response:
    """Take a key off the list: from here on it is simply unknown."""
    admin = await require_admin()
    name = (await request.form).get("digest", "")
    if not _DIGEST.fullmatch(name) or not await lift(current.store(), name):
        return await _shown(422, entry_fault=_NO_ENTRY)
    await note(
        current.store(), at=now_ms(), admin=admin.username, what="lifted an ended key", about=name[:16]
    )
    return saying(see(_ADDRESS), "It is off the list.")


async def _shown(status: int = 200, fault: str = "", entry_fault: str = "") -> Response:
    now, offset = now_ms(), offset_in()
    # One more tells whether there are older ones.
    ended = await list_ended(current.store(), now=now, limit=SIZE + 1, offset=offset)
    before = max(offset - SIZE, 0)
    return await page(
        "admin/keys/show.html",
        status,
        now=now,
        ended=ended[:SIZE],
        fault=fault,
        entry_fault=entry_fault,
        newer=(f"{_ADDRESS}?offset={before}" if before else _ADDRESS) if offset else None,
        older=f"{_ADDRESS}?offset={offset + SIZE}" if len(ended) > SIZE else None,
    )
