"""What time does to checks: deadlines, calm after flapping, reminders; and the ticks that tell when we were blind."""

from collections.abc import Sequence
from dataclasses import dataclass

from ttr.domain.flapping import FlapRules
from ttr.domain.gaps import BLIND_AFTER_MS, Gap
from ttr.domain.schedule import Schedule
from ttr.noted import origin
from ttr.store import keys
from ttr.store.codec import schedule_from_fields
from ttr.store.many import run_many
from ttr.store.redis import Store, store_trouble

_GAPS_SHOWN = 20
_LEASE_MS = 2_000
# A flip is work for some 100 microseconds, and what a call costs besides is little beside a hundred of them.
_BATCH = 100
_LONGEST_MS = 3
"""Nobody else is served while a script runs: beyond that a look begins no further check. What it has written then goes
into the append-only file, which takes Redis half as long again: 5 ms in all."""
_ARMED_AT_ONCE = 50
"""Some 4 ms of Redis, which serves nobody between the commands of a pipeline."""


@dataclass(frozen=True, slots=True)
class Unarmed:
    """A check that missed a run below its alert threshold and waits for its next due time."""

    check_id: int
    leased_until: int
    due: int | None
    revision: str
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Swept:
    """What one look at a partition did."""

    blind: bool
    more: bool
    """Another look at once has more to do."""
    next_look: int | None
    """The earliest deadline, end of flapping or reminder."""
    changed: int
    delays: tuple[int, ...]
    """Of each deadline that had passed, ms until it was found."""
    unarmed: tuple[Unarmed, ...]


async def sweep(store: Store, partition: int, *, now: int, pings_accepted: int, flap: FlapRules) -> Swept:
    """Flip what is past its deadline in one partition, end the flapping of what has been calm, and remind; a batch at a
    time, of 100 of each at most, and less if those take Redis longer than 5 ms, by its own processor time.

    `pings_accepted` is the last moment at which a web process could surely take pings; while it lies more than
    BLIND_AFTER_MS back, nobody is declared overdue, and afterwards the deadlines inside that time are moved by it.
    """
    with store_trouble():
        answer = await store.scripts.run(
            "overdue",
            partition,
            [
                now,
                pings_accepted,
                BLIND_AFTER_MS,
                _BATCH,
                _LONGEST_MS,
                _LEASE_MS,
                flap.window_ms,
                flap.threshold,
                flap.suppression_ms,
                origin(),
            ],
        )
    if answer[0] == b"blind":
        return Swept(True, False, None, 0, (), ())
    return Swept(
        blind=False,
        more=answer[0] == b"more",
        next_look=int(float(answer[1])) if answer[1] else None,
        changed=int(answer[2]),
        delays=tuple(int(ms) for ms in answer[3].split(b",") if ms),
        unarmed=tuple(_unarmed(fields) for fields in answer[4:]),
    )


async def arm(store: Store, partition: int, check: Unarmed, due: int | None, *, now: int) -> None:
    """Give a check its next due time, or tell that it is down when there is none; does nothing if it was pinged, edited
    or paused meanwhile."""
    with store_trouble():
        await store.scripts.run("arm", partition, _arm_arguments(check, due, now))


async def arm_all(
    store: Store, partition: int, waiting: Sequence[tuple[Unarmed, int | None]], *, now: int
) -> None:
    """`arm` for many checks of a partition with their due times, 50 a round trip."""
    for start in range(0, len(waiting), _ARMED_AT_ONCE):
        some = waiting[start : start + _ARMED_AT_ONCE]
        with store_trouble():
            await run_many(store, "arm", partition, [_arm_arguments(check, due, now) for check, due in some])


async def tick_web(store: Store, now: int) -> None:
    """Say that this process can take pings: those of all accounts, so each node of a cluster must answer. Else checks
    would be overdue whose partition is well while their slug lies on the node that is gone."""
    with store_trouble():
        await store.redis.ping()
        async with store.redis.pipeline(transaction=False) as pipe:
            # A node that is cut off from the others answers a PING, and no more than that.
            for partition in range(keys.PARTITIONS):
                pipe.exists(keys.prefix(partition))
            await pipe.execute()
        await store.redis.set(keys.web_tick(), now)


async def tick_clock(store: Store, now: int) -> None:
    """Say that a pass over all partitions is done."""
    with store_trouble():
        await store.redis.set(keys.clock_tick(), now)


async def read_ticks(store: Store) -> tuple[int, int]:
    """The last ticks of the web and of the clock, 0 for never."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            web, clock = await pipe.get(keys.web_tick()).get(keys.clock_tick()).execute()
    return int(web or 0), int(clock or 0)


async def read_gaps(store: Store, partition: int) -> list[Gap]:
    """The last 20 times in which we were blind for a partition, newest first."""
    with store_trouble():
        found = await store.redis.zrange(keys.gaps(partition), 0, _GAPS_SHOWN - 1, desc=True)
    return unpack_gaps(found)


async def read_known_gaps(store: Store, most: int) -> list[Gap]:
    """The newest times in which we were blind for any partition, newest first; one that several know comes once."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for partition in range(keys.PARTITIONS):
                pipe.zrange(keys.gaps(partition), 0, most - 1, desc=True)
            found = {entry for entries in await pipe.execute() for entry in entries}
    return sorted(unpack_gaps(list(found)), key=lambda gap: gap[::-1], reverse=True)[:most]


async def read_clocks(store: Store) -> list[int]:
    """When a clock last looked at each partition while pings were accepted; 0 for never."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for partition in range(keys.PARTITIONS):
                pipe.hget(keys.clock(partition), "tick")
            return [int(float(tick)) if tick else 0 for tick in await pipe.execute()]


def unpack_gaps(entries: list[bytes]) -> list[Gap]:
    """Entries of `keys.gaps`, in their order."""
    pairs = (entry.split(b":") for entry in entries)
    return [(int(start), int(end)) for start, end in pairs]


def _arm_arguments(check: Unarmed, due: int | None, now: int) -> list[str | int]:
    return [check.check_id, check.leased_until, check.revision, "" if due is None else due, now, origin()]


def _unarmed(fields: list[bytes | None]) -> Unarmed:
    check_id, leased, due, revision, _, kind, expression, tz, interval, *_ = (
        (value or b"").decode() for value in fields
    )
    return Unarmed(
        check_id=int(check_id),
        leased_until=int(leased),
        due=int(due) if due else None,
        revision=revision,
        schedule=schedule_from_fields(kind, expression, tz, interval),
    )
