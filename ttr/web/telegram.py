"""What all ways in by Telegram share: whether it is set up, the state that a page carries, what Telegram has signed."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from ttr import current
from ttr.address import counted_as
from ttr.domain.telegram_login import (
    SKEW_SECONDS,
    BadTelegramLogin,
    Purpose,
    SignedLogin,
    judge_state,
    new_state,
    read_login,
)
from ttr.now import now_ms
from ttr.security_headers import SIGNED_PAGES, WIDGET_PAGES
from ttr.store.allowances import spend
from ttr.store.errors import NotFound
from ttr.store.telegram import spend_login
from ttr.web.security import CSRF_COOKIE, browser_secret, csrf_token, use_headers

_USED = "This login was used already."


@dataclass(frozen=True, slots=True)
class Offer:
    """What a page needs to offer Telegram: the bot, where its widget leads, and the link to the bot itself."""

    bot: str
    answer: str
    chat: str


def bot_name() -> str:
    """The bot of this installation, without its @; "" when nobody may log in by Telegram."""
    settings = current.settings()
    return (settings.telegram_bot_name or "") if settings.telegram_auth_enabled else ""


def offer(purpose: Purpose) -> Offer | None:
    """What a page shows to let somebody in, or to link: for this browser alone. None when Telegram is not set up.

    The page may run the widget's script from here on.
    """
    bot = bot_name()
    if not bot:
        return None
    use_headers(WIDGET_PAGES)
    state = new_state(current.settings().signing_key, purpose, csrf_token(), now_ms())
    start = "login" if purpose == "login" else f"link-{state}"
    answer = f"{current.base_url()}/telegram/{purpose}?{urlencode({'state': state})}"
    return Offer(bot, answer, f"https://t.me/{bot}?{urlencode({'start': start})}")


def require_telegram() -> None:
    """Raise NotFound when nobody may log in by Telegram here."""
    if not bot_name():
        raise NotFound("nobody logs in by Telegram here")


def begin_signed() -> None:
    """Let the answer tell no other site its address, which lets somebody in. Raises NotFound as `require_telegram`."""
    use_headers(SIGNED_PAGES)
    require_telegram()


async def spend_try() -> None:
    """Count a login or a link of this address. Raises TooMany."""
    settings = current.settings()
    await spend(current.store(), settings.limit("telegram"), counted_as(current.address()), now=now_ms())


def judge(state: str, purpose: Purpose) -> None:
    """Raise BadTelegramLogin unless this browser, in this session, was given that state."""
    judge_state(state, current.settings().signing_key, purpose, browser_secret(), now_ms())


def read_signed(sent: MultiDict[str, str], purpose: Purpose) -> tuple[SignedLogin, Mapping[str, str]]:
    """Who a request's fields prove somebody to be, and these fields, to be sent once more. Raises BadTelegramLogin."""
    pairs = [(name, value) for name, value in sent.items(multi=True) if name != CSRF_COOKIE]
    states = [value for name, value in pairs if name == "state"]
    judge(states[0] if len(states) == 1 else "", purpose)
    settings = current.settings()
    login = read_login(
        [(name, value) for name, value in pairs if name != "state"],
        bot_token=settings.telegram_bot_token or "",
        now=now_ms(),
        max_age_seconds=settings.telegram_auth_max_age_seconds,
    )
    return login, dict(pairs)


async def spend_signed(login: SignedLogin) -> None:
    """Let a signed login count this once. Raises BadTelegramLogin for the second time."""
    # It is fresh from a minute before it was made on; processes' clocks may be a little apart.
    seconds = current.settings().telegram_auth_max_age_seconds + 2 * SKEW_SECONDS
    if not await spend_login(current.store(), login.digest, seconds):
        raise BadTelegramLogin(_USED)
