"""An account of 5,000 checks in an installation of 50,000 (or `CHECKS=1000000`, a tenth of them in one account): bytes
a check by kind of key, and what pages, lists and scrapes cost beside those of an account of 1,000."""

import json
import os
import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from quart.typing import TestClientProtocol

from tests.bench import population, stack
from ttr.app import create_app
from ttr.now import now_ms
from ttr.settings import load_settings
from ttr.store import keys
from ttr.store.all_checks import all_checks
from ttr.store.check_list import SORTS, Filter
from ttr.store.deadlines import tick_clock
from ttr.store.every_account import list_accounts
from ttr.store.figures import add_up
from ttr.store.redis import Store
from ttr.store.sessions import open_session
from ttr.store.users import User, create_user
from ttr.web.security import SESSION_COOKIE

CHECKS = int(os.environ.get("CHECKS", "50000"))
LARGE, SMALL = CHECKS // 10, 1_000
SAMPLE = 300
ROUNDS = 10
_PAGE = {
    "name": "Status",
    "slug": "tagged",
    "entries": [{"tag": "production"}],
}
_SCRAPER = "a token of the benchmark"


@dataclass(frozen=True)
class Account:
    """An account, its key and session, and how many checks it has."""

    user: User
    key: str
    session: str
    size: int


async def run() -> None:
    """Make them through the scripts, in pipelines, and measure."""
    with stack.redis() as url:
        async with stack.store(url) as store:
            began, empty = time.perf_counter(), await _used(store)
            large = await _account(store, LARGE)
            small = await _account(store, SMALL)
            for first in range(LARGE + SMALL, CHECKS, SMALL):
                await _account(store, min(SMALL, CHECKS - first))
            cpu = await store.redis.info("cpu")
            print(
                f"million: {CHECKS:,} checks are made and pinged once in {time.perf_counter() - began:,.0f} s, "
                f"{(cpu['used_cpu_user'] + cpu['used_cpu_sys']) / CHECKS * 1e6:,.0f} us of Redis each"
            )
            print(f"million: {(await _used(store) - empty) / CHECKS:,.0f} bytes of Redis a check")
            await measure(store, url, large, small, stack.MASTER_KEY)


async def measure(store: Store, url: str, large: Account, small: Account, master: str) -> None:
    """What a check takes, and what requests for the large account cost beside those for the small one."""
    for kind, share in (await _bytes(store, large)).items():
        print(f"million: {share:,.0f} bytes a check in {kind}")
    environment = {
        "REDIS_URL": url,
        "SECRET_KEY": "bench",
        "ENCRYPTION_KEY": master,
        "RATE_LIMITS": "off",
        "METRICS_TOKEN": _SCRAPER.replace(" ", "-"),
        "CHECKS_PER_ACCOUNT": "10000000",
    }
    app = create_app(load_settings(environment))
    async with app.test_app():
        client = app.test_client()
        await tick_clock(store, now_ms())
        await store.redis.config_set("slowlog-log-slower-than", 5_000)
        await store.redis.slowlog_reset()
        for account in (large, small):
            made = await client.post("/api/v1/status-pages", headers={"X-Auth-Key": account.key}, json=_PAGE)
            assert made.status_code in (201, 409), await made.get_data()
        ratios = {}
        for name, path in _requests():
            one, other = await _compare(client, path, small, large)
            ratios[name] = other / one
            print(
                f"million: {name}: {one * 1e3:.1f} ms of the process for {small.size:,} checks, "
                f"{other * 1e3:.1f} ms for {large.size:,}, ratio {other / one:.2f}"
            )
        print(f"million: median ratio {statistics.median(ratios.values()):.2f}")
        for name, asked in (
            ("a scrape", _scrape(client)),
            ("the sums of the installation", add_up(store, now=now_ms())),
            ("the newest accounts", list_accounts(store, size=50, now=now_ms())),
            ("the newest checks of all", all_checks(store, Filter(), size=50, now=now_ms())),
            ("a word that no check of any account has", all_checks(store, _NONE, size=50, now=now_ms())),
        ):
            began, cpu = time.perf_counter(), time.process_time()
            await asked
            print(
                f"million: {name}: {(time.process_time() - cpu) * 1e3:.0f} ms of the process, "
                f"{(time.perf_counter() - began) * 1e3:.0f} ms in all"
            )
        slow = await store.redis.slowlog_get(128)
        longest = sorted(slow, key=lambda entry: -int(entry["duration"]))[:5]
        for entry in longest:
            print(
                f"million: Redis was held for {entry['duration'] / 1e3:.1f} ms by {entry['command'][:60]!r}"
            )


_NONE = Filter(words=("nowhere",))


