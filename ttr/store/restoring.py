"""Putting records of a snapshot back into an empty Redis. Everything may be done again after a crash: the same result.

Checks first, then what they are entered in; accounts come behind their checks, whose entering counts in the account's
sums; the database's own key comes last of all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ttr.store import keys
from ttr.store.account_slugs import CLAIM_LONGER_MS
from ttr.store.every_key import every_key
from ttr.store.redis import Store, store_trouble
from ttr.store.scripts import Arg

Fields = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Rearmed:
    """How a check waits for its next run after a restore."""

    due: int | None
    """ms; None when no run is expected any more."""
    now: int


@dataclass(frozen=True, slots=True)
class KeptCheck:
    """A check as a snapshot has it."""

    id: int
    user_id: int
    fields: Fields
    days: Fields
    reminder: str
    flapping: str
    deliveries: Sequence[bytes]
    pings: Sequence[bytes]
    """Newest first, as `ttr/store/ping_log.py` packs them."""
    flips: Sequence[bytes]
    bodies: Sequence[bytes]
    rearmed: Rearmed | None = None


async def has_accounts(store: Store) -> bool:
    """Whether this Redis has ever had an account."""
    with store_trouble():
        return bool(await store.redis.exists(keys.sequence("user")))


async def read_progress(store: Store) -> dict[str, str]:
    """How far a restore is that was broken off; empty when there is none."""
    with store_trouble():
        found = await store.redis.hgetall(keys.restoring())
    return {name.decode(): value.decode() for name, value in found.items()}


async def note_progress(store: Store, progress: Mapping[str, str | int]) -> None:
    """Remember how far it is; while this is there, no process starts."""
    with store_trouble():
        await store.redis.hset(keys.restoring(), mapping=dict(progress))


async def end_restore(store: Store) -> None:
    """Let processes start."""
    with store_trouble():
        await store.redis.delete(keys.restoring())


async def wipe(store: Store, *, most: int = 1_000) -> None:
    """Remove everything of ttr's from this Redis."""
    with store_trouble():
        async for found in every_key(store, keys.EVERY, most):
            async with store.redis.pipeline(transaction=False) as pipe:
                for key in found:
                    pipe.unlink(key)
                await pipe.execute()


async def put_checks(store: Store, checks: Sequence[KeptCheck]) -> None:
    """Put some checks back, with all they keep."""
    with store_trouble():
        await store.scripts.load("restore_check")
        async with store.redis.pipeline(transaction=False) as pipe:
            for check in checks:
                _queue_check(store, pipe, check)
            await pipe.execute()


def _queue_check(store: Store, pipe: Any, check: KeptCheck) -> None:
    partition = keys.partition_of(check.user_id)
    lists = {
        keys.ping_log(partition, check.id): check.pings,
        keys.flips(partition, check.id): check.flips,
        keys.bodies(partition, check.id): check.bodies,
        keys.check_deliveries(partition, check.id): check.deliveries,
    }
    pipe.delete(keys.check(partition, check.id), keys.days(partition, check.id), *lists)
    store.scripts.queue(pipe, "restore_check", partition, arguments(check))
    if check.days:
        pipe.hset(keys.days(partition, check.id), mapping=dict(check.days))
    for key, entries in lists.items():
        if entries:
            pipe.rpush(key, *entries)
    pipe.set(keys.check_uuid(check.fields[b"uuid"].decode()), f"{check.user_id}:{check.id}")


def arguments(check: KeptCheck) -> list[Arg]:
    """What `restore_check.lua` takes."""
    rearmed = check.rearmed
    return [
        check.id,
        check.reminder,
        check.flapping,
        "1" if rearmed else "",
        "" if rearmed is None or rearmed.due is None else rearmed.due,
        rearmed.now if rearmed else "",
        *(part for pair in check.fields.items() for part in pair),
    ]


def queue_channel(pipe: Any, user_id: int, channel_id: int, fields: Fields) -> None:
    """A channel."""
    partition = keys.partition_of(user_id)
    _queue_hash(pipe, keys.channel(partition, channel_id), fields)
    pipe.sadd(keys.user_channels(partition, user_id), channel_id)
    if fields.get(b"default") == b"1":
        pipe.sadd(keys.user_defaults(partition, user_id), channel_id)


def queue_status_page(pipe: Any, user_id: int, page_id: int, fields: Fields) -> None:
    """A status page."""
    partition = keys.partition_of(user_id)
    _queue_hash(pipe, keys.status_page(partition, page_id), fields)
    pipe.hset(keys.page_slugs(partition, user_id), fields[b"slug"], page_id)


