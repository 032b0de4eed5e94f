"""Who somebody is at Telegram: the fields that its widget signs, and a state that binds a login to a browser. Pure.

The widget's fields are signed with HMAC-SHA256 under SHA-256 of the bot's token, over their lines `key=value` in the
order of the keys. Whoever has them all is logged in, so they count for a few minutes and, in the store, once.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ttr.domain.alert import one_line

FIELDS = ("id", "first_name", "last_name", "username", "photo_url", "auth_date")
"""What Telegram signs; nothing else is looked at."""
SKEW_SECONDS = 60
"""Telegram's clock may be ahead of ours by as much."""
VALUE_MAX = 1_000
"""Characters of a field. Names have at most 64, the address of a picture has some 100."""
NAME_MAX = 130
"""Characters of a name that is kept: first and last have at most 64 each."""
STATE_SECONDS = 21_600
"""How long a page that offers Telegram may lie open before it is used."""

_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_ID_MAX = (1 << 63) - 1
_DATE = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_USERNAME = re.compile(r"[A-Za-z0-9_]{1,32}", re.ASCII)
# A line break in a name could be read as the next field: the signed lines of the name "A\nid=1\nlast_name=" are also
# those of the name "A" and the id 1.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_TIME_BYTES, _PROOF_BYTES = 5, 25
STATE_FORM = re.compile(r"[A-Za-z0-9_-]{40}", re.ASCII)
"""5 bytes of time and 25 of proof: with `link-` before it, it fits into the 64 characters of a bot's start link."""

Purpose = Literal["login", "link"]


class BadTelegramLogin(ValueError):
    """A login by Telegram that does not count; the text is a sentence for whoever sees it."""


@dataclass(frozen=True, slots=True)
class TelegramAccount:
    """Somebody at Telegram. `username` is without its @, "" if there is none."""

    id: int
    name: str
    username: str

    @property
    def shown(self) -> str:
        """The name with the @username, which nobody else has."""
        return f"{self.name} (@{self.username})" if self.username else self.name


@dataclass(frozen=True, slots=True)
class SignedLogin:
    """What the widget's fields prove, and `digest`, by which the same ones are known when they come again."""

    account: TelegramAccount
    digest: str


def telegram_account(
    telegram_id: object, first_name: object, last_name: object, username: object
) -> TelegramAccount:
    """An account of these parts, each as JSON or text has it, made fit to be shown. Raises BadTelegramLogin for an id
    that is none: whole, positive, and below 2^63.
    """
    text = str(telegram_id)
    if isinstance(telegram_id, bool) or not _ID.fullmatch(text) or int(text) > _ID_MAX:
        raise BadTelegramLogin("This is no login of Telegram: its id is not a number of theirs.")
    parts = (part for part in (first_name, last_name) if isinstance(part, str))
    name = one_line(" ".join(parts), NAME_MAX) or f"Telegram user {text}"
    known = username if isinstance(username, str) and _USERNAME.fullmatch(username) else ""
    return TelegramAccount(int(text), name, known)


def read_login(
    pairs: Iterable[tuple[str, str]], *, bot_token: str, now: int, max_age_seconds: int
) -> SignedLogin:
    """What signed fields prove at `now` (ms). Raises BadTelegramLogin: unknown, doubled or missing fields, another's
    signature, older than `max_age_seconds`, or from the future.
    """
    fields: dict[str, str] = {}
    for name, value in pairs:
        if (
            name not in (*FIELDS, "hash")
            or name in fields
            or len(value) > VALUE_MAX
            or _CONTROL.search(value)
        ):
            raise BadTelegramLogin("This is no login of Telegram: its address was changed on the way.")
        fields[name] = value
    told = fields.pop("hash", "")
    lines = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    proof = hmac.new(_widget_key(bot_token), lines.encode("utf-8", "replace"), "sha256").hexdigest()
    if not _HASH.fullmatch(told) or not hmac.compare_digest(told, proof):
        raise BadTelegramLogin("This login was not signed by Telegram for this bot.")
    date = fields.get("auth_date", "")
    if not _DATE.fullmatch(date):
        raise BadTelegramLogin("This is no login of Telegram: it does not say when it was made.")
    age = now // 1_000 - int(date)
    if age > max_age_seconds:
        raise BadTelegramLogin("This login is too old: Telegram confirmed it a while ago.")
    if age < -SKEW_SECONDS:
        raise BadTelegramLogin("This login is from the future: the clock of this server is wrong.")
    account = telegram_account(
        fields.get("id", ""),
        fields.get("first_name", ""),
        fields.get("last_name", ""),
        fields.get("username", ""),
    )
    return SignedLogin(account, hashlib.sha256(proof.encode()).hexdigest())


def new_state(key: str, purpose: Purpose, browser: str, now: int) -> str:
    """A state for a login that is begun at `now` (ms) in one browser, known by a secret of its own."""
    at = (now // 1_000).to_bytes(_TIME_BYTES, "big")
    return base64.urlsafe_b64encode(at + _proof(key, purpose, browser, at)).decode()


def judge_state(state: str, key: str, purpose: Purpose, browser: str, now: int) -> None:
    """Raise BadTelegramLogin unless `state` was made for this purpose and browser in the last STATE_SECONDS."""
    found = base64.urlsafe_b64decode(state) if STATE_FORM.fullmatch(state) else b""
    at, proof = found[:_TIME_BYTES], found[_TIME_BYTES:]
    if not browser or not hmac.compare_digest(proof, _proof(key, purpose, browser, at)):
        raise BadTelegramLogin("This was begun in another browser, or before you logged in or out.")
    age = now // 1_000 - int.from_bytes(at, "big")
    if not -SKEW_SECONDS <= age <= STATE_SECONDS:
        raise BadTelegramLogin("The page that this was begun on has been open for too long.")


def _widget_key(bot_token: str) -> bytes:
    return hashlib.sha256(bot_token.encode()).digest()


def _proof(key: str, purpose: Purpose, browser: str, at: bytes) -> bytes:
    text = f"telegram:{purpose}:{browser}:".encode("utf-8", "replace") + at
    return hmac.new(key.encode(), text, "sha256").digest()[:_PROOF_BYTES]
