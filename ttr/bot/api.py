"""Calls of Telegram's Bot API, and how it says no. The token is part of every address, so no text tells one."""

import json
from dataclasses import dataclass
from typing import Any

import aiohttp

from ttr import __version__
from ttr.channels.exchange import hide, seconds
from ttr.settings import Settings

POLL_SECONDS = 20
"""So long Telegram keeps a question for messages open; less than the lease of the process that asks."""
UPDATES_MAX = 20
"""Messages an answer. One, with the one it answers, has at most some 100 kB."""
ANSWER_MAX = 16_000_000
_TOTAL_SECONDS = 30.0
_CONNECT_SECONDS = 5.0


class Trouble(Exception):
    """A call that failed; the text says how. `status` is 0 when Telegram did not answer, `wait` the seconds it asks
    for."""

    def __init__(self, text: str, status: int = 0, wait: float | None = None) -> None:
        self.status = status
        self.wait = wait
        super().__init__(text)

    @property
    def final(self) -> bool:
        """Whether the same call would fail again, for the message's own sake."""
        return self.status in (400, 403)


@dataclass(frozen=True, slots=True)
class BotApi:
    """One bot; `url` is TELEGRAM_API_URL."""

    session: aiohttp.ClientSession
    url: str
    token: str

    @property
    def bot_id(self) -> str:
        """The number of the bot, which is no secret."""
        return self.token.partition(":")[0]

    async def call(self, method: str, **parameters: object) -> Any:
        """The result of a method. Raises Trouble."""
        status, body = await self._post(method, parameters)
        try:
            reply = json.loads(body)
        except (ValueError, RecursionError):
            reply = None
        if not isinstance(reply, dict) or not isinstance(reply.get("ok"), bool):
            raise Trouble(
                f"HTTP {status} came back, but not from Telegram's Bot API", status if status >= 500 else 0
            )
        if reply["ok"]:
            return reply.get("result")
        told = reply.get("parameters")
        wait = seconds(told.get("retry_after")) if isinstance(told, dict) else None
        words = hide(str(reply.get("description") or ""), (self.token, self.token.partition(":")[2]))
        raise Trouble(f"Telegram answered HTTP {status}: {words}", status, wait)

    async def _post(self, method: str, parameters: dict[str, object]) -> tuple[int, bytes]:
        address = f"{self.url}/bot{self.token}/{method}"
        try:
            async with self.session.post(address, json=parameters, allow_redirects=False) as response:
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > ANSWER_MAX:
                        response.close()
                        raise Trouble("the answer is too long")
                return response.status, bytes(body)
        except TimeoutError:
            raise Trouble("Telegram did not answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            # Their texts quote the address.
            raise Trouble(f"Telegram can't be reached ({type(error).__name__})") from None


def open_session() -> aiohttp.ClientSession:
    """For the address that the operator set; call it in a running loop."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=_TOTAL_SECONDS, sock_connect=_CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"User-Agent": f"ttr/{__version__}"},
    )


def bot_api(session: aiohttp.ClientSession, settings: Settings) -> BotApi:
    """The bot of the settings, which are complete."""
    return BotApi(session, settings.telegram_api_url, settings.telegram_bot_token or "")
