"""What the bot answers: a link that logs in or links, or what it is for. Nothing that somebody wrote is in an answer.

Answers are plain text, without a parse mode: nothing in them is markup.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from ttr.domain.telegram_login import STATE_FORM, BadTelegramLogin, TelegramAccount, telegram_account
from ttr.settings import Settings
from ttr.store.allowances import take
from ttr.store.redis import Store
from ttr.store.telegram_tokens import TOKEN_SECONDS, Ticket, new_token

_LINK = "link-"
_NEAR = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody wrote to the bot, alone with it: a command such as "login", or "", and what follows it."""

    account: TelegramAccount
    command: str
    rest: str
    at: int
    """Seconds since 1970, by Telegram's clock."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A text, with a link if there is one."""

    text: str
    word: str = ""
    url: str = ""

    def parameters(self, chat: int, *, button: bool) -> Mapping[str, object]:
        """Of sendMessage; a link that is no button stands below the text."""
        text = self.text if button or not self.url else f"{self.text}\n\n{self.url}"
        message: dict[str, object] = {
            "chat_id": chat,
            "text": text,
            "link_preview_options": {"is_disabled": True},
        }
        if button and self.url:
            message["reply_markup"] = {"inline_keyboard": [[{"text": self.word, "url": self.url}]]}
        return message


def read_message(update: Mapping[str, Any]) -> Message | None:
    """The message of an update; None for what is not a person's, or said in a group."""
    message = _part(update, "message")
    sender, chat = _part(message, "from"), _part(message, "chat")
    if (
        chat.get("type") != "private"
        or chat.get("id") != sender.get("id")
        or sender.get("is_bot") is not False
    ):
        return None
    names = (sender.get(name) for name in ("first_name", "last_name", "username"))
    try:
        account = telegram_account(sender.get("id"), *names)
    except BadTelegramLogin:
        return None
    text, at = message.get("text"), message.get("date")
    first, *rest = text.split(maxsplit=2) if isinstance(text, str) and text.strip() else [""]
    command = first[1:].partition("@")[0].lower() if first.startswith("/") else ""
    return Message(account, command, " ".join(rest), at if type(at) is int else 0)


async def reply_to(store: Store, settings: Settings, message: Message, *, now: int) -> Reply | None:
    """The answer; None for a message older than a link may be, and for somebody who asks too often."""
    if now // 1_000 - message.at > TOKEN_SECONDS:
        return None
    allowance = await take(store, settings.limit("telegram-bot"), message.account.id, now=now)
    if allowance is not None and not allowance.allowed:
        return None
    host = urlsplit(settings.pages_url).netloc
    if message.command == "start" and message.rest.startswith(_LINK):
        state = message.rest.removeprefix(_LINK)
        if not STATE_FORM.fullmatch(state):
            return Reply(f"This is not complete. Begin again on your account's page at {host}.")
        return Reply(
            f"This lets you log in at {host} with your Telegram account from now on. Open it in the browser that you "
            "came from; it works there only, once and within five minutes.",
            "Link",
            await _address(store, settings, Ticket(message.account, state)),
        )
    if message.command == "login" or (message.command == "start" and message.rest in ("", "login")):
        return Reply(
            f"This logs you in at {host}, once and within five minutes. Give it to nobody: whoever opens it is you.",
            "Log in",
            await _address(store, settings, Ticket(message.account, "")),
        )
    return Reply(
        f"I log you in at {host}: send /login. Alerts come from bots of the accounts there, not from me."
    )


def may_be_button(url: str) -> bool:
    """Whether Telegram takes the address for a button: one of TLS, or perhaps of this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in _NEAR


async def _address(store: Store, settings: Settings, ticket: Ticket) -> str:
    token = await new_token(store, ticket)
    return f"{settings.pages_url}/telegram/open?{urlencode({'token': token})}"


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
