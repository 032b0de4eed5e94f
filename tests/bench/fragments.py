"""What the dashboard's list costs the server: an account of 10,000 checks (or `FRAGMENTS_CHECKS=100000`) beside one of
50; and how long it is.
"""

import asyncio
import gzip
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from quart.typing import TestClientProtocol

from tests.bench import population, stack
from ttr.app import create_app
from ttr.domain.check import CheckSettings
from ttr.now import now_ms
from ttr.settings import load_settings
from ttr.store.deadlines import tick_clock
from ttr.store.redis import Store
from ttr.store.sessions import open_session
from ttr.store.users import User
from ttr.web.security import SESSION_COOKIE

SMALL, LARGE = 50, int(os.environ.get("FRAGMENTS_CHECKS", "10000"))
PAGE = 15
"""Checks a page: few enough that both accounts fill it, for most of the time goes into showing them."""
SIZES = (25, 50)
PINGS = 30
"""Pings of each check, of which a page shows a strip."""
ROUNDS = 40
_AT_ONCE = 32
GOAL = 1.5


@dataclass(frozen=True)
class Account:
    """An account with a session, and how many checks it has."""

    user: User
    session: str
    size: int


async def run() -> None:
    """Ask the app itself, without a network; both accounts take turns, so that they meet the same machine."""
    with stack.redis() as url:
        async with stack.store(url) as store:
            environment = {
                "REDIS_URL": url,
                "SECRET_KEY": "bench",
                "ENCRYPTION_KEY": stack.MASTER_KEY,
                "RATE_LIMITS": "off",
            }
            app = create_app(load_settings(environment))
            async with app.test_app():
                small, large = [await _account(store, app.test_client(), size) for size in (SMALL, LARGE)]
                ratios = {}
                for name, query in _cases():
                    one, other = await _compare(store, app.test_client(), small, large, query)
                    ratios[name] = other / one
                    print(
                        f"fragments: {name}: {one:.2f} ms of {SMALL} checks, {other:.2f} ms of {LARGE:,}, "
                        f"ratio {other / one:.2f}"
                    )
                worst = max(ratios, key=lambda name: ratios[name])
                print(f"fragments: worst ratio {ratios[worst]:.2f} ({worst}), goal {GOAL}")
                for size in SIZES:
                    html = await _read(store, app.test_client(), large, {"size": str(size)})
                    print(
                        f"fragments: {size} rows: {len(html):,} bytes, {len(gzip.compress(html, 6)):,} compressed"
                    )
                await _unchanged(store, app.test_client(), large)


def _cases() -> Iterator[tuple[str, dict[str, str]]]:
    yield "down first", {}
    yield "by name", {"sort": "name"}
    yield "by last ping", {"sort": "last"}
    yield "by last run time", {"sort": "took"}
    yield "a tag of all", {"tag": "production"}
    yield "a tag of few", {"tag": "few"}
    yield "a search that all pass", {"q": "backup"}
    yield "a search that few pass", {"q": "few"}
    yield "up", {"status": "up"}


def _settings(number: int) -> CheckSettings:
    wanted = population.settings(number, 3_600)
    if number >= PAGE:
        return wanted
    return replace(wanted, name=f"{wanted.name} few", tags=(*wanted.tags, "few"))


async def _account(store: Store, client: TestClientProtocol, size: int) -> Account:
    """Two of a hundred are new, one is down, the others are up."""
    user = await population.account(store)
    await population.populate(store, user, [_settings(number) for number in range(size)])
    room = asyncio.Semaphore(_AT_ONCE)
    for turn in range(PINGS):
        # The pages that are shown have full strips; nobody looks at the others'.
        numbers = [
            n for n in range(size) if n % 100 > 1 and (turn == 0 or n < 4 * PAGE or n >= size - 4 * PAGE)
        ]
        await asyncio.gather(*(_ping(client, user, number, room) for number in numbers))
    await asyncio.gather(*(_ping(client, user, number, room, "/fail") for number in range(2, size, 100)))
    return Account(user, await open_session(store, user, now_ms()), size)


async def _ping(
    client: TestClientProtocol, user: User, number: int, room: asyncio.Semaphore, end: str = ""
) -> None:
    async with room:
        answer = await client.post(f"/p/{user.user_slug}/backup-{number}{end}")
        assert answer.status_code == 200, await answer.get_data()


async def _compare(
    store: Store, client: TestClientProtocol, small: Account, large: Account, query: dict[str, str]
) -> tuple[float, float]:
    """The lower quartiles in ms, which a busy machine moves least."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for account, taken in zip((small, large), times, strict=True):
            began = time.perf_counter()
            await _read(store, client, account, {"size": str(PAGE), **query})
            taken.append((time.perf_counter() - began) * 1e3)
    return statistics.quantiles(times[0])[0], statistics.quantiles(times[1])[0]


async def _read(store: Store, client: TestClientProtocol, account: Account, query: dict[str, str]) -> bytes:
    await tick_clock(store, now_ms())
    answer = await client.get(f"/dashboard/list?{urlencode(query)}", headers=_as(account))
    html = await answer.get_data()
    assert answer.status_code == 200, html
    assert isinstance(html, bytes)
    return html


async def _unchanged(store: Store, client: TestClientProtocol, account: Account) -> None:
    """A list that is asked for again, and has not changed."""
    html = (await _read(store, client, account, {})).decode()
    since = html.partition("since=")[2].partition('"')[0]
    times = []
    for _ in range(ROUNDS):
        await tick_clock(store, now_ms())
        began = time.perf_counter()
        answer = await client.get(f"/dashboard/list?since={since}", headers=_as(account))
        times.append((time.perf_counter() - began) * 1e3)
        assert answer.status_code == 204
    print(f"fragments: nothing new in a list of {account.size:,}: {statistics.quantiles(times)[0]:.2f} ms")


def _as(account: Account) -> dict[str, str]:
    return {"Cookie": f"{SESSION_COOKIE}={account.session}", "HX-Request": "true"}
