"""The lists of checks once more, in plain Python: what a page must hold, from the hashes of all checks. No index."""

from dataclasses import dataclass
from functools import cmp_to_key

from ttr.domain.check import Check
from ttr.domain.folding import fold
from ttr.store import keys
from ttr.store.check_list import Filter, Place
from ttr.store.codec import check_from_hash
from ttr.store.redis import Store
from ttr.store.users import User

RANKS = {"down": 0, "new": 1, "up": 2, "paused": 3}
STEP = 2**43

Value = int | bytes | None
Item = tuple[Value, int]


@dataclass(frozen=True)
class Wanted:
    """A page."""

    numbers: list[int]
    before: Place | None
    after: Place | None


async def read_all(store: Store, user: User) -> list[Check]:
    """Every check of the account."""
    numbers = await store.redis.zrange(keys.user_checks(user.partition, user.id), 0, -1)
    async with store.redis.pipeline(transaction=False) as pipe:
        for number in numbers:
            pipe.hgetall(keys.check(user.partition, int(number)))
        hashes = await pipe.execute()
    return [check_from_hash({name.decode(): text.decode() for name, text in raw.items()}) for raw in hashes]


def value_of(check: Check, sort: str) -> Value:
    """What a check is sorted by; None when it has no such value."""
    values: dict[str, Value] = {
        "id": check.id,
        "created_at": check.id,
        "name": fold(check.name).encode(),
        "uuid": int(check.uuid.replace("-", "")[:12], 16),
        "deadline": check.deadline,
        "last_ping": check.last_ping,
        "last_duration_seconds": check.last_duration_ms,
        "status": RANKS[check.status] * STEP + STEP - 1 - check.status_since,
    }
    return values[sort]


def passes(check: Check, wanted: Filter, now: int) -> bool:
    """Whether a filter shows a check."""
    if wanted.tags:
        carried = [name in check.settings.tags for name in wanted.tags]
        if not (any(carried) if wanted.any_tag else all(carried)):
            return False
    if wanted.statuses:
        held = {check.status, "late" if check.late_at(now) else "", "running" if check.running else ""}
        if not held & set(wanted.statuses):
            return False
    texts = [fold(text) for text in (check.name, check.settings.slug or "", *check.settings.tags)]
    return all(any(fold(word) in text for text in texts) for word in wanted.words)


def _order(one: Item, two: Item, descending: bool) -> int:
    if one == two:
        return 0
    if (one[0] is None) != (two[0] is None):
        return 1 if one[0] is None else -1
    first = one[1] < two[1] if one[0] == two[0] else one[0] < two[0]  # type: ignore[operator]
    return -1 if first != descending else 1


def wanted_page(
    checks: list[Check],
    *,
    sort: str,
    descending: bool,
    wanted: Filter,
    size: int,
    place: Place | None,
    backward: bool,
    now: int,
) -> Wanted:
    """The page that a list must give."""

    def order(one: Item, two: Item) -> int:
        return _order(one, two, descending)

    found: list[Item] = [(value_of(check, sort), check.id) for check in checks if passes(check, wanted, now)]
    found.sort(key=cmp_to_key(order))
    if place is None:
        cut = len(found) if backward else 0
    else:
        at = _value_in(place, sort), place.number
        side = [order(item, at) for item in found]
        cut = sum(way < 0 for way in side) if backward else sum(way <= 0 for way in side)
    start, stop = (max(0, cut - size), cut) if backward else (cut, min(len(found), cut + size))
    shown = found[start:stop]
    before = after = place
    if shown:
        before, after = (_place(shown[i], sort) for i in (0, -1))
    return Wanted(
        [number for _, number in shown], before if start else None, after if stop < len(found) else None
    )


def _value_in(place: Place, sort: str) -> Value:
    if sort == "name":
        return place.value.encode()
    return None if place.value == "inf" else int(place.value)


def _place(item: Item, sort: str) -> Place:
    value, number = item
    if isinstance(value, bytes):
        return Place(value.decode(), number)
    return Place("inf" if value is None else str(value), number)
