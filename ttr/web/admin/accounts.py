"""All accounts: listed, found, shown, and deleted."""

import re

from quart import Response, request

from ttr import current
from ttr.accounts import delete_account
from ttr.now import now_ms
from ttr.store.access_keys import list_keys
from ttr.store.admin_log import note
from ttr.store.check_list import list_checks
from ttr.store.errors import NotFound
from ttr.store.every_account import AccountPage, find_accounts, list_accounts, read_accounts
from ttr.store.sessions import list_sessions
from ttr.store.telegram import linked_telegram
from ttr.store.users import User, account_facts, user_by_id
from ttr.web.admin.access import openers
from ttr.web.admin.addresses import number_in
from ttr.web.admin.door import require_admin
from ttr.web.reply import page, see

SIZE = 25
"""Accounts a page."""
CHECKS_SHOWN = 50
"""Checks on an account's page; the list of all checks has the rest."""
TEXT_MAX = 500
"""Characters of what is pasted to find an account: the longest ping URLs have some 300."""
_ENDING = re.compile(r"[A-Za-z0-9_-]{4}", re.ASCII)
"""The last four characters of an access key, which its owner sees as well."""
_WRONG_NUMBER = "Type the account's number, and nothing else."


async def index() -> Response:
    """The accounts, newest first; or those with a key of which the ending is known."""
    await require_admin()
    ending, below = request.args.get("ending", ""), number_in("below", digits=15)
    ending = ending if _ENDING.fullmatch(ending) else ""
    listed = await list_accounts(current.store(), below=below, ending=ending, size=SIZE, now=now_ms())
    return await page("admin/accounts/index.html", listed=listed, newest=below is None, ending=ending)


async def find() -> Response:
    """The account that a pasted text means. It comes by POST, for a ping URL in an address would end in logs."""
    await require_admin()
    text = (await request.form).get("q", "").strip()[:TEXT_MAX]
    if not text:
        return see("/admin/accounts")
    now = now_ms()
    rows = await read_accounts(current.store(), await find_accounts(current.store(), text), now=now)
    if len(rows) == 1:
        return see(f"/admin/accounts/{rows[0].id}")
    if not rows and _ENDING.fullmatch(text):
        return see(f"/admin/accounts?ending={text}")
    listed = AccountPage(rows, len(rows), None)
    return await page("admin/accounts/index.html", listed=listed, text=text, newest=True, ending="", now=now)


async def moved() -> Response:
    """To the list."""
    await require_admin()
    return see("/admin/accounts")


async def moved_to(user_id: int) -> Response:
    """To an account's page."""
    await require_admin()
    return see(f"/admin/accounts/{user_id}")


async def show(user_id: int) -> Response:
    """Everything about one account but its secrets."""
    await require_admin()
    return await page("admin/accounts/show.html", **await view_of(user_id))


async def confirm_delete(user_id: int) -> Response:
    """Asks for the account's number."""
    await require_admin()
    return await page("admin/accounts/delete.html", **await _going(user_id), error="")


async def delete(user_id: int) -> Response:
    """Delete an account whose number was typed."""
    admin = await require_admin()
    user = await an_account(user_id)
    if (await request.form).get("number", "").strip() != str(user.id):
        return await page("admin/accounts/delete.html", 422, **await _going(user_id), error=_WRONG_NUMBER)
    await note(
        current.store(),
        at=now_ms(),
        admin=admin.username,
        what="deleted the account",
        about=f"account {user.id}",
    )
    await delete_account(current.store(), user, now=now_ms())
    return see("/admin/accounts")


async def an_account(user_id: int) -> User:
    """The account with this number. Raises NotFound."""
    user = await user_by_id(current.store(), user_id)
    if user is None:
        raise NotFound("no such account")
    return user


async def view_of(user_id: int) -> dict[str, object]:
    """What an account's page shows. Raises NotFound."""
    user, now, store = await an_account(user_id), now_ms(), current.store()
    rows = await read_accounts(store, [user.id], now=now)
    if not rows:
        raise NotFound("no such account")
    listed = await list_keys(store, user)
    return {
        "now": now,
        "account": user,
        "row": rows[0],
        "facts": await account_facts(store, user),
        "linked": await linked_telegram(store, user),
        "keys_of": listed,
        "sessions": openers(await list_sessions(store, user), [key for key, _ in listed]),
        "checks": (await list_checks(store, user, size=CHECKS_SHOWN, now=now)).checks,
    }


async def _going(user_id: int) -> dict[str, object]:
    user = await an_account(user_id)
    rows = await read_accounts(current.store(), [user.id], now=now_ms())
    return {"account": user, "row": rows[0] if rows else None}
