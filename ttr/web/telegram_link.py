"""The account's page about Telegram: linked to one account there, which then logs in, and unlinked again.

A link is made only in the session that asked for it: nobody can have his own Telegram account linked to a stranger's.
"""

from quart import Response, request

from ttr import accounts, current
from ttr.domain.telegram_login import TelegramAccount
from ttr.now import now_ms
from ttr.store.access_keys import list_keys
from ttr.store.errors import TelegramLinked, TelegramTaken
from ttr.store.telegram import linked_telegram, user_by_telegram
from ttr.store.users import User
from ttr.web.reply import page, see
from ttr.web.said import saying
from ttr.web.security import owner_only, require_user
from ttr.web.telegram import begin_signed, offer, read_signed, require_telegram, spend_signed, spend_try

PAGE = "/account/telegram"


async def show() -> Response:
    """What is linked, or how to."""
    user = await require_user()
    require_telegram()
    linked = await linked_telegram(current.store(), user)
    return await page(
        "account/telegram.html",
        linked=linked,
        offer=None if linked or user.operator else offer("link"),
        has_key=await _has_key(user),
    )


async def ask() -> Response:
    """Where the widget on that page leads to. It changes nothing."""
    begin_signed()
    user = await require_user()
    login, fields = read_signed(request.args, "link")
    return await question(user, login.account, "/telegram/link", fields)


async def create() -> Response:
    """Link it. Raises BadTelegramLogin, TelegramTaken, TelegramLinked."""
    begin_signed()
    user = await require_user()
    owner_only(user)
    await spend_try()
    login, _ = read_signed(await request.form, "link")
    await spend_signed(login)
    return await link(user, login.account)


async def destroy() -> Response:
    """Unlink it. Raises LastWayIn."""
    user = await require_user()
    require_telegram()
    owner_only(user)
    await accounts.unlink_telegram(current.store(), user)
    return saying(see(PAGE), "Unlinked.")


async def moved() -> Response:
    """To the page."""
    return see(PAGE)


async def question(user: User, account: TelegramAccount, action: str, fields: object) -> Response:
    """The page with the button that sends `fields` to `action`. Raises TelegramTaken, TelegramLinked."""
    owner_only(user)
    if user.telegram_id not in (0, account.id):
        raise TelegramLinked
    found = await user_by_telegram(current.store(), account.id)
    if found is not None and found.id != user.id:
        raise TelegramTaken
    return await page("telegram/link.html", account=account, action=action, fields=fields)


async def link(user: User, account: TelegramAccount) -> Response:
    """Link the two and go back to the page."""
    await accounts.link_telegram(current.store(), user, account, now=now_ms())
    return saying(see(PAGE), "Linked.")


async def _has_key(user: User) -> bool:
    """Whether an access key that may do everything opens the account."""
    return any(key.scope == "full" for key, _ in await list_keys(current.store(), user))