def queue_delivery(
    pipe: Any, user_id: int, name: str, fields: Fields, events: Sequence[bytes], expires: int
) -> None:
    """A delivery with its events; `expires` is 0 for one that stays."""
    partition = keys.partition_of(user_id)
    _queue_hash(pipe, keys.delivery(partition, name), fields)
    _queue_list(pipe, keys.delivery_events(partition, name), events)
    if expires:
        pipe.pexpireat(keys.delivery(partition, name), expires)
        pipe.pexpireat(keys.delivery_events(partition, name), expires)


def queue_lane(
    pipe: Any, user_id: int, name: str, fields: Fields, queue: Sequence[bytes], due: str, expires: int
) -> None:
    """A lane with what waits in it; `due` is "" for one in which nothing does."""
    partition = keys.partition_of(user_id)
    _queue_hash(pipe, keys.lane(partition, name), fields)
    _queue_list(pipe, keys.lane_queue(partition, name), queue)
    if due:
        pipe.zadd(keys.lanes(partition), {name: float(due)})
    if expires:
        pipe.pexpireat(keys.lane(partition, name), expires)


def queue_user(
    pipe: Any,
    user_id: int,
    fields: Fields,
    *,
    former_slugs: Fields,
    chore: Sequence[bytes],
    access_keys: Fields,
    only_key: Fields,
    deliveries: Sequence[str],
) -> None:
    """An account behind its checks, with its names and keys; `deliveries` are the names of its log, newest first.

    `only_key` is what an older version kept of the account's one key, outside the account.
    """
    partition = keys.partition_of(user_id)
    _queue_hash(pipe, keys.user(partition, user_id), fields)
    _queue_list(pipe, keys.user_chore(partition, user_id), chore)
    _queue_list(pipe, keys.user_deliveries(partition, user_id), [name.encode() for name in deliveries])
    for slug, until in former_slugs.items():
        pipe.zadd(keys.former_slugs(partition, user_id), {slug: float(until)})
        claim = keys.user_slug(slug.decode())
        pipe.set(claim, user_id, nx=True, pxat=int(until) + CLAIM_LONGER_MS)
    for family, name in ((keys.user_slug, b"user_slug"), (keys.public_slug, b"public_slug")):
        if name in fields:
            pipe.set(family(fields[name].decode()), user_id)
    if telegram_id := fields.get(b"telegram_id"):
        pipe.set(keys.telegram(int(telegram_id)), user_id)
    _queue_hash(pipe, keys.access_keys(partition, user_id), access_keys)
    for name in access_keys:
        _queue_hash(pipe, keys.access_key(name.decode()), {b"user_id": b"%d" % user_id})
    if only_key:
        _queue_hash(pipe, keys.access_key(fields[b"access_key"].decode()), only_key)


def queue_outbox(pipe: Any, user_id: int, entry: str, fields: Fields) -> None:
    """An entry of the outbox; entries must come oldest first."""
    pipe.xadd(keys.outbox(keys.partition_of(user_id)), dict(fields), id=entry)


async def newest_outbox(store: Store) -> dict[int, str]:
    """The newest entry of each outbox that has one."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for partition in range(keys.PARTITIONS):
                pipe.xrevrange(keys.outbox(partition), count=1)
            found = await pipe.execute()
    return {partition: page[0][0].decode() for partition, page in enumerate(found) if page}


def queue_partition(
    pipe: Any,
    partition: int,
    fields: Fields,
    *,
    pending_gaps: Sequence[bytes],
    gaps: Sequence[bytes],
    chores: Fields,
    token: str,
) -> None:
    """A partition's own keys; `token` is that of the snapshot that it comes from."""
    _queue_hash(pipe, keys.clock(partition), fields)
    _queue_list(pipe, keys.pending_gaps(partition), pending_gaps)
    pipe.delete(keys.gaps(partition), keys.chores(partition))
    for gap in gaps:
        pipe.zadd(keys.gaps(partition), {gap: int(gap.partition(b":")[2])})
    for name, until in chores.items():
        pipe.zadd(keys.chores(partition), {name: float(until)})
    pipe.hset(keys.snapshot(partition), "saved", token)


def queue_globals(
    pipe: Any, meta: Mapping[str, str], admins: Mapping[str, str], sequences: Mapping[str, int]
) -> None:
    """What belongs to no account, last of all."""
    for kind, last in sequences.items():
        if last:
            pipe.set(keys.sequence(kind), last)
    pipe.hset(keys.meta(), mapping=dict(meta))
    pipe.delete(keys.admins())
    if admins:
        pipe.hset(keys.admins(), mapping=dict(admins))


def _queue_hash(pipe: Any, key: str, fields: Fields) -> None:
    pipe.delete(key)
    if fields:
        pipe.hset(key, mapping=dict(fields))


def _queue_list(pipe: Any, key: str, entries: Sequence[bytes]) -> None:
    pipe.delete(key)
    for first in range(0, len(entries), 1_000):
        pipe.rpush(key, *entries[first : first + 1_000])
