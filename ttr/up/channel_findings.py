"""What `ttr doctor` says of channels: how they do by kind, whether the mail server lets us in, whose the bot is."""

import asyncio

from ttr.bot.api import Trouble, bot_api, open_session
from ttr.channels import email
from ttr.domain.finding import Finding
from ttr.settings import Settings
from ttr.store.channel_counts import ChannelCounts, count_channels
from ttr.store.redis import open_store, wait_until_ready
from ttr.up.borrowed import borrowed

_WITHIN = 5.0
_BOT_SECONDS = 10.0
_FEW = 0.5
"""One kind of which more than half fail is more likely our fault than their owners'."""
_ENOUGH = 4


async def look_at_channels(settings: Settings) -> list[Finding]:
    """Nothing is sent to anybody. Raises Refusal and StoreUnavailable."""
    async with (
        borrowed(settings) as servers,
        open_store(await servers.redis(), cluster=settings.redis_cluster) as store,
    ):
        await wait_until_ready(store, _WITHIN)
        found = judge_channels(await count_channels(store))
    return [*found, *await _mail(settings), *await _bot(settings)]


def judge_channels(counts: ChannelCounts) -> list[Finding]:
    """A line a kind."""
    found = []
    for kind, every in sorted(counts.every.items()):
        off, refused, failing = counts.off[kind], counts.refused[kind], counts.failing[kind]
        told = f"{every:,}, of which {off:,} are off ({refused:,} not by their owner) and {failing:,} failed last."
        if failing >= _ENOUGH and failing > _FEW * (every - off):
            told += " Most of those that are on fail: /admin/deliveries says with which words."
            found.append(Finding("warning", kind, told))
        else:
            found.append(Finding("ok", kind, told))
    if not counts.complete:
        text = f"There are more: of the oldest accounts {counts.looked:,} were looked at."
        found.append(Finding("ok", "channels", text))
    return found or [Finding("ok", "channels", "There are none yet.")]


async def _mail(settings: Settings) -> list[Finding]:
    if not settings.smtp_host:
        return [Finding("ok", "mail server", "None is set (SMTP_HOST), so there are no e-mail channels.")]
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    if lack := email.missing(settings):
        return [Finding("bad", "mail server", lack)]
    if trouble := await email.try_server(settings):
        text = f"{where} does not let us in: {trouble}. Look at SMTP_HOST and the settings beside it."
        return [Finding("bad", "mail server", text)]
    login = " and takes our login" if settings.smtp_user else ""
    return [Finding("ok", "mail server", f"{where} answers{login}.")]


async def _bot(settings: Settings) -> list[Finding]:
    if not settings.telegram_auth_enabled:
        return []
    name = settings.telegram_bot_name or ""
    try:
        async with asyncio.timeout(_BOT_SECONDS), open_session() as session:
            told = await bot_api(session, settings).call("getMe")
    except TimeoutError:
        return [Finding("bad", "Telegram bot", "Telegram did not answer in time. Look at TELEGRAM_API_URL.")]
    except Trouble as trouble:
        text = f"{trouble}. Look at TELEGRAM_BOT_TOKEN and TELEGRAM_API_URL."
        return [Finding("bad", "Telegram bot", text)]
    really = str(told.get("username", "")) if isinstance(told, dict) else ""
    if really.lower() != name.lower():
        text = f"TELEGRAM_BOT_NAME is {name}, but TELEGRAM_BOT_TOKEN is of {really!r}: logins fail. Mend one."
        return [Finding("bad", "Telegram bot", text)]
    return [Finding("ok", "Telegram bot", f"TELEGRAM_BOT_TOKEN is of @{name}.")]
