"""An account that goes: closed in one step, then removed piece by piece; each piece may be done again.

Nothing is added to a closed account: the scripts that would ask for its `user_slug` first. So what is removed here
stays removed, and the order matters only where one thing is found by another.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from ttr.domain.access_key import AccessKey, read_access_key
from ttr.store import keys
from ttr.store.account_slugs import Family
from ttr.store.chores import LEASE_MS, Chore
from ttr.store.delivery_errors import forget_errors
from ttr.store.marks import queue_mark
from ttr.store.redis import Store, store_trouble
from ttr.store.uuid_claims import release_uuids

_BATCH = 200
"""Checks or deliveries at once: some 2,000 keys, freed by Redis beside its work."""

OF_ACCOUNT: tuple[Callable[[int, int], str], ...] = (
    keys.user_checks,
    keys.user_slugs,
    keys.user_tags,
    keys.page_slugs,
    keys.user_channels,
    keys.user_defaults,
    keys.user_deliveries,
    keys.former_slugs,
    keys.access_keys,
    keys.key_uses,
    keys.by_name,
    keys.by_uuid,
    keys.by_deadline,
    keys.by_last_ping,
    keys.by_last_duration,
    keys.by_status,
    keys.by_due,
    keys.running,
    keys.search,
)
"""The account's keys besides its hash, its open chore and its tags."""


@dataclass(frozen=True, slots=True)
class Closed:
    """What a closed account still has outside its partition."""

    access_keys: tuple[AccessKey, ...]
    slugs: tuple[tuple[Family, str], ...]
    """Claims that may be its own."""
    telegram_id: int
    """The Telegram account that opened it; 0: none."""


async def close(store: Store, user_id: int, *, now: int, idle_since: int | None = None) -> Chore | None:
    """Let an account be nobody's from here on; returns the chore of removing it, None when somebody else has that.

    With `idle_since` (ms) only one that nobody uses since then (`ttr/store/idle.py`); None as well when it stays.
    """
    chore = Chore(user_id, "delete", secrets.token_hex(8))
    only = [] if idle_since is None else [idle_since]
    with store_trouble():
        mine = await store.scripts.run(
            "close_account", chore.partition, [user_id, now, chore.token, now + LEASE_MS, *only]
        )
    return chore if mine else None


async def read_closed(store: Store, user_id: int) -> Closed | None:
    """What is known of a closed account; None when it is not closed, or gone altogether."""
    partition = keys.partition_of(user_id)
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.hmget(
                keys.user(partition, user_id),
                [
                    "user_slug",
                    "closed_at",
                    "closed_user_slug",
                    "closed_public_slug",
                    "renaming",
                    "telegram_id",
                ],
            )
            pipe.zrange(keys.former_slugs(partition, user_id), 0, -1)
            pipe.hgetall(keys.access_keys(partition, user_id))
            fields, former, of_user = await pipe.execute()
    texts = (None if value is None else value.decode() for value in fields)
    user_slug, closed_at, *slugs, telegram_id = texts
    if user_slug is not None or closed_at is None:
        return None
    closed_user_slug, closed_public_slug, renaming = slugs
    _, _, wanted_user_slug, wanted_public_slug, public_slug_before = (renaming or "::::").split(":")
    claims: list[tuple[Family, str | None]] = [
        ("user_slug", closed_user_slug),
        ("user_slug", wanted_user_slug),
        ("public_slug", closed_public_slug),
        ("public_slug", wanted_public_slug),
        ("public_slug", public_slug_before),
        *(("user_slug", slug.decode()) for slug in former),
    ]
    access_keys = [read_access_key(name.decode(), text) for name, text in of_user.items()]
    kept = tuple((family, slug) for family, slug in claims if slug)
    return Closed(tuple(access_keys), kept, int(telegram_id or 0))


async def remove_outbox(store: Store, user_id: int) -> None:
    """Take back alerts that nobody has dispatched yet; one that is dispatched meanwhile goes nowhere."""
    partition = keys.partition_of(user_id)
    key = keys.outbox(partition)
    with store_trouble():
        newest = await store.redis.xrevrange(key, count=1)
        last, beyond = (newest[0][0].decode() if newest else ""), "-"
        while last:
            page = await store.redis.xrange(key, min=beyond, max=last, count=_BATCH)
            if not page:
                return
            mine = [entry for entry, fields in page if fields.get(b"user_id") == str(user_id).encode()]
            if mine:
                async with store.redis.pipeline(transaction=True) as pipe:
                    pipe.xdel(key, *mine)
                    queue_mark(pipe, partition, *(f"outbox:{entry.decode()}" for entry in mine))
                    await pipe.execute()
            beyond = f"({page[-1][0].decode()}"


async def remove_checks(store: Store, user_id: int) -> None:
    """Remove the checks with all they kept, and the claims of their UUIDs."""
    partition = keys.partition_of(user_id)
    of_user = keys.user_checks(partition, user_id)
    with store_trouble():
        while members := await store.redis.zrange(of_user, 0, _BATCH - 1):
            checks = [int(member) for member in members]
            async with store.redis.pipeline(transaction=False) as pipe:
                for check in checks:
                    pipe.hget(keys.check(partition, check), "uuid")
                    pipe.lrange(keys.check_deliveries(partition, check), 0, -1)
                answers = await pipe.execute()
            claimed = zip(checks, answers[::2], strict=True)
            await release_uuids(store, user_id, {uuid.decode(): check for check, uuid in claimed if uuid})
            await _remove_deliveries(store, user_id, {one for log in answers[1::2] for one in log})
            async with store.redis.pipeline(transaction=True) as pipe:
                for check in checks:
                    queue_mark(pipe, partition, f"check:{check}")
                    pipe.unlink(
                        keys.check(partition, check),
                        keys.ping_log(partition, check),
                        keys.bodies(partition, check),
                        keys.flips(partition, check),
                        keys.days(partition, check),
                        keys.check_deliveries(partition, check),
                    )
                for shared in (keys.deadlines, keys.reminders, keys.flapping):
                    pipe.zrem(shared(partition), *checks)
                # Last: until they are gone, this finds them again.
                pipe.zrem(of_user, *members)
                await pipe.execute()


