"""In by Telegram's widget: a GET says who it would be, the button of its page logs in."""

from quart import Response, request

from ttr import accounts, current
from ttr.address import counted_as
from ttr.domain.telegram_login import TelegramAccount
from ttr.now import now_ms
from ttr.store.allowances import spend
from ttr.store.sessions import by_telegram
from ttr.store.telegram import user_by_telegram
from ttr.web.reply import page, see
from ttr.web.said import saying
from ttr.web.security import visitor
from ttr.web.sessions import sign_in
from ttr.web.telegram import begin_signed, read_signed, spend_signed, spend_try

_NEW = "Your account is made. Telegram is the only way in so far: make an access key on its page."


async def ask() -> Response:
    """Where the widget leads to. It changes nothing, so that nobody can be logged in by a link or a picture."""
    begin_signed()
    login, fields = read_signed(request.args, "login")
    return await entrance(login.account, "/telegram/login", fields)


async def create() -> Response:
    """Log in to the account that is linked, or to a new one. Raises BadTelegramLogin, TooMany."""
    begin_signed()
    await spend_try()
    login, _ = read_signed(await request.form, "login")
    await spend_signed(login)
    return await enter(login.account)


async def entrance(account: TelegramAccount, action: str, fields: object) -> Response:
    """The page with the button that sends `fields` to `action`."""
    found = await user_by_telegram(current.store(), account.id)
    return await page(
        "telegram/login.html",
        account=account,
        action=action,
        fields=fields,
        known=found is not None,
        another=await visitor() is not None,
    )


async def enter(account: TelegramAccount) -> Response:
    """Open a session of the account of this Telegram account, which is made if there is none. Raises TooMany."""
    store, settings, now = current.store(), current.settings(), now_ms()
    user = await user_by_telegram(store, account.id)
    if user is not None:
        await sign_in(user, now, opened_by=by_telegram(account.id))
        return see("/dashboard")
    await spend(store, settings.limit("new-account"), counted_as(current.address()), now=now)
    user = await accounts.create_with_telegram(store, account, now=now, master=settings.master_key)
    await sign_in(user, now, opened_by=by_telegram(account.id))
    return saying(see("/dashboard"), _NEW)
