"""One attempt of a kind of channel, with sessions that end soon and may reach this machine."""

from collections.abc import Mapping

import aiohttp

from tests.channels.hostile import AT, DOWN, about
from ttr.address import parse_networks
from ttr.channels import Kind
from ttr.channels.delivery import Outcome
from ttr.channels.egress import open_session
from ttr.channels.means import Means
from ttr.domain.links import Links
from ttr.domain.notification import Notification
from ttr.settings import load_settings

NOW = AT + 5_750  # 2026-11-22T15:00:05.750Z
LINKS = Links("https://ttr.example.org", "tests only")


async def attempt(
    kind: Kind,
    settings: Mapping[str, str],
    secrets: Mapping[str, str],
    *,
    notification: Notification | None = None,
    telegram_api_url: str = "http://127.0.0.1:9",
    allow: str = "127.0.0.0/8",
    total_seconds: float = 10,
) -> Outcome:
    """What `kind.send` says of `notification`, or else of one check that is down."""
    chosen = load_settings({"TELEGRAM_API_URL": telegram_api_url})
    timeout = aiohttp.ClientTimeout(total=total_seconds)
    async with (
        open_session(parse_networks(allow), total_seconds=total_seconds) as guarded,
        aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as trusted,
    ):
        means = Means(guarded, trusted, LINKS, chosen)
        return await kind.send(notification or about(DOWN), settings, secrets, means=means, now=NOW)
