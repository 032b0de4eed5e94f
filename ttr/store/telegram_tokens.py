"""Links that the bot sends: each carries a token that names a Telegram account once, for five minutes."""

import json
import secrets
from dataclasses import dataclass

from ttr.domain.telegram_login import TelegramAccount
from ttr.store import keys
from ttr.store.redis import Store, store_trouble
from ttr.store.users import digest

TOKEN_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Ticket:
    """Whom a token names. With a `state` it links that one, in the browser whose state it is, and logs nobody in."""

    account: TelegramAccount
    state: str


async def new_token(store: Store, ticket: Ticket) -> str:
    """A token for a link: 192 random bits as 32 url-safe characters. Its hash is kept."""
    token = secrets.token_urlsafe(24)
    account = ticket.account
    kept = json.dumps([account.id, account.name, account.username, ticket.state])
    with store_trouble():
        await store.redis.set(keys.telegram_token(digest(token)), kept, ex=TOKEN_SECONDS)
    return token


async def read_token(store: Store, token: str) -> Ticket | None:
    """Whom a token names, which stays good; None when it is used, too old or made up."""
    with store_trouble():
        return _read(await store.redis.get(keys.telegram_token(digest(token))))


async def take_token(store: Store, token: str) -> Ticket | None:
    """Whom a token names, and nobody any more: of two who ask at once, one hears it."""
    with store_trouble():
        return _read(await store.redis.getdel(keys.telegram_token(digest(token))))


def _read(kept: bytes | None) -> Ticket | None:
    if kept is None:
        return None
    telegram_id, name, username, state = json.loads(kept)
    return Ticket(TelegramAccount(telegram_id, name, username), state)
