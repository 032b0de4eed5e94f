"""Deliveries: one event for one channel, handed out under a lease, claimed, sent, reported.

The truth about a delivery is here; the job queue only carries its number to a worker.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ttr.domain.alert import Event, from_json
from ttr.store import keys
from ttr.store.redis import Store, store_trouble

HANDED_LEASE_MS = 10_000
"""How long a handed-out delivery waits for a worker before it is due again."""
SENDING_LEASE_MS = 15_000
"""Longer than the 10 s that a send may take: a lapse means that the worker died."""
REMEMBERED_MS = 86_400_000
"""How long a finished delivery is kept: a report that comes late must find that it is done."""
ACCOUNT_SHARE = 50
"""Deliveries of one account in a slice of 100."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A delivery on its way to a worker; the token is what the worker shows to claim it."""

    delivery_id: str
    token: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this worker alone may send now."""

    event: Event
    attempt: int
    created_at: int
    channel_id: int
    kind: str
    settings: Mapping[str, str]
    sealed_secret: str
    data_key: str


async def look(store: Store) -> list[tuple[int, int | None]]:
    """Per partition, in one round trip: entries in the outbox, and when the earliest delivery is due."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for partition in range(keys.PARTITIONS):
                pipe.xlen(keys.outbox(partition))
                pipe.zrange(keys.deliveries(partition), 0, 0, withscores=True)
            answers = await pipe.execute()
    return [
        (int(answers[i]), int(answers[i + 1][0][1]) if answers[i + 1] else None)
        for i in range(0, len(answers), 2)
    ]


async def hand_out(
    store: Store, partition: int, *, now: int, most: int, failing: bool = False
) -> list[Handed]:
    """Lease up to `most` due deliveries: to channels whose last send failed, or to all others."""
    arguments = [now, most, HANDED_LEASE_MS, ACCOUNT_SHARE, "1" if failing else "0"]
    with store_trouble():
        answer = await store.scripts.run("hand_out", partition, arguments)
    return [Handed(delivery_id.decode(), int(token)) for delivery_id, token in answer]


async def claim(store: Store, partition: int, handed: Handed, now: int) -> Claimed | None:
    """The delivery to send, or None: somebody else has it, it is done, or its channel is off."""
    with store_trouble():
        answer = await store.scripts.run(
            "claim",
            partition,
            [handed.delivery_id, handed.token, now, SENDING_LEASE_MS, REMEMBERED_MS],
        )
    if not answer:
        return None
    event, attempt, created_at, channel_id, kind, settings, secret, data_key = answer
    return Claimed(
        event=from_json(event.decode()),
        attempt=int(attempt),
        created_at=int(created_at),
        channel_id=int(channel_id),
        kind=kind.decode(),
        settings=json.loads(settings),
        sealed_secret=secret.decode(),
        data_key=data_key.decode(),
    )


async def report(
    store: Store,
    partition: int,
    handed: Handed,
    *,
    now: int,
    delivered: bool,
    detail: str,
    again_at: int | None,
) -> bool:
    """Write down what became of a send; `again_at` None ends it. False: it was not ours any more."""
    with store_trouble():
        answer = await store.scripts.run(
            "report",
            partition,
            [
                handed.delivery_id,
                handed.token,
                now,
                "delivered" if delivered else "failed",
                detail,
                "" if again_at is None else again_at,
                REMEMBERED_MS,
            ],
        )
    return bool(answer)
