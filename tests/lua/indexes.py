"""What the indexes of an account must hold, worked out from the hashes of its checks alone."""

import math
from typing import Any

from ttr.domain.folding import fold
from ttr.store import keys
from ttr.store.codec import check_from_hash
from ttr.store.redis import Store
from ttr.store.users import User

STEP = 2**43
BLOCK = 16
RANKS = {"down": 0, "new": 1, "up": 2, "paused": 3}
COUNTERS = ("interval_count", "interval_sum", "duration_count", "duration_sum")


async def held_indexes(store: Store, user: User) -> dict[str, Any]:
    """The indexes as Redis holds them, by name; counters that are 0 or missing are left out."""
    at = (user.partition, user.id)
    held: dict[str, Any] = {}
    for family in (
        keys.by_name,
        keys.by_uuid,
        keys.by_deadline,
        keys.by_last_ping,
        keys.by_last_duration,
        keys.by_status,
        keys.by_due,
    ):
        held[family.__name__] = dict(await store.redis.zrange(family(*at), 0, -1, withscores=True))
    held["running"] = await store.redis.smembers(keys.running(*at))
    blocks = await store.redis.hgetall(keys.search(*at))
    held["search"] = {int(block): sorted(text.decode().splitlines()) for block, text in blocks.items()}
    counters = await store.redis.hmget(keys.user(*at), COUNTERS)
    held["counters"] = {
        name: int(value) for name, value in zip(COUNTERS, counters, strict=True) if int(value or 0)
    }
    return held


async def indexes_of_hashes(store: Store, user: User) -> dict[str, Any]:
    """The same, from the checks."""
    wanted: dict[str, Any] = {
        name: {}
        for name in ("by_name", "by_uuid", "by_deadline", "by_last_ping", "by_last_duration", "by_status")
    }
    wanted |= {"by_due": {}, "running": set(), "search": {}}
    counters = dict.fromkeys(COUNTERS, 0)
    for number in await store.redis.zrange(keys.user_checks(user.partition, user.id), 0, -1):
        raw = await store.redis.hgetall(keys.check(user.partition, int(number)))
        check = check_from_hash({name.decode(): value.decode() for name, value in raw.items()})
        member = b"%010d" % check.id
        wanted["by_name"][fold(check.name).encode() + b"\0" + member] = 0
        wanted["by_uuid"][member] = int(check.uuid.replace("-", "")[:12], 16)
        wanted["by_deadline"][member] = math.inf if check.deadline is None else check.deadline
        wanted["by_last_ping"][member] = math.inf if check.last_ping is None else check.last_ping
        lasted = check.last_duration_ms
        wanted["by_last_duration"][member] = math.inf if lasted is None else lasted
        wanted["by_status"][member] = RANKS[check.status] * STEP + STEP - 1 - check.status_since
        if check.late_at(1 << 60):
            wanted["by_due"][member] = check.due
        if check.running:
            wanted["running"].add(member)
        tags = ",".join(fold(tag.name) for tag in check.tags)
        line = f"{check.id}\t{fold(check.name)}\t{check.settings.slug or ''}\t{tags}"
        wanted["search"].setdefault(check.id // BLOCK, []).append(line)
        if check.settings.schedule.interval_seconds is not None:
            counters["interval_count"] += 1
            counters["interval_sum"] += check.settings.schedule.interval_seconds
        if lasted is not None:
            counters["duration_count"] += 1
            counters["duration_sum"] += lasted
    wanted["search"] = {block: sorted(lines) for block, lines in wanted["search"].items()}
    wanted["counters"] = {name: value for name, value in counters.items() if value}
    return wanted


async def assert_indexed(store: Store, user: User) -> None:
    """Every index holds what the checks say, no more and no less."""
    assert await held_indexes(store, user) == await indexes_of_hashes(store, user)
