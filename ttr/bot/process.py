"""The bot process: asks Telegram for messages and answers them, one process at a time, until it is told to stop."""

import asyncio
import logging
import secrets
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ttr import logs
from ttr.archive.guard import refuse_lost_redis
from ttr.bot.api import POLL_SECONDS, UPDATES_MAX, BotApi, Trouble, bot_api, open_session
from ttr.bot.replies import Reply, may_be_button, read_message, reply_to
from ttr.ending import end
from ttr.heartbeat import PATIENCE_SECONDS, beating, turn
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.bot import LEASE_MS, hold_lease, keep_offset, read_offset, release_lease
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store, open_store, verify, wait_until_ready

log = logging.getLogger(__name__)

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 60.0
_LONGEST_OBEYED = 300.0
"""Seconds of a wait that Telegram asks for; it is asked again sooner than it says if it says more."""
_SENDS = 3
"""Attempts of an answer that Telegram says is one too many at the moment."""
_ASK_SECONDS = 3 * 30 + PATIENCE_SECONDS
"""So long may the bot be quiet between its steps: a call of Telegram takes at most 30 s."""


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; trouble with Telegram or Redis is logged and survived."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    logs.begin(settings, "bot")
    async with (
        open_store(settings.database, cluster=settings.redis_cluster) as store,
        open_session() as session,
    ):
        bot = Bot(store, settings, bot_api(session, settings), secrets.token_hex(8))
        work = asyncio.create_task(_work(bot, settings))
        stopping = asyncio.create_task(stop.wait())
        async with beating(store, "bot"):
            await asyncio.wait([work, stopping], return_when=asyncio.FIRST_COMPLETED)
        failed = work.done()
        stopping.cancel()
        await end(work)
        with suppress(StoreUnavailable):
            await release_lease(store, bot.lease)
        if failed:
            work.result()  # it could not begin: say how


async def _work(bot: "Bot", settings: Settings) -> None:
    await wait_until_ready(bot.store)
    await refuse_lost_redis(bot.store, settings.database_url)
    await verify(bot.store)
    if not settings.pages_url.startswith("https://"):
        log.warning(
            "PUBLIC_URL does not begin with https://, so links may be sent as text, and Telegram's own button on the "
            "pages does not work."
        )
    await bot.serve()


@dataclass(slots=True)
class Bot:
    """One process that asks for messages while it has the `lease`."""

    store: Store
    settings: Settings
    api: BotApi
    lease: str
    _known: bool = False
    _said: str = ""

    async def serve(self) -> None:
        """Ask and answer for ever. After trouble it waits: as long as Telegram asks, else twice as long each time."""
        wait = _FIRST_WAIT
        while True:
            try:
                if await hold_lease(self.store, self.lease):
                    await self._ask()
                    self._say("")
                    wait = _FIRST_WAIT
                else:
                    await _pause(LEASE_MS / 3_000)
                continue
            except Trouble as error:
                self._say(_words(error))
                pause = wait if error.wait is None else min(max(error.wait, _FIRST_WAIT), _LONGEST_OBEYED)
            except StoreUnavailable as error:
                self._say(f"Redis is away: {error}")
                pause = wait
            except Exception:
                # A process that died ten times in a minute would take all others with it.
                log.exception("the bot")
                pause = wait
            await _pause(pause)
            wait = min(wait * 2, _LONGEST_WAIT)

    async def _ask(self) -> None:
        """Wait for messages once and answer those that came. Raises Trouble, StoreUnavailable."""
        turn("ask", _ASK_SECONDS)
        if not self._known:
            await self._introduce()
        updates = await self.api.call(
            "getUpdates",
            offset=await read_offset(self.store, self.api.bot_id),
            limit=UPDATES_MAX,
            timeout=POLL_SECONDS,
            allowed_updates=["message"],
        )
        for update in updates if isinstance(updates, list) else []:
            number = update.get("update_id") if isinstance(update, dict) else None
            if type(number) is not int:
                continue
            if not await hold_lease(self.store, self.lease):
                return
            turn("ask", _ASK_SECONDS)
            await self._answer(update)
            await keep_offset(self.store, self.api.bot_id, number + 1)

    async def _introduce(self) -> None:
        """Look whose token it is: a wrong name leads people to somebody else's bot."""
        me = await self.api.call("getMe")
        name = str(me.get("username", "")) if isinstance(me, dict) else ""
        self._known = True
        if name.lower() != (self.settings.telegram_bot_name or "").lower():
            log.warning(
                "TELEGRAM_BOT_NAME is %s, but TELEGRAM_BOT_TOKEN is of %r: logins will not work.",
                self.settings.telegram_bot_name,
                name,
            )
        log.info("answering as @%s", self.settings.telegram_bot_name)

    async def _answer(self, update: Mapping[str, Any]) -> None:
        message = read_message(update)
        if message is None:
            return
        reply = await reply_to(self.store, self.settings, message, now=now_ms())
        if reply is None:
            return
        try:
            await self._send(message.account.id, reply)
        except Trouble as error:
            if not error.final:
                raise
            log.info("an answer was refused: %s", error)  # a chat that is gone, or a bot that is blocked

    async def _send(self, chat: int, reply: Reply) -> None:
        button = may_be_button(reply.url)
        for attempt in range(1, _SENDS + 1):
            try:
                await self.api.call("sendMessage", **reply.parameters(chat, button=button))
                return
            except Trouble as error:
                if error.status == 400 and button and reply.url:
                    button = False
                elif error.status == 429 and error.wait is not None and attempt < _SENDS:
                    await _pause(min(error.wait, _LONGEST_OBEYED))
                else:
                    raise

    def _say(self, words: str) -> None:
        """Log trouble when it begins or changes, and its end."""
        if words and words != self._said:
            log.warning("%s", words)
        elif self._said and not words:
            log.warning("Telegram is asked again.")
        self._said = words


async def _pause(seconds: float) -> None:
    turn("ask", seconds + _ASK_SECONDS)
    await asyncio.sleep(seconds)


def _words(error: Trouble) -> str:
    """What the operator can do."""
    match error.status:
        case 401 | 404:
            return f"{error}. Is TELEGRAM_BOT_TOKEN right?"
        case 409:
            return (
                f"{error}. Another program asks for this bot's messages, or has set a webhook: stop it there."
            )
    return str(error)
