"""What waits to be delivered, whoever's: by partition, and the rates of the destinations that it waits for."""

from dataclasses import dataclass

from ttr.domain.rate import RateRules
from ttr.store import keys
from ttr.store.rates import read_rates
from ttr.store.redis import Store, store_trouble

LANES_MOST = 20
"""Lanes of a partition whose destinations are looked at, those due first: 320 in all."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in a partition."""

    partition: int
    undispatched: int
    """Alerts that no dispatcher has taken yet."""
    lanes: int
    """Addresses with unfinished deliveries."""
    oldest_due: int | None
    """When the first of them is due, or the lease of the worker that sends to it lapses, ms."""

    @property
    def waits(self) -> bool:
        """Whether anything does."""
        return bool(self.undispatched or self.lanes)


@dataclass(frozen=True, slots=True)
class WaitingFor:
    """A destination that somebody's messages wait for."""

    destination: str
    """Its kind and a hash of its secret."""
    accounts: tuple[int, ...]
    lanes: int
    failing: bool
    """Whether a last message could not be delivered, or took long."""
    rate: dict[str, object]
    """As `ttr/domain/rate.py` shows it."""


async def read_backlog(store: Store) -> list[Backlog]:
    """Each partition, in one round trip."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for partition in range(keys.PARTITIONS):
                pipe.xlen(keys.outbox(partition))
                pipe.zcard(keys.lanes(partition))
                pipe.zrange(keys.lanes(partition), 0, 0, withscores=True)
            answers = await pipe.execute()
    return [
        Backlog(
            partition,
            int(answers[3 * partition]),
            int(answers[3 * partition + 1]),
            int(first[0][1]) if (first := answers[3 * partition + 2]) else None,
        )
        for partition in range(keys.PARTITIONS)
    ]


async def read_waiting(store: Store, rules: RateRules, now: int) -> list[WaitingFor]:
    """Destinations of the lanes that are due first, the worst of them first: backing off longest, then most messages
    in line, then slowest. Three round trips.
    """
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for partition in range(keys.PARTITIONS):
                pipe.zrange(keys.lanes(partition), 0, LANES_MOST - 1)
            lanes = [
                (partition, lane.decode())
                for partition, some in enumerate(await pipe.execute())
                for lane in some
            ]
        async with store.redis.pipeline(transaction=False) as pipe:
            for place in lanes:
                pipe.hmget(keys.lane(*place), "user_id", "destination", "last_status")
            facts = await pipe.execute()
    by_destination: dict[str, list[tuple[int, bool]]] = {}
    for user, destination, last in facts:
        if user and destination:
            by_destination.setdefault(destination.decode(), []).append((int(user), last == b"error"))
    rates = await read_rates(store, rules, list(by_destination), now)
    found = [
        WaitingFor(
            destination,
            tuple(sorted({user for user, _ in some})),
            len(some),
            any(failing for _, failing in some),
            rate,
        )
        for (destination, some), rate in zip(by_destination.items(), rates, strict=True)
    ]
    return sorted(found, key=_badness, reverse=True)


def _badness(one: WaitingFor) -> list[float]:
    rate = one.rate
    numbers = (rate["backoff_seconds_remaining"], rate["waiting"], one.failing)
    return [*map(_number, numbers), -_number(rate["current_rps"])]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0


async def due_since(store: Store) -> int | None:
    """Since when (ms) the oldest alert is due with nobody attending to it: waiting for a dispatcher, or for a worker.

    In the future for what is tried later, or is being sent; None when there is nothing.
    """
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for partition in range(keys.PARTITIONS):
                pipe.xrange(keys.outbox(partition), count=1)
                pipe.zrange(keys.lanes(partition), 0, 0, withscores=True)
            answers = await pipe.execute()
    undispatched = [int(entry_id.split(b"-")[0]) for found in answers[0::2] for entry_id, _ in found]
    return min([*undispatched, *(int(due) for found in answers[1::2] for _, due in found)], default=None)
