"""Deliveries: one message to one channel, leased, claimed, sent and reported; and the log of what became of them.

The truth about a delivery is here; the job queue only wakes workers. What leaves for one address of
an account forms a lane, one message after the other, so an *up* never overtakes its *down*.
"""

import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from ttr.domain.alert import Event, from_json
from ttr.domain.notification import Notification
from ttr.noted import origin
from ttr.store import keys
from ttr.store.codec import to_hash
from ttr.store.errors import NotDead, NotFound
from ttr.store.redis import UNAVAILABLE, Store, store_trouble
from ttr.store.users import User

LEASE_MS = 10_000
"""How long a lane is one worker's; renewed while it sends, so that only a worker that died lets it lapse."""
REMEMBERED_MS = 7 * 86_400_000
"""How long a finished delivery can be read, and one that was given up be sent again."""
_EVENTS_SHOWN = 20
_ID = re.compile(r"[A-Za-z0-9-]{1,100}", re.ASCII)

State = Literal["due", "sending", "delivered", "failed", "dropped"]


@dataclass(frozen=True, slots=True)
class Lane:
    """An address of an account that this worker holds: it alone may send there until the lease lapses."""

    partition: int
    name: str
    lease: str
    user_id: int
    destination: str
    failing: bool
    """Whether its last message could not be delivered, or took long."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """One attempt to make now."""

    notification: Notification
    attempt: int
    """Counted since it was queued (or sent again by hand), from 1."""
    since: int
    """When that was, ms."""
    kind: str
    settings: Mapping[str, str]
    sealed: str
    data_key: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of a delivery's log."""

    at: int
    outcome: Literal["delivered", "failed"]
    reason: str
    status: int | None
    latency_ms: int
    detail: str
    again_at: int | None
    """When the next attempt was planned."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message and what became of it, as its owner may see it."""

    id: str
    channel_id: int
    """The first of `channels`."""
    channels: tuple[int, ...]
    """Those it leaves by: channels that lead to one address share their messages."""
    channel_name: str
    channel_kind: str
    state: State
    created_at: int
    count: int
    """Events it tells."""
    events: tuple[Event, ...]
    """The first 20 of them."""
    attempts: tuple[Attempt, ...]
    again_at: int | None


class BrokenDelivery(Exception):
    """A claimed delivery that this version can't read; a newer one may."""

    def __init__(self, delivery_id: str, channel_id: int, attempt: int, since: int) -> None:
        self.delivery_id, self.channel_id, self.attempt, self.since = delivery_id, channel_id, attempt, since
        super().__init__(f"delivery {delivery_id} can't be read")


# For workers.


