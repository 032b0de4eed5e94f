"""What sending needs of the house: guarded and unguarded HTTP, the operator's mail server, links."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from ttr import __version__
from ttr.channels.egress import CONNECT_SECONDS, TOTAL_SECONDS, open_session
from ttr.domain.links import Links
from ttr.settings import Settings


@dataclass(frozen=True, slots=True)
class Means:
    """Handed to every `Kind.send`."""

    guarded: aiohttp.ClientSession
    """For every address that a user chose."""
    trusted: aiohttp.ClientSession
    """Only for addresses that the operator set, such as TELEGRAM_API_URL."""
    links: Links
    settings: Settings


@asynccontextmanager
async def open_means(settings: Settings) -> AsyncIterator[Means]:
    """Everything opened, and closed at the end."""
    async with open_session(settings.egress_allow) as guarded, _trusted_session() as trusted:
        yield Means(guarded, trusted, Links(settings.pages_url, settings.signing_key), settings)


def _trusted_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=TOTAL_SECONDS, sock_connect=CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"User-Agent": f"ttr/{__version__}"},
    )
