"""A check's changes of status, read back: page by page, and as the history that uptime is worked out from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from ttr.domain.check import Check, Status
from ttr.domain.flip import Flip
from ttr.domain.gaps import Gap
from ttr.domain.uptime import History, Kind
from ttr.store import keys
from ttr.store.deadlines import unpack_gaps
from ttr.store.errors import NotFound
from ttr.store.redis import Store, store_trouble


@dataclass(frozen=True, slots=True)
class FlipPage:
    """Some of a check's changes, newest first."""

    flips: list[Flip]
    before: int | None
    """The number to go on before; None when nothing older is kept."""
    total: int
    """How many changes there have been; the last 200 are kept."""
    kept_from: int
    """The lowest number that is kept here; 1 when there has been none."""


async def read_flips(store: Store, check: Check, *, size: int, before: int | None = None) -> FlipPage:
    """The newest `size` changes, or the newest of those numbered below `before`. Raises NotFound."""
    partition = keys.partition_of(check.user_id)
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.hmget(keys.check(partition, check.id), "id", "flip_number")
            pipe.lrange(keys.flips(partition, check.id), 0, -1)
            (found, number), entries = await pipe.execute()
    if found is None:
        raise NotFound("no such check")
    flips = unpack_flips(entries, number)
    total = flips[0].number if flips else 0
    older = [flip for flip in flips if before is None or flip.number < before]
    shown = older[:size]
    kept_from = flips[-1].number if flips else 1
    return FlipPage(shown, shown[-1].number if len(older) > size else None, total, kept_from)


async def read_history(store: Store, check: Check) -> History:
    """All that is kept of a check's statuses and of our gaps, of one moment. Raises NotFound."""
    partition = keys.partition_of(check.user_id)
    with store_trouble():
        # In one transaction: a change between the reads would count a stretch twice or not at all.
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.hmget(keys.check(partition, check.id), "created_at", "status", "status_since", "flip_number")
            pipe.lrange(keys.flips(partition, check.id), 0, -1)
            pipe.hgetall(keys.days(partition, check.id))
            pipe.zrange(keys.gaps(partition), 0, -1)
            pipe.hget(keys.clock(partition), "tick")
            (created_at, status, since, number), entries, days, gaps, tick = await pipe.execute()
    if created_at is None:
        raise NotFound("no such check")
    return unpack_history(created_at, status, since, number, entries, days, unpack_watch(gaps, tick))


def unpack_history(
    created_at: bytes,
    status: bytes,
    since: bytes,
    number: bytes | None,
    entries: list[bytes],
    days: Mapping[bytes, bytes],
    watch: tuple[Sequence[Gap], int | None],
) -> History:
    """The history in a check's fields `created_at`, `status`, `status_since` and `flip_number`, its flips and days, and
    its partition's `unpack_watch`, all read in one step."""
    return History(
        created_at=int(created_at),
        status=cast(Status, status.decode()),
        since=int(since),
        flips=unpack_flips(entries, number),
        days={_day(field): int(ms) for field, ms in days.items()},
        gaps=watch[0],
        watched=watch[1],
    )


def unpack_watch(gaps: list[bytes], tick: bytes | None) -> tuple[Sequence[Gap], int | None]:
    """A partition's gaps, and when a clock last looked there, None for never."""
    return unpack_gaps(gaps), int(tick) if tick else None


def unpack_flips(entries: list[bytes], number: bytes | None) -> list[Flip]:
    """The entries, which are the newest without a hole: only the newest one's number is stored."""
    newest = max(int(number or 0), len(entries))
    return [unpack_flip(entry, newest - i) for i, entry in enumerate(entries)]


def unpack_flip(entry: bytes, number: int) -> Flip:
    """One entry, whose number is stored elsewhere."""
    at, old, new, lasted, reason, detail = entry.decode("utf-8", "replace").split("|", 5)
    return Flip(number, int(at), cast(Status, old), cast(Status, new), int(lasted), reason, detail)


def _day(field: bytes) -> tuple[int, Kind]:
    day, _, kind = field.decode().partition(":")
    return int(day), cast(Kind, kind)