def _requests() -> Iterator[tuple[str, str]]:
    yield "the dashboard", "/dashboard"
    yield "its list, down", "/dashboard/list?status=down"
    for sort in SORTS:
        yield f"a list by {sort}", f"/api/v1/checks?{urlencode({'size': 50, 'sort_by': sort})}"
    for share in ("backup", "backup 77", "nowhere"):
        yield f"a search for {share!r}", f"/api/v1/checks?{urlencode({'size': 50, 'q': share})}"
    for tag in ("production", "customer-7", "customer-7,staging"):
        yield f"a filter by {tag}", f"/api/v1/checks?{urlencode({'size': 50, 'tag': tag})}"
    yield "stats", "/api/v1/checks/stats"
    yield "tags", "/api/v1/checks/tags"
    yield "status pages", "/api/v1/status-pages"
    yield "a public page", "/s/{public}/tagged"
    yield "the account", "/account"


async def _compare(
    client: TestClientProtocol, path: str, small: Account, large: Account
) -> tuple[float, float]:
    """Seconds of this process's own time, which what else runs on the machine moves least: the medians."""
    took: dict[int, list[float]] = {small.size: [], large.size: []}
    for _ in range(ROUNDS):
        for account in (small, large):
            headers = {"X-Auth-Key": account.key}
            if not path.startswith("/api"):
                headers = {"Cookie": f"{SESSION_COOKIE}={account.session}"}
            began = time.process_time()
            answer = await client.get(path.format(public=account.user.public_slug), headers=headers)
            took[account.size].append(time.process_time() - began)
            assert answer.status_code == 200, (path, answer.status_code, await answer.get_data())
    return statistics.median(took[small.size]), statistics.median(took[large.size])


async def _scrape(client: TestClientProtocol) -> None:
    answer = await client.get("/metrics", headers={"Authorization": f"Bearer {_SCRAPER.replace(' ', '-')}"})
    assert answer.status_code == 200, await answer.get_data()


async def _account(store: Store, size: int) -> Account:
    user, key = await create_user(store, now=now_ms(), master=stack.MASTER_KEY)
    await population.pour(store, user, [population.varied(number) for number in range(size)])
    return await account(store, user, key, size)


async def account(store: Store, user: User, key: str, size: int) -> Account:
    """The account with a new session."""
    return Account(user, key, await open_session(store, user, now_ms()), size)


async def _bytes(store: Store, large: Account) -> dict[str, float]:
    """By kind of key: of a check's own, the mean of a sample; of an account's indexes, a check's share of them."""
    partition, user = large.user.partition, large.user.id
    ids = [int(number) for number in await store.redis.zrange(keys.user_checks(partition, user), 0, -1)]
    sample = random.Random(1).sample(ids, min(SAMPLE, len(ids)))
    found: dict[str, float] = {}
    for kind, key_of in (
        ("its hash", keys.check),
        ("its log (one ping)", keys.ping_log),
        ("its changes (one)", keys.flips),
        ("its days", keys.days),
    ):
        async with store.redis.pipeline(transaction=False) as pipe:
            for number in sample:
                pipe.memory_usage(key_of(partition, number))
            found[kind] = sum(size or 0 for size in await pipe.execute()) / len(sample)
    uuid = await store.redis.hget(keys.check(partition, sample[0]), "uuid")
    found["the claim of its UUID"] = await store.redis.memory_usage(keys.check_uuid(uuid.decode()))
    for kind, key in (
        ("the account's list", keys.user_checks(partition, user)),
        ("the slugs", keys.user_slugs(partition, user)),
        ("the index by name", keys.by_name(partition, user)),
        ("the index by UUID", keys.by_uuid(partition, user)),
        ("the index by deadline", keys.by_deadline(partition, user)),
        ("the index by last ping", keys.by_last_ping(partition, user)),
        ("the index by last run time", keys.by_last_duration(partition, user)),
        ("the index by status", keys.by_status(partition, user)),
        ("the index of what may be late", keys.by_due(partition, user)),
        ("the search lines", keys.search(partition, user)),
        ("the sets of its three tags", ""),
    ):
        if key:
            found[kind] = (await store.redis.memory_usage(key, samples=0) or 0) / len(ids)
    tags = json.loads(await store.redis.hget(keys.check(partition, sample[0]), "tags"))
    share = 0.0
    for number, _ in tags:
        tag = keys.tag_checks(partition, user, number)
        share += await store.redis.memory_usage(tag, samples=0) / await store.redis.scard(tag)
    found["the sets of its three tags"] = share
    shared = keys.deadlines(partition)
    found["the partition's deadlines"] = await store.redis.memory_usage(
        shared, samples=0
    ) / await store.redis.zcard(shared)
    return found


async def _used(store: Store) -> int:
    return int((await store.redis.info("memory"))["used_memory"])
