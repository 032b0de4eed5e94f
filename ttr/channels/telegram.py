"""Telegram: a bot of the owner's writes into a chat, through the Bot API."""

import html
import re
from collections.abc import Mapping
from dataclasses import replace

from ttr.channels.delivery import Delivered, Failed, Outcome
from ttr.channels.exchange import answer_object, hide, judge, post_json, seconds
from ttr.channels.kind import Field
from ttr.channels.means import Means
from ttr.channels.wording import render
from ttr.domain.notification import Notification
from ttr.domain.text import within_blanks
from ttr.settings import Settings

TEXT_MAX = 4_096
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,100}")
_CHAT_NUMBER = re.compile(r"-?[0-9]{1,16}")
_CHAT_NAME = re.compile(r"@[A-Za-z][A-Za-z0-9_]{3,31}")
_CHAT_BITS = 52
_TOKEN_FORM = {"type": "string", "pattern": within_blanks(_TOKEN.pattern), "examples": ["123456:ABC-DEF"]}
_CHAT_FORM = {
    "anyOf": [
        {
            "type": "string",
            "pattern": within_blanks("-?([0-9]{1,15}|[1-3][0-9]{15})|@[A-Za-z][A-Za-z0-9_]{3,31}"),
        },
        {"type": "integer", "exclusiveMinimum": -(1 << _CHAT_BITS), "exclusiveMaximum": 1 << _CHAT_BITS},
    ],
    "examples": ["-1001234567890"],
}

_GONE_400 = re.compile(r"chat not found", re.IGNORECASE)
_GONE_403 = re.compile(r"blocked|kicked|deactivated|deleted|not a member", re.IGNORECASE)
_UNPARSED = re.compile(r"can't parse entities", re.IGNORECASE)

_ANCHOR = re.compile(r'<a href="([^"]*)">([^<]*)</a>')
_TAG = re.compile(r"</?[a-z]+>")


def read_token(text: str) -> str:
    """A bot's token, its form judged leniently. Raises ValueError with a sentence that doesn't quote it."""
    if not _TOKEN.fullmatch(text):
        raise ValueError("A bot token is a number, a colon, and letters and digits; copy it from BotFather.")
    return text


def read_chat(text: str) -> str:
    """A chat's number (negative for groups) or a public channel's @name. Raises ValueError with a sentence."""
    if _CHAT_NUMBER.fullmatch(text) and abs(int(text)) < 1 << _CHAT_BITS:
        return str(int(text))
    if not _CHAT_NAME.fullmatch(text):
        raise ValueError("A chat id is a whole number, such as -1001234567890, or a channel's @name.")
    return text


name = "telegram"
label = "Telegram"
about = "Make a bot with BotFather, start a chat with it or add it to a group, and give its token and the chat's id."
fields: tuple[Field, ...] = (
    Field(
        "telegram_bot_token", "Bot token", read_token, _TOKEN_FORM, secret=True, placeholder="123456:ABC-DEF"
    ),
    Field(
        "telegram_chat_id",
        "Chat id",
        read_chat,
        _CHAT_FORM,
        hint="A number; groups have a negative one. Or @channelname.",
    ),
)
events_max = 1_000
signs = False
confirms = False


def missing(settings: Settings) -> str:
    """Nothing: the address of the service has a default."""
    return ""


def destination(settings: Mapping[str, str], secrets: Mapping[str, str]) -> str:
    """The bot, for its messages to all chats count against one limit."""
    return secrets["telegram_bot_token"]


async def send(
    notification: Notification,
    settings: Mapping[str, str],
    secrets: Mapping[str, str],
    *,
    means: Means,
    now: int,
) -> Outcome:
    """One attempt; see `Kind.send`.

    What an answer shows how to mend is mended at once, each at most once: a group that has become a supergroup
    (its new id is in the outcome), and markup that the service does not accept (plain text instead).
    """
    try:
        token = read_token(secrets.get("telegram_bot_token", ""))
        chat = read_chat(settings.get("telegram_chat_id", ""))
    except ValueError as error:
        return Failed("bad_settings", str(error), permanent=True)
    text = render("telegram.html", notification, means.links, limit=TEXT_MAX)
    marked, moved = True, False
    while True:
        outcome, description, moved_to = await _send_text(token, chat, text, marked, means, now)
        if moved_to and not moved:
            chat, moved = moved_to, True
        elif marked and _is(outcome, 400, _UNPARSED, description):
            text, marked = _plain(text), False
        elif moved and isinstance(outcome, Delivered):
            return replace(outcome, settings={"telegram_chat_id": chat})
        else:
            return outcome


async def _send_text(
    token: str, chat: str, text: str, marked: bool, means: Means, now: int
) -> tuple[Outcome, str, str | None]:
    """One request: its outcome, the service's own description, and the chat's new id if it has moved."""
    message = {
        "chat_id": chat if chat.startswith("@") else int(chat),
        "text": text,
        "link_preview_options": {"is_disabled": True},
    }
    if marked:
        message["parse_mode"] = "HTML"
    url = f"{means.settings.telegram_api_url}/bot{token}/sendMessage"
    answer = await post_json(means.trusted, url, message)
    if isinstance(answer, Failed):
        return answer, "", None
    reply = answer_object(answer)
    if reply is None or not isinstance(reply.get("ok"), bool):
        return _not_the_service(judge(answer, now, who=label, words=""), answer.status), "", None
    description = str(reply.get("description") or "")
    # The token is in the path, and any part of it is worth hiding, with "bot" before it or not.
    outcome = judge(answer, now, who=label, words=hide(description, (token, token.partition(":")[2])))
    parameters = reply.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    if isinstance(outcome, Delivered):
        if not reply["ok"]:
            outcome = Failed(
                "response_broken", f"{label} said no with HTTP {answer.status}", False, status=answer.status
            )
        return outcome, description, None
    if answer.status == 429:
        wait = seconds(parameters.get("retry_after"))
        outcome = replace(outcome, retry_after_seconds=outcome.retry_after_seconds if wait is None else wait)
    elif (
        answer.status in (401, 404)
        or _is(outcome, 400, _GONE_400, description)
        or _is(outcome, 403, _GONE_403, description)
    ):
        outcome = replace(outcome, reason="gone")
    return outcome, description, _moved_to(parameters)


def _not_the_service(outcome: Outcome, status: int) -> Outcome:
    """A proxy's or a wrong TELEGRAM_API_URL's answer decides nothing about the chat: another attempt is made."""
    if isinstance(outcome, Failed) and not outcome.permanent:
        return outcome
    return Failed(
        "response_broken", f"HTTP {status} came back, but not from {label}'s Bot API", False, status=status
    )


def _is(outcome: Outcome, status: int, pattern: re.Pattern[str], description: str) -> bool:
    return isinstance(outcome, Failed) and outcome.status == status and bool(pattern.search(description))


def _moved_to(parameters: Mapping[str, object]) -> str | None:
    try:
        return read_chat(str(parameters["migrate_to_chat_id"]))
    except (KeyError, ValueError):
        return None


def _plain(text: str) -> str:
    """Our own markup as text; it only gets shorter."""
    return html.unescape(_TAG.sub("", _ANCHOR.sub(r"\2: \1", text)))
