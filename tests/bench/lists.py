"""What a page of checks costs the server: an account of 10,000 beside one of 50, for every order, search and filter."""

import asyncio
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
from ttr.store.check_list import SORTS
from ttr.store.redis import Store
from ttr.store.users import User, create_user

SMALL, LARGE = 50, 10_000
PAGE = 15
"""Checks a page: few enough that both accounts fill it, for most of the time goes into showing them."""
SPARSE, SOME = 5, (30, 500)
"""How many checks of either account have the sparse word, tag and statuses; how many of each have some others."""
ROUNDS = 30
_AT_ONCE = 32


@dataclass(frozen=True)
class Account:
    """An account, its key, and how many checks it has."""

    user: User
    key: str
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
                client = app.test_client()
                small, large = [await _account(store, client, size) for size in (SMALL, LARGE)]
                await store.redis.config_set("slowlog-log-slower-than", 1_000)
                await store.redis.slowlog_reset()
                ratios = {}
                for name, query in _cases():
                    for page in ("first", "next", "previous"):
                        took = await _compare(client, small, large, query, page)
                        if took is not None:
                            ratios[f"{name}, {page} page"] = took[1] / took[0]
                            print(
                                f"lists: {name}, {page} page: {took[0]:.2f} ms of {SMALL} checks, {took[1]:.2f} ms of "
                                f"{LARGE:,}, ratio {took[1] / took[0]:.2f}"
                            )
                worst = max(ratios, key=lambda name: ratios[name])
                print(
                    f"lists: {LARGE:,} checks against {SMALL}: median ratio "
                    f"{statistics.median(ratios.values()):.2f}, worst {ratios[worst]:.2f} ({worst})"
                )
                slow = await store.redis.slowlog_get(128)
                longest = max((entry["duration"] for entry in slow), default=0)
                print(f"lists: the longest that Redis was held is {longest / 1000:.1f} ms")


def _cases() -> Iterator[tuple[str, dict[str, str]]]:
    for sort in SORTS:
        for way in ("asc", "desc"):
            yield f"by {sort} {way}", {"sort_by": sort, "sort_direction": way}
    for share in ("all", "most", "some", "sparse", "none"):
        yield f"q in {share}", {"q": share}
        yield f"q in {share} by name", {"q": share, "sort_by": "name"}
    for share in ("most", "some", "sparse", "none"):
        yield f"tag of {share}", {"tag": share}
        yield f"tag of {share} by last ping", {"tag": share, "sort_by": "last_ping"}
    yield "tags of most and many", {"tag": "most,many"}
    yield "tags of most or many", {"tag": "most,many", "tag_match": "any"}
    for status in ("up", "down", "paused", "running", "late"):
        yield f"status {status} by name", {"status": status, "sort_by": "name"}
    yield "q, tag and status of most", {"q": "most", "tag": "most", "status": "up"}


def _settings(number: int, size: int) -> CheckSettings:
    tags = ["all"]
    name = f"Nightly all backup {number * 7919 % 10_007}"
    for word, has in (
        ("most", number % 5),
        ("many", number % 4),
        ("some", number * 7919 % size < SOME[size > SMALL]),
        ("sparse", number < SPARSE),
    ):
        if has:
            tags.append(word)
            name += f" {word}"
    wanted = population.settings(number, 3_600)
    return replace(wanted, name=name, tags=tuple(tags))


async def _account(store: Store, client: TestClientProtocol, size: int) -> Account:
    user, key = await create_user(store, now=now_ms(), master=stack.MASTER_KEY)
    await population.populate(store, user, [_settings(number, size) for number in range(size)])
    room = asyncio.Semaphore(_AT_ONCE)

    async def ping(number: int, end: str = "") -> None:
        async with room:
            answer = await client.post(f"/p/{user.user_slug}/backup-{number}{end}")
            assert answer.status_code == 200, await answer.get_data()

    await asyncio.gather(*(ping(number, "/start") for number in range(0, size, 4)))
    await asyncio.gather(*(ping(number) for number in range(size) if number % 5 and number >= SPARSE))
    await asyncio.gather(*(ping(number, "/start") for number in range(1, size, 2)))
    for number in range(SPARSE):
        await ping(number, "/fail")
        await ping(size - 1 - number, "/start")
        paused = await client.post(
            f"/api/v1/checks/backup-{size // 2 + number}/toggle-pause", headers={"X-Auth-Key": key}
        )
        assert paused.status_code == 200, await paused.get_data()
    return Account(user, key, size)


async def _compare(
    client: TestClientProtocol, small: Account, large: Account, query: dict[str, str], page: str
) -> tuple[float, float] | None:
    """The lower quartiles in ms, which a busy machine moves least; None where one of the accounts has no such page."""
    queries = [await _turned(client, account, query, page) for account in (small, large)]
    if None in queries:
        return None
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for account, turned, taken in zip((small, large), queries, times, strict=True):
            began = time.perf_counter()
            await _ask(client, account, turned or {})
            taken.append((time.perf_counter() - began) * 1e3)
    return statistics.quantiles(times[0])[0], statistics.quantiles(times[1])[0]


async def _turned(
    client: TestClientProtocol, account: Account, query: dict[str, str], page: str
) -> dict[str, str] | None:
    """The query of the first page, of the one behind it, or of the one before that."""
    if page == "first":
        return query
    cursor = (await _ask(client, account, query))["next_cursor"]
    if cursor is None:
        return None
    following = {**query, "cursor": str(cursor)}
    if page == "next":
        return following
    cursor = (await _ask(client, account, following))["prev_cursor"]
    way = query.get("sort_direction", "desc")
    return {**query, "cursor": str(cursor), "sort_direction": f"{way}_prev"}


async def _ask(client: TestClientProtocol, account: Account, query: dict[str, str]) -> dict[str, object]:
    answer = await client.get(
        f"/api/v1/checks?{urlencode({'size': PAGE, **query})}", headers={"X-Auth-Key": account.key}
    )
    assert answer.status_code == 200, await answer.get_data()
    found: dict[str, object] = await answer.get_json()
    return found
