"""Pings: recorded by one script run each, and read back as a log and bodies."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass

from ttr.domain.allowance import Allowance, Limit, kept_for_signals, refused
from ttr.domain.check import Check
from ttr.domain.content import ContentRule
from ttr.domain.flapping import FlapRules
from ttr.domain.schedule import Schedule
from ttr.noted import origin
from ttr.store import keys
from ttr.store.codec import rule_from_fields, schedule_from_fields
from ttr.store.errors import NotFound
from ttr.store.ping_log import PingEntry, number_of, pack_tail, unpack
from ttr.store.redis import Store, store_trouble
from ttr.store.scripts import Arg

REQUESTS_REMEMBERED = 4
"""Of a check's pings so many of the last ones are known again when they are repeated (`scripts/lua/ping.lua`)."""
ONLY_RECORDED = ("log", "ignored")
"""Kinds that change nothing: they may use half of a check's allowance, and real signals all of it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be known of a check before its ping is recorded, as of `revision`."""

    check_id: int
    revision: str
    schedule: Schedule
    rule: ContentRule | None
    post_only: bool


@dataclass(frozen=True, slots=True)
class Target:
    """Where a ping goes. Without `plan`, the script answers one; without `check_id`, it looks the slug up."""

    user_id: int
    user_slug: str
    check_id: int | None
    slug: str
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The ping is stored."""

    check_id: int
    number: int
    events: int
    run_ms: int | None
    """How long the run took that it ended."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How much a check keeps: log entries, body bytes, and body bytes of its whole account."""

    entries: int
    body_bytes: int
    account_bytes: int


@dataclass(frozen=True, slots=True)
class PingPage:
    """Some of a check's pings, newest first."""

    pings: list[PingEntry]
    before: int | None
    """The number to go on before; None when no older one is kept."""
    total: int
    """How many pings of any kind there have been."""
    kept_from: int
    """The lowest number that is kept here; one more than `total` when none is."""


async def find_target(store: Store, user_slug: str, address: str, *, is_uuid: bool) -> Target | None:
    """The target of an address, in one round trip; None when it names no account or no check.

    `user_slug` is "" in a URL that has only a UUID.
    """
    wanted = [keys.user_slug(user_slug)] if user_slug else []
    if is_uuid:
        wanted.append(keys.check_uuid(address))
    with store_trouble():
        if store.pipelined:
            # After a start every job that pings is new, and on the hour thousands ping at once.
            values = await asyncio.gather(*map(store.pipelined.get, wanted))
        else:
            values = await asyncio.gather(*map(store.redis.get, wanted))
    found = [value.decode() if value else None for value in values]
    if None in found:
        return None
    if not is_uuid:
        return Target(int(found[0] or 0), user_slug, None, address)
    owner, _, check_id = (found[-1] or "").partition(":")
    if user_slug and owner != found[0]:
        return None
    return Target(int(owner), user_slug, int(check_id), "")


async def record_ping(
    store: Store,
    target: Target,
    entry: PingEntry,
    *,
    request_id: str,
    due: int | None,
    body: bytes,
    kept: Kept,
    flap: FlapRules,
    limit: Limit | None = None,
    may_repeat: Callable[[], bool] = lambda: True,
) -> Recorded | Plan | Allowance | None:
    """Record a ping. A Plan as the answer means: the check has been edited, judge the ping anew; nothing was
    written. An Allowance means: the check is pinged more often than `limit` allows; nothing was written. None means
    there is no such check. `request_id` makes a repeated run harmless, as long as no more than REQUESTS_REMEMBERED of
    the check came after it; `may_repeat` says whether that can be told when an answer is lost.
    """
    plan = target.plan
    partition = keys.partition_of(target.user_id)
    arguments: list[Arg] = [
        target.user_id,
        target.user_slug,
        "" if target.check_id is None else target.check_id,
        target.slug,
        entry.at,
        request_id,
        plan.revision if plan else "",
        "" if due is None else due,
        entry.kind,
        entry.rid,
        entry.reason,
        entry.detail,
        pack_tail(entry),
        body,
        kept.entries,
        kept.body_bytes,
        kept.account_bytes,
        flap.window_ms,
        flap.threshold,
        flap.suppression_ms,
        limit.count if limit else 0,
        limit.step if limit else 0,
        origin(),
    ]
    with store_trouble():
        if store.pipelined:
            answer = await store.pipelined.run("ping", partition, arguments, may_repeat=may_repeat)
        else:
            answer = await store.scripts.run("ping", partition, arguments)
    match answer[0]:
        case b"ok":
            return Recorded(
                int(answer[1]), int(answer[2]), int(answer[3]), int(answer[4]) if answer[4] else None
            )
        case b"limited" if limit:
            kept_free = kept_for_signals(limit) if entry.kind in ONLY_RECORDED else 0
            return refused(limit, int(answer[1]), kept_free)
        case b"stale":
            return plan_from(int(answer[1]), answer[2:])
    return None


def plan_from(check_id: int, fields: list[bytes | None]) -> Plan:
    """The plan in what scripts/lua/includes/plan.lua answers."""
    revision, _, kind, expression, tz, interval, rule, rule_kind, rule_regex, post_only, *_ = (
        (value or b"").decode() for value in fields
    )
    return Plan(
        check_id,
        revision,
        schedule_from_fields(kind, expression, tz, interval),
        rule_from_fields(rule, rule_kind, rule_regex),
        post_only == "1",
    )


async def read_pings(store: Store, check: Check, most: int) -> list[PingEntry]:
    """The newest `most` pings, newest first."""
    key = keys.ping_log(keys.partition_of(check.user_id), check.id)
    with store_trouble():
        return [unpack(entry) for entry in await store.redis.lrange(key, 0, most - 1)]


async def page_pings(
    store: Store, check: Check, *, size: int, before: int | None = None, kinds: Collection[str] = ()
) -> PingPage:
    """The newest `size` pings, of those numbered below `before` if it is given, of `kinds` or of any.

    Raises NotFound when the check is gone.
    """
    partition = keys.partition_of(check.user_id)
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.hmget(keys.check(partition, check.id), "id", "ping_count")
            # The whole log, at most 1,000 entries of about 50 bytes: places in it shift with every ping.
            pipe.lrange(keys.ping_log(partition, check.id), 0, -1)
            (found, total), log = await pipe.execute()
    if found is None:
        raise NotFound("no such check")
    total = int(total or 0)
    kept_from = number_of(log[-1]) if log else total + 1
    shown: list[PingEntry] = []
    for packed in log:
        if before is not None and number_of(packed) >= before:
            continue
        entry = unpack(packed)
        if kinds and entry.kind not in kinds:
            continue
        if len(shown) == size:
            return PingPage(shown, shown[-1].number, total, kept_from)
        shown.append(entry)
    return PingPage(shown, None, total, kept_from)


async def read_body(store: Store, check: Check, number: int | None = None) -> tuple[int, bytes] | None:
    """A ping's number and body: of ping `number`, or of the newest ping that had one. None when not kept."""
    with store_trouble():
        answer = await store.scripts.run(
            "read_body", keys.partition_of(check.user_id), [check.id, "" if number is None else number]
        )
    return (int(answer[0]), answer[1]) if answer else None