async def remove_deliveries(store: Store, user_id: int) -> None:
    """Remove what waits in the account's lanes, the lanes, and what its log remembers. Before its channels.

    A message that is with a worker leaves; what became of it is written down nowhere.
    """
    partition = keys.partition_of(user_id)
    log = keys.user_deliveries(partition, user_id)
    with store_trouble():
        logged = await store.redis.lrange(log, 0, -1)
        lanes = await _lanes(store, user_id, logged)
        for lane in sorted(lanes):
            queue = keys.lane_queue(partition, lane)
            while waiting := await store.redis.lrange(queue, 0, _BATCH - 1):
                await _remove_deliveries(store, user_id, waiting)
                async with store.redis.pipeline(transaction=True) as pipe:
                    queue_mark(pipe, partition, f"lane:{lane}")
                    await pipe.ltrim(queue, len(waiting), -1).execute()
        await _remove_deliveries(store, user_id, logged)
        # Only now: with its record gone, nobody reports on a delivery, which would bring its lane back.
        for lane in sorted(lanes):
            async with store.redis.pipeline(transaction=True) as pipe:
                queue_mark(pipe, partition, f"lane:{lane}")
                pipe.unlink(keys.lane(partition, lane), keys.lane_queue(partition, lane))
                pipe.zrem(keys.lanes(partition), lane)
                await pipe.execute()
    await forget_errors(store, user_id)


async def remove_channels(store: Store, user_id: int) -> None:
    """Remove the channels."""
    partition = keys.partition_of(user_id)
    of_user = keys.user_channels(partition, user_id)
    with store_trouble():
        for channels in _batches(await store.redis.smembers(of_user)):
            async with store.redis.pipeline(transaction=True) as pipe:
                for channel in channels:
                    queue_mark(pipe, partition, f"channel:{int(channel)}")
                    pipe.unlink(
                        keys.channel(partition, int(channel)), keys.channel_checks(partition, int(channel))
                    )
                pipe.srem(of_user, *channels)
                await pipe.execute()


async def remove_account(store: Store, user_id: int) -> None:
    """Remove what is left of an account that has no checks, channels and deliveries any more, its hash last."""
    partition = keys.partition_of(user_id)
    with store_trouble():
        tags = await store.redis.hvals(keys.user_tags(partition, user_id))
        for some in _batches(tags):
            await store.redis.unlink(*(keys.tag_checks(partition, user_id, int(tag)) for tag in some))
        pages = await store.redis.hvals(keys.page_slugs(partition, user_id))
        for some in _batches(pages):
            async with store.redis.pipeline(transaction=True) as pipe:
                pipe.unlink(*(keys.status_page(partition, int(page)) for page in some))
                queue_mark(pipe, partition, *(f"status-page:{int(page)}" for page in some))
                await pipe.execute()
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.unlink(*(key(partition, user_id) for key in OF_ACCOUNT))
            pipe.delete(keys.user(partition, user_id))
            queue_mark(pipe, partition, f"user:{user_id}")
            await pipe.execute()


async def _remove_deliveries(store: Store, user_id: int, deliveries: Iterable[bytes]) -> None:
    partition = keys.partition_of(user_id)
    for some in _batches(deliveries):
        async with store.redis.pipeline(transaction=True) as pipe:
            for delivery in some:
                name = delivery.decode()
                queue_mark(pipe, partition, f"delivery:{name}")
                pipe.unlink(keys.delivery(partition, name), keys.delivery_events(partition, name))
            await pipe.execute()


async def _lanes(store: Store, user_id: int, logged: list[bytes]) -> set[str]:
    """The account's lanes: of its channels, of what it sent before, and whatever else waits for a worker."""
    partition = keys.partition_of(user_id)
    found = set[str]()
    async for lane in _waiting_lanes(store, user_id):
        found.add(lane)
    for some in _batches(logged):
        async with store.redis.pipeline(transaction=False) as pipe:
            for delivery in some:
                pipe.hget(keys.delivery(partition, delivery.decode()), "lane")
            found |= {lane.decode() for lane in await pipe.execute() if lane}
    for channels in _batches(await store.redis.smembers(keys.user_channels(partition, user_id))):
        async with store.redis.pipeline(transaction=False) as pipe:
            for channel in channels:
                pipe.hget(keys.channel(partition, int(channel)), "address")
            addresses = await pipe.execute()
        found |= {f"{user_id}-c{int(channel)}" for channel in channels}
        found |= {f"{user_id}-{address.decode()}" for address in addresses if address}
    return found


async def _waiting_lanes(store: Store, user_id: int) -> AsyncIterator[str]:
    key = keys.lanes(keys.partition_of(user_id))
    async for lane, _ in store.redis.zscan_iter(key, match=f"{user_id}-*", count=_BATCH):
        yield lane.decode()


def _batches(found: Iterable[bytes]) -> list[list[bytes]]:
    listed = list(found)
    return [listed[i : i + _BATCH] for i in range(0, len(listed), _BATCH)]
