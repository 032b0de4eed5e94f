"""The end of an account, by a word that nobody types by accident."""

from quart import Response, request

from ttr import accounts, current
from ttr.now import now_ms
from ttr.store.allowances import spend
from ttr.store.users import User, account_facts
from ttr.web.reply import page, see
from ttr.web.security import end_session, owner_only, require_user

WORD = "DELETE"


async def ask() -> Response:
    """What goes, and the field for the word."""
    return await _page(await require_user())


async def create() -> Response:
    """Delete the account if the word was typed, end the session, and say so on the front page."""
    user = await require_user()
    owner_only(user)
    if (await request.form).get("word", "").strip() != WORD:
        return await _page(user, 422, error=f"Type {WORD}, in capitals. Nothing was deleted.")
    now = now_ms()
    await spend(current.store(), current.settings().limit("account"), user.id, now=now)
    await accounts.delete_account(current.store(), user, now=now)
    end_session()
    # In the address, not in the cookie of ttr/web/said.py: it is read without JavaScript, too.
    return see("/?deleted")


async def _page(user: User, status: int = 200, *, error: str = "") -> Response:
    facts = await account_facts(current.store(), user)
    return await page("account/delete.html", status, facts=facts, word=WORD, error=error)
