"""The part of the clock that pings another monitor about this one, while all that alerts need is well.

Nobody can be told by an installation that is down; the other monitor tells when the pings cease. They cease as well
when something here is not well, so the other one needs to know nothing of it. The URL is a secret and is never logged.
"""

import asyncio
import logging
import secrets

import aiohttp

from ttr import __version__
from ttr.domain.liveness import judge, reasons_to_worry
from ttr.heartbeat import turn
from ttr.now import now_ms
from ttr.store.deadlines import read_ticks
from ttr.store.errors import StoreUnavailable
from ttr.store.processes import read_processes
from ttr.store.redis import Store
from ttr.store.self_ping import claim_self_ping, note_self_ping
from ttr.store.waiting import due_since

log = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0
_SEND_SECONDS = 10.0
_LEASE_MS = 15_000
"""Longer than a ping takes. After one that failed or was withheld, whoever comes first looks again."""


async def ping_another_monitor(store: Store, url: str, interval_seconds: float) -> None:
    """Ping for ever, once every interval whatever clocks there are; what is in the way is said when it changes."""
    token = secrets.token_hex(8)
    said = ""
    async with _session() as session:
        while True:
            turn("self-ping", _SEND_SECONDS + _LEASE_MS / 1000)
            try:
                if await claim_self_ping(store, token, _LEASE_MS):
                    trouble = await _ping(store, session, url)
                    if not trouble:
                        await note_self_ping(store, token, int(interval_seconds * 1000))
                    said = _say(trouble, said)
            except StoreUnavailable as error:
                said = _say(f"withheld: Redis is away: {error}", said)
            except Exception:
                # A clock that ends would be the greater trouble.
                log.exception("the ping of SELF_PING_URL")
            await asyncio.sleep(_LOOK_SECONDS)


async def worries(store: Store) -> list[str]:
    """Why an alert might not leave now. Raises StoreUnavailable."""
    web, clock = await read_ticks(store)
    processes = await read_processes(store)
    due = await due_since(store)
    now = now_ms()
    return list(
        reasons_to_worry(judge(processes, now), web_tick=web, clock_tick=clock, due_since=due, now=now)
    )


async def _ping(store: Store, session: aiohttp.ClientSession, url: str) -> str:
    """What was in the way; "" when the other monitor has taken it."""
    if found := await worries(store):
        return f"withheld: {', '.join(found)}"
    try:
        # Of the answer only the status is looked at: what follows is somebody else's and of any size.
        async with session.get(url, allow_redirects=False) as response:
            return "" if 200 <= response.status < 300 else f"answered {response.status}"
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return f"not answered: {type(error).__name__}"  # its own words hold the URL


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=_SEND_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        headers={"User-Agent": f"ttr/{__version__}"},
    )


def _say(trouble: str, before: str) -> str:
    """Log trouble when it begins or changes, and its end; returns it."""
    if trouble and trouble != before:
        log.warning("The ping of SELF_PING_URL was %s.", trouble)
    elif before and not trouble:
        log.warning("SELF_PING_URL is pinged again.")
    return trouble
