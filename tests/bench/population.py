"""Many checks at once: a few made through the store as the API would, or very many through its scripts in pipelines."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from tests.bench.stack import MASTER_KEY
from ttr.domain.check import Check, CheckSettings
from ttr.domain.schedule import Schedule
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.checks import create_check
from ttr.store.codec import settings_to_fields
from ttr.store.ping_log import PingEntry, pack_tail
from ttr.store.redis import Store
from ttr.store.users import User, create_user

_AT_ONCE = 64
_A_TRIP = 250
"""Checks in one pipeline: some 30 ms of Redis, so that other clients are served meanwhile."""
_DUE_MS = 30 * 86_400_000


def settings(number: int, interval_seconds: int, grace_seconds: int = 1) -> CheckSettings:
    """A check as people make them: a name, a slug, two tags."""
    return CheckSettings(
        name=f"Nightly backup {number}",
        slug=f"backup-{number}",
        tags=("backup", "production"),
        description="",
        schedule=Schedule("interval", interval_seconds, None, "UTC"),
        grace_seconds=grace_seconds,
        max_runtime_seconds=None,
        notify_after_failures=None,
        notify_on_up=True,
        remind_every_minutes=None,
        rule=None,
        post_only=False,
        channels=None,
    )


def varied(number: int) -> CheckSettings:
    """One of many of a large account: a month's interval, and of a few hundred tags three."""
    wanted = settings(number, _DUE_MS // 1_000, 3_600)
    tags = ("backup", f"customer-{number * 7919 % 200}", "production" if number % 5 else "staging")
    return replace(wanted, name=f"Nightly backup {number * 7919 % 1_000_003}", tags=tags)


async def account(store: Store) -> User:
    """A new account."""
    user, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    return user


async def populate(store: Store, user: User, wanted: list[CheckSettings]) -> list[Check]:
    """Make a check of each, 64 at a time."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(settings: CheckSettings) -> Check:
        async with room:
            return await create_check(store, user, settings, now=now_ms(), most=10_000_000)

    return await asyncio.gather(*(one(settings) for settings in wanted))


async def pour(
    store: Store, user: User, wanted: Sequence[CheckSettings], *, channel: int | None = None
) -> range:
    """Make a check of each and ping it once, by the scripts that make and ping every other; returns their numbers."""
    channels = json.dumps([channel] if channel else [])
    for name in ("create_check", "ping"):
        await store.scripts.load(name)
    last = await store.redis.incrby(keys.sequence("check"), len(wanted))
    first = last - len(wanted) + 1
    for start in range(0, len(wanted), _A_TRIP):
        some = wanted[start : start + _A_TRIP]
        now = now_ms()
        async with store.redis.pipeline(transaction=False) as pipe:
            for number, settings in enumerate(some, first + start):
                uuid = str(uuid4())
                pipe.set(keys.check_uuid(uuid), f"{user.id}:{number}")
                create = [user.id, number, uuid, now, now + _DUE_MS, settings.slug or ""]
                create += [
                    json.dumps(settings.tags),
                    channels,
                    10_000_000,
                    "0",
                    *settings_to_fields(settings),
                ]
                store.scripts.queue(pipe, "create_check", user.partition, create)
                store.scripts.queue(pipe, "ping", user.partition, ping_arguments(user, number, now))
            await pipe.execute()
    return range(first, last + 1)


def ping_arguments(user: User, check_id: int, now: int) -> list[str | int | bytes]:
    """What `ping.lua` is called with for a success of a check that nobody has edited."""
    entry = PingEntry(at=now, kind="success", method="GET", address="203.0.113.7", user_agent="curl/7.88.1")
    to = [user.id, user.user_slug, check_id, "", now, uuid4().hex[:12], "1", now + _DUE_MS]
    said = ["success", "", "", "", pack_tail(entry), b"", 100, 300_000, 20_000_000]
    return [*to, *said, 120_000, 6, 180_000, 0, 0, ""]


async def fall_silent(store: Store, at: int) -> None:
    """Let every check of the installation be overdue from `at` (ms) on, as if its last ping had been so long ago."""
    for partition in range(keys.PARTITIONS):
        while await store.redis.eval(_FALL_SILENT, 1, keys.prefix(partition), at, 500):
            pass


_FALL_SILENT = """
local deadlines = KEYS[1] .. "deadlines"
local ids = redis.call("ZRANGE", deadlines, "(" .. ARGV[1], "+inf", "BYSCORE", "LIMIT", 0, ARGV[2])
for _, id in ipairs(ids) do
  local check = KEYS[1] .. "check:" .. id
  local grace = tonumber(redis.call("HGET", check, "grace_seconds")) * 1000
  redis.call("HSET", check, "deadline", ARGV[1], "due", string.format("%.0f", tonumber(ARGV[1]) - grace))
  redis.call("ZADD", deadlines, ARGV[1], id)
end
return #ids
"""
