"""In by a link that the bot has sent: it names a Telegram account once, to log in, or to link where that was begun."""

import re

from quart import Response, request

from ttr import current
from ttr.domain.telegram_login import BadTelegramLogin
from ttr.store.telegram_tokens import Ticket, read_token, take_token
from ttr.web import telegram_link, telegram_login
from ttr.web.security import owner_only, require_user, visitor
from ttr.web.telegram import begin_signed, judge, spend_try

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
_OVER = "This link was used, is older than five minutes, or is not complete. Ask the bot for another one."
_ELSEWHERE = (
    "This link works only in the browser that you began in, logged in to the account that is to be linked."
)


async def ask() -> Response:
    """What the link leads to. It changes nothing, for messengers look at links by themselves."""
    begin_signed()
    token = request.args.get("token", "")
    ticket = await _read(token)
    fields = {"token": token}
    if not ticket.state:
        return await telegram_login.entrance(ticket.account, "/telegram/open", fields)
    await _judge(ticket)
    return await telegram_link.question(await require_user(), ticket.account, "/telegram/open", fields)


async def create() -> Response:
    """The button of that page. Raises BadTelegramLogin, TooMany, TelegramTaken, TelegramLinked."""
    begin_signed()
    await spend_try()
    token = (await request.form).get("token", "")
    ticket = await _read(token)
    if ticket.state:
        await _judge(ticket)
    # Judged first: whoever has the link without the browser can't use it up.
    if await take_token(current.store(), token) is None:
        raise BadTelegramLogin(_OVER)
    if not ticket.state:
        return await telegram_login.enter(ticket.account)
    user = await require_user()
    owner_only(user)
    return await telegram_link.link(user, ticket.account)


async def _read(token: str) -> Ticket:
    found = await read_token(current.store(), token) if _TOKEN.fullmatch(token) else None
    if found is None:
        raise BadTelegramLogin(_OVER)
    return found


async def _judge(ticket: Ticket) -> None:
    if await visitor() is None:
        raise BadTelegramLogin(_ELSEWHERE)
    judge(ticket.state, "link")
