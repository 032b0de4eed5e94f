"""What the script tests share: plain settings, a ping, and everything that Redis holds."""

import json
from typing import Any, Literal

from tests.conftest import MASTER_KEY
from tests.everywhere import key_names
from tests.records import is_bookkeeping
from ttr.domain.check import Check, CheckSettings
from ttr.domain.flapping import FlapRules
from ttr.domain.schedule import Schedule, next_due
from ttr.store import channels, checks, keys
from ttr.store.codec import settings_to_fields
from ttr.store.ping_log import PingEntry, pack_tail
from ttr.store.redis import Store
from ttr.store.users import User, create_user

NOON = 1_772_366_400_000  # 2026-03-01 12:00 UTC
MINUTE = 60_000
MINUTELY = Schedule("interval", 60, None, "UTC")
FLAPS = FlapRules(window_ms=2 * MINUTE, threshold=6, suppression_ms=3 * MINUTE)


def settings(**changes: Any) -> CheckSettings:
    """A check every minute with a minute of grace, told at once; `changes` by field name."""
    fields: dict[str, Any] = {
        "name": "backup",
        "slug": None,
        "tags": (),
        "description": "",
        "schedule": MINUTELY,
        "grace_seconds": 60,
        "max_runtime_seconds": None,
        "notify_after_failures": None,
        "notify_on_up": True,
        "remind_every_minutes": None,
        "rule": None,
        "post_only": False,
        "channels": None,
    }
    return CheckSettings(**{**fields, **changes})


async def make_user(store: Store) -> User:
    """An account made at noon."""
    user, _ = await create_user(store, now=NOON, master=MASTER_KEY)
    return user


async def make_check(store: Store, user: User, *, now: int = NOON, **changes: Any) -> Check:
    """A check made at noon."""
    return await checks.create_check(store, user, settings(**changes), now=now, most=1_000)


def draft(**changes: Any) -> channels.Draft:
    """A webhook that is on; `changes` by field name."""
    fields: dict[str, Any] = {
        "kind": "webhook",
        "name": "Webhook",
        "settings": {},
        "sealed": "sealed",
        "has": frozenset({"webhook_url"}),
        "destination": "webhook-0",
        "address": "a0",
        "enabled": True,
        "default": False,
    }
    return channels.Draft(**{**fields, **changes})


async def make_channel(
    store: Store,
    user: User,
    *,
    own_check: int | None = None,
    now: int = NOON,
    most: int = 1_000,
    **changes: Any,
) -> channels.Channel:
    """A channel made at noon, in nobody's use unless it is a check's own."""
    number = await channels.create_channel(
        store, user, draft(**changes), own_check=own_check, now=now, most=most
    )
    assert number is not None
    return await channels.get_channel(store, user, number)


async def ping(
    store: Store,
    user: User,
    check: int | str,
    kind: str = "success",
    *,
    now: int = NOON,
    request: str = "",
    revision: str = "1",
    due: int | Literal[""] | None = None,
    rid: str = "",
    reason: str = "",
    detail: str = "",
    body: bytes = b"",
    caps: tuple[int, int, int] = (100, 10_000, 100_000),
    user_slug: str | None = None,
    slug: str = "",
    flap: FlapRules = FLAPS,
    limit: tuple[int, int] = (0, 0),
) -> list[Any]:
    """Run ping.lua; `caps` are log entries, body bytes per check and per account; `due` is "" for never; `limit` is
    pings at once, and µs in which one comes back.
    """
    entry = PingEntry(at=now, kind=kind, method="POST", rid=rid, reason=reason, size=len(body))
    answer: list[Any] = await store.scripts.run(
        "ping",
        user.partition,
        [
            user.id,
            user.user_slug if user_slug is None else user_slug,
            check,
            slug,
            now,
            request or f"at {now}",
            revision,
            next_due(MINUTELY, now) or "" if due is None else due,
            kind,
            rid,
            reason,
            detail,
            pack_tail(entry),
            body,
            *caps,
            flap.window_ms,
            flap.threshold,
            flap.suppression_ms,
            *limit,
        ],
    )
    return answer


def create_args(user: User, check_id: int, uuid: str, most: int = 1_000, **changes: Any) -> list[str | int]:
    """The arguments of create_check.lua."""
    wanted = settings(**changes)
    return [
        user.id,
        check_id,
        uuid,
        NOON,
        NOON + MINUTE,
        wanted.slug or "",
        json.dumps(wanted.tags),
        json.dumps(wanted.channels or ()),
        most,
        "0",
        *settings_to_fields(wanted),
    ]


def update_args(check: Check, revision: str, last_ping: str, **changes: Any) -> list[str | int]:
    """The arguments of update_check.lua for an edit at noon that leaves the deadline alone."""
    wanted = settings(**changes)
    channels = "" if wanted.channels is None else json.dumps(wanted.channels)
    return [
        check.user_id,
        check.id,
        NOON,
        revision,
        last_ping,
        "0",
        "",
        "",
        wanted.slug or "",
        json.dumps(wanted.tags),
        channels,
        *settings_to_fields(wanted),
    ]


async def dump(store: Store) -> dict[bytes, Any]:
    """Everything in Redis but what an app that may be running says of itself; hashes by field, for a growing one
    changes the order of its fields by itself."""
    found = await names(store)
    return {
        key: await store.redis.hgetall(key)
        if await store.redis.type(key) == b"hash"
        else await store.redis.dump(key)
        for key in sorted(found)
    }


def besides_marks(found: dict[bytes, Any]) -> dict[bytes, Any]:
    """What `dump` found, without what snapshots go by: taking a change back marks once more what was marked."""
    return {key: value for key, value in found.items() if not is_bookkeeping(key)}


async def names(store: Store) -> set[bytes]:
    """The name of every key but those by which an app that is running says how it does."""
    own = (keys.web_tick(), keys.processes(), keys.metrics())
    return {key for key in await key_names(store, "*") if not key.decode().startswith(own)}


async def fields(store: Store, check: Check) -> dict[str, str]:
    """A check's hash as it is stored."""
    found = await store.redis.hgetall(keys.check(keys.partition_of(check.user_id), check.id))
    return {name.decode(): value.decode() for name, value in found.items()}


async def armed(store: Store, check: Check) -> int | None:
    """A check's deadline in the sorted set."""
    score = await store.redis.zscore(keys.deadlines(keys.partition_of(check.user_id)), str(check.id))
    return None if score is None else int(score)


async def outbox(store: Store, partition: int) -> list[dict[str, str]]:
    """The events that wait in a partition's outbox."""
    found = await store.redis.xrange(keys.outbox(partition))
    return [{name.decode(): value.decode() for name, value in entry.items()} for _, entry in found]
