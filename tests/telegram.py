"""What Telegram says of people: the fields that its widget signs, and messages to a bot."""

import hashlib
import hmac
from collections.abc import Mapping

from ttr.domain.telegram_login import TelegramAccount
from ttr.now import now_ms

BOT = "AcmeJobsBot"
TOKEN = "1234:s3cr3t-token-of-a-bot"
SET_UP = {"telegram_auth_enabled": True, "telegram_bot_name": BOT, "telegram_bot_token": TOKEN}
ADA = TelegramAccount(5_000_000_001, "Ada Lovelace", "ada")
EVE = TelegramAccount(5_000_000_002, 'Eve <img src=x onerror="alert(1)">', "eve")


def signed(fields: Mapping[str, str], token: str = TOKEN) -> dict[str, str]:
    """The fields with Telegram's signature, as its documentation makes it."""
    lines = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    key = hashlib.sha256(token.encode()).digest()
    return {**fields, "hash": hmac.new(key, lines.encode(), hashlib.sha256).hexdigest()}


def widget(
    account: TelegramAccount = ADA, *, age: int = 0, token: str = TOKEN, **more: str
) -> dict[str, str]:
    """What the widget adds to the address that it leads to, `age` seconds after Telegram has signed it."""
    fields = {"id": str(account.id), "first_name": account.name, "auth_date": str(now_ms() // 1_000 - age)}
    fields |= {"username": account.username} if account.username else {}
    return signed(fields | more, token)


def update(number: int, text: str, account: TelegramAccount = ADA, **message: object) -> dict[str, object]:
    """Somebody's message to the bot, as getUpdates has it."""
    sender = {"id": account.id, "is_bot": False, "first_name": account.name, "username": account.username}
    chat = {"id": account.id, "type": "private", "first_name": account.name}
    told = {"message_id": number, "date": now_ms() // 1_000, "from": sender, "chat": chat, "text": text}
    return {"update_id": number, "message": {**told, **message}}