async def look(store: Store) -> list[tuple[int, int | None]]:
    """Per partition, in one round trip: entries in the outbox, and when the earliest lane is due. A partition whose
    node is away has nothing; raises StoreUnavailable when all are."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for partition in range(keys.PARTITIONS):
                pipe.xlen(keys.outbox(partition))
                pipe.zrange(keys.lanes(partition), 0, 0, withscores=True)
            answers = await pipe.execute(raise_on_error=False)
        errors = [answer for answer in answers if isinstance(answer, Exception)]
        # Of a cluster one node may be away; the others' alerts leave.
        if errors and (len(errors) == len(answers) or not all(isinstance(e, UNAVAILABLE) for e in errors)):
            raise errors[0]
    return [_seen(*answers[i : i + 2]) for i in range(0, len(answers), 2)]


def _seen(entries: Any, lanes: Any) -> tuple[int, int | None]:
    if isinstance(entries, Exception) or isinstance(lanes, Exception):
        return 0, None
    return int(entries), int(lanes[0][1]) if lanes else None


async def hand_out(store: Store, partition: int, *, now: int, most: int) -> list[Lane]:
    """Lease up to `most` lanes that have something to send."""
    lease = secrets.token_hex(8)
    with store_trouble():
        answer = await store.scripts.run("hand_out", partition, [now, most, LEASE_MS, lease])
    return [
        Lane(partition, name.decode(), lease, int(user), destination.decode(), failing == b"1")
        for name, user, destination, failing in answer
    ]


async def defer(store: Store, lane: Lane, until: int) -> None:
    """Give a lane back until `until` (ms); nothing was tried."""
    with store_trouble():
        await store.scripts.run("defer", lane.partition, [lane.name, lane.lease, until])


async def renew(store: Store, partition: int, lanes: Iterable[Lane], now: int) -> None:
    """Keep the leases of lanes of one partition."""
    held = [part for lane in lanes for part in (lane.name, lane.lease)]
    with store_trouble():
        await store.scripts.run("renew", partition, [now, LEASE_MS, *held])


async def claim(store: Store, lane: Lane, now: int) -> Claimed | None:
    """The attempt to make, or None: somebody else has the lease, or there is nothing to send. Raises BrokenDelivery
    for one that counts as an attempt but can't be read.
    """
    with store_trouble():
        answer = await store.scripts.run(
            "claim", lane.partition, [lane.name, lane.lease, now, LEASE_MS, REMEMBERED_MS]
        )
    if not answer:
        return None
    delivery_id, attempt, since, user_id, channel, kind, name, settings, sealed, data_key, others, *events = (
        answer
    )
    try:
        count, *names = json.loads(others.decode("utf-8", "replace"))
        notification = Notification(
            id=delivery_id.decode(),
            user_id=int(user_id),
            channel_id=int(channel),
            channel_name=name.decode("utf-8", "replace"),
            events=tuple(from_json(event.decode("utf-8", "replace")) for event in events),
            others=tuple(names),
            others_count=int(count),
        )
        open_settings = json.loads(settings)
    except ValueError:
        raise BrokenDelivery(delivery_id.decode(), int(channel), int(attempt), int(since)) from None
    return Claimed(
        notification,
        int(attempt),
        int(since),
        kind.decode(),
        open_settings,
        sealed.decode(),
        data_key.decode(),
    )


async def report(
    store: Store,
    lane: Lane,
    delivery_id: str,
    channel_id: int,
    attempt: Attempt,
    *,
    hold_until: int | None = None,
    gone: bool = False,
    slow: bool = False,
    settings: Mapping[str, str] | None = None,
) -> bool:
    """Write down what became of an attempt; one that failed with `again_at` None was the last.

    `hold_until`: the service asked to be left alone until then. `gone`: nothing will ever arrive there, so every
    channel that leads there is turned off and another one of the account told. `slow`:
    it took a place for long, so next time it waits among those that fail. `settings`: open
    settings of the channel that its service changed.
    True: the lane holds more that may be sent at once, under the same lease.
    """
    line = [
        attempt.at,
        attempt.outcome,
        attempt.reason,
        attempt.status,
        attempt.latency_ms,
        attempt.detail,
        attempt.again_at,
    ]
    with store_trouble():
        channels: set[bytes] = set()
        if gone:
            members = keys.user_channels(keys.partition_of(lane.user_id), lane.user_id)
            channels = await store.redis.smembers(members)
        answer = await store.scripts.run(
            "report",
            lane.partition,
            [
                lane.name,
                lane.lease,
                delivery_id,
                channel_id,
                attempt.at,
                attempt.outcome,
                attempt.detail,
                "" if attempt.again_at is None else attempt.again_at,
                json.dumps(line, separators=(",", ":")),
                REMEMBERED_MS,
                "" if hold_until is None else hold_until,
                "1" if gone else "",
                json.dumps(dict(settings or {})),
                LEASE_MS,
                "1" if slow else "",
                json.dumps(sorted(int(channel) for channel in channels)),
                origin(),
            ],
        )
    return int(answer) == 2


# For owners.


async def read_deliveries(
    store: Store, user: User, *, check_id: int | None = None, size: int, offset: int = 0
) -> tuple[list[Delivery], int]:
    """An account's or one of its checks' deliveries, newest first, and how many its log holds."""
    log = (
        keys.user_deliveries(user.partition, user.id)
        if check_id is None
        else keys.check_deliveries(user.partition, check_id)
    )
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.llen(log)
            pipe.lrange(log, offset, offset + size - 1)
            total, ids = await pipe.execute()
    return await _read(store, user, [raw.decode() for raw in ids]), int(total)


async def get_delivery(store: Store, user: User, delivery_id: str) -> Delivery:
    """One delivery of the account. Raises NotFound, also when it is no longer remembered."""
    _judge_id(delivery_id)
    found = await _read(store, user, [delivery_id])
    if not found:
        raise NotFound("no such delivery")
    return found[0]


async def resend(store: Store, user: User, delivery_id: str, *, now: int) -> None:
    """Queue a delivery that was given up again, with a day of attempts before it and the same idempotency key.

    Raises NotFound, NotDead.
    """
    _judge_id(delivery_id)
    with store_trouble():
        answer = await store.scripts.run("resend", user.partition, [user.id, delivery_id, now])
    match int(answer):
        case -1:
            raise NotFound("no such delivery")
        case -2:
            raise NotDead("Its channel is off or deleted: turn the channel on first.")
        case 0:
            raise NotDead("Only a delivery that was given up can be sent again.")


def _judge_id(delivery_id: str) -> None:
    # It becomes a part of a key: anything else might name a key of another kind.
    if not _ID.fullmatch(delivery_id):
        raise NotFound("no such delivery")


async def _read(store: Store, user: User, ids: Sequence[str]) -> list[Delivery]:
    if not ids:
        return []
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for delivery_id in ids:
                pipe.hgetall(keys.delivery(user.partition, delivery_id))
                pipe.lrange(keys.delivery_events(user.partition, delivery_id), 0, _EVENTS_SHOWN - 1)
            answers = await pipe.execute()
    found = []
    for delivery_id, raw, events in zip(ids, answers[::2], answers[1::2], strict=True):
        fields = to_hash(raw)
        # An account's number is asked for as well: a delivery's id can be guessed by a neighbour in the partition.
        if fields.get("user_id") == str(user.id):
            found.append(_delivery(delivery_id, fields, events))
    return found


def _delivery(delivery_id: str, fields: Mapping[str, str], events: Iterable[bytes]) -> Delivery:
    again = fields.get("again_at")
    return Delivery(
        id=delivery_id,
        channel_id=int(fields["channel_id"]),
        channels=tuple(int(number) for number in fields["channels"].split(",") if number),
        channel_name=fields["channel_name"],
        channel_kind=fields["channel_kind"],
        state=cast(State, fields["state"]),
        created_at=int(fields["created_at"]),
        count=int(fields["count"]),
        events=tuple(from_json(event.decode()) for event in events),
        attempts=tuple(Attempt(*json.loads(line)) for line in fields.get("log", "").splitlines()),
        again_at=int(again) if again else None,
    )
