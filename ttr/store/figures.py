"""What the whole installation holds, added up over its accounts, which keep count of what they have."""

from dataclasses import dataclass, fields

from ttr.domain.gaps import Gap, blind_ms
from ttr.store import keys
from ttr.store.check_list import STATUS_RANGES
from ttr.store.deadlines import unpack_gaps
from ttr.store.redis import Store, store_trouble

_DAY_MS = 86_400_000
_KNOWN_MS = 100 * _DAY_MS
_ACCOUNTS_A_TRIP = 200
"""Nine small answers each: 1,800 commands, some 2 ms of Redis at a time."""


@dataclass(frozen=True, slots=True)
class Sums:
    """How many of what there are in all accounts. The four statuses add up to `checks`; the late ones are up or new.

    Each account is counted at one moment of its own while the others go on.
    """

    accounts: int = 0
    active: int = 0
    """Accounts that have a check."""
    checks: int = 0
    down: int = 0
    new: int = 0
    up: int = 0
    paused: int = 0
    late: int = 0
    running: int = 0
    channels: int = 0
    status_pages: int = 0
    alerts_waiting: int = 0
    """Events that wait for a channel."""

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Sums)))


@dataclass(frozen=True, slots=True)
class Watch:
    """How the clock does: its last tick (ms, 0 for never), the newest time in which we were blind for a partition, how
    many such times are known where most are, and whether deadlines are still being moved because of one."""

    tick: int
    gap: Gap | None
    gaps: int
    moving: bool


@dataclass(frozen=True, slots=True)
class Blind:
    """For how long we were blind for any partition, ms, of the last day and of the 100 days that are known; and how
    often in these, where most are."""

    day_ms: int = 0
    known_ms: int = 0
    times: int = 0


async def add_up(store: Store, *, now: int) -> Sums:
    """The sums as of `now` (ms): one walk over the accounts, in small steps; what checks there are costs nothing."""
    with store_trouble():
        last = int(await store.redis.get(keys.sequence("user")) or 0)
    found = Sums()
    for first in range(1, last + 1, _ACCOUNTS_A_TRIP):
        found += await _some(store, range(first, min(first + _ACCOUNTS_A_TRIP, last + 1)), now)
    return found


async def waiting_addresses(store: Store) -> int:
    """Addresses with unfinished deliveries."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for partition in range(keys.PARTITIONS):
                pipe.zcard(keys.lanes(partition))
            return sum(await pipe.execute())


async def read_watch(store: Store) -> Watch:
    """How the clock does."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.get(keys.clock_tick())
            for partition in range(keys.PARTITIONS):
                pipe.zcard(keys.gaps(partition))
                pipe.zrange(keys.gaps(partition), 0, 0, desc=True)
                pipe.llen(keys.pending_gaps(partition))
            tick, *answers = await pipe.execute()
    newest = unpack_gaps([entry for found in answers[1::3] for entry in found])
    return Watch(
        tick=int(tick or 0),
        gap=max(newest, key=lambda gap: gap[1], default=None),
        gaps=max(answers[0::3]),
        moving=any(answers[2::3]),
    )


async def read_blind(store: Store, *, now: int) -> Blind:
    """How blind we were. Each partition keeps its own times; those of one silence differ by what a look takes, and
    count once where they overlap."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for partition in range(keys.PARTITIONS):
                pipe.zrange(keys.gaps(partition), now - _KNOWN_MS, "+inf", byscore=True)
            answers = await pipe.execute()
    gaps = unpack_gaps(list({entry for entries in answers for entry in entries}))
    return Blind(blind_ms(gaps, now - _DAY_MS), blind_ms(gaps, now - _KNOWN_MS), max(map(len, answers)))


async def _some(store: Store, numbers: range, now: int) -> Sums:
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for number in numbers:
                at = (keys.partition_of(number), number)
                pipe.hmget(keys.user(*at), "user_slug", "queued")
                for status in ("down", "new", "up", "paused"):
                    pipe.zcount(keys.by_status(*at), *STATUS_RANGES[status])
                pipe.zcount(keys.by_due(*at), "-inf", now)
                pipe.scard(keys.running(*at))
                pipe.scard(keys.user_channels(*at))
                pipe.hlen(keys.page_slugs(*at))
            answers = await pipe.execute()
    found = Sums()
    for first in range(0, len(answers), 9):
        (slug, queued), down, new, up, paused, late, running, channels, pages = answers[first : first + 9]
        if slug is not None:  # else it is deleted, or being deleted
            found += Sums(
                accounts=1,
                active=int(down + new + up + paused > 0),
                checks=down + new + up + paused,
                down=down,
                new=new,
                up=up,
                paused=paused,
                late=late,
                running=running,
                channels=channels,
                status_pages=pages,
                alerts_waiting=int(queued or 0),
            )
    return found
