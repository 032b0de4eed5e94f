"""Lists of an account's checks: sorted, filtered, a page at a time both ways, read from indexes alone.

The indexes are kept by the scripts that change checks (`scripts/lua/includes/index.lua`); no list reads more checks
than it shows.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ttr.domain.check import Check, Tag
from ttr.domain.folding import fold
from ttr.store import keys
from ttr.store.codec import check_from_hash, pairs_to_hash
from ttr.store.redis import Store, store_trouble
from ttr.store.users import User

SortBy = Literal[
    "id", "name", "created_at", "uuid", "deadline", "last_ping", "status", "last_duration_seconds"
]
SORTS: tuple[SortBy, ...] = get_args(SortBy)
"""What a list may be sorted by."""

_INDEXES: dict[SortBy, str] = {
    "id": "checks",
    "name": "name",
    "created_at": "checks",  # numbers grow with the time, so one order is the other
    "uuid": "uuid",
    "deadline": "deadline",
    "last_ping": "last_ping",
    "status": "status",
    "last_duration_seconds": "last_duration",
}

_RANKS = ("down", "new", "up", "paused")
_RANK_STEP = 2**43
STATUS_RANGES = {
    status: (rank * _RANK_STEP, f"({(rank + 1) * _RANK_STEP}") for rank, status in enumerate(_RANKS)
}
"""Where the checks of a status lie in `keys.by_status`, as ZCOUNT takes it."""
STATUSES = ("new", "up", "down", "paused", "late", "running")
"""What a list may be filtered by: a check has one of the first four, and may be late or running besides."""

_FEW, _MANY = 300, 1_000
"""Checks that a narrow filter lets pass are gathered, up to 4 us each, if they are few; with a wider one a walk mostly
fills a page sooner. When one call of 1,000 did not, more are gathered rather than walked on for long."""
_NUMBER_MOST = 9_999_999_998
"""Check numbers have ten digits in an index."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which checks a list shows: those that each part lets pass. A part that is empty lets all pass."""

    tags: tuple[str, ...] = ()
    """Names; a check carries all of them, or with `any_tag` one. A tag that no check carries lets none pass."""
    any_tag: bool = False
    statuses: tuple[str, ...] = ()
    """Of `STATUSES`; one of them."""
    words: tuple[str, ...] = ()
    """Each is somewhere in the name, the slug or a tag, whatever its case."""


@dataclass(frozen=True, slots=True)
class Place:
    """A page's edge. It keeps its place in the order when its check has moved or is gone."""

    value: str
    """What is sorted by, as the index has it: a folded name, or a number, "inf" for none."""
    number: int
    """The check's, by which equal values go."""


@dataclass(frozen=True, slots=True)
class CheckPage:
    """Some of an account's checks in order; `version` grows with every change the account can see."""

    version: int
    total: int
    """All checks of the account, whatever the filter."""
    checks: list[Check]
    before: Place | None
    """The page's first edge; None when nothing lies before it."""
    after: Place | None
    """The page's last edge; None when nothing lies behind it."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many checks an account has and what they do; the four statuses add up to `total`."""

    total: int
    new: int
    up: int
    down: int
    paused: int
    late: int
    running: int
    tags: int
    mean_interval_seconds: float | None
    """Of the checks with an interval; None without any."""
    mean_duration_seconds: float | None
    """Of the last runs of the checks; None when none has ended one."""
    queued: int
    """Events that wait for a channel."""


async def list_checks(
    store: Store,
    user: User,
    *,
    sort: SortBy = "id",
    descending: bool = True,
    filter: Filter = Filter(),
    size: int,
    place: Place | None = None,
    backward: bool = False,
    now: int,
) -> CheckPage:
    """Up to `size` checks beyond `place` or, `backward`, those nearest before it; without one, the first or last ones.

    Checks come in the order asked for both ways: by `sort`, equal values by number in the same
    direction, empty ones always last. `now` (ms) is for who is late. One round trip, with words two; more when each
    part of the filter lets many pass and all of it few: a check that moves meanwhile may then be missed.
    """
    words = tuple(folded for word in filter.words if (folded := fold(word)))
    begins = None if place is None else _beside(place, descending == backward)
    page, most = place, size + 1  # one more tells whether anything lies behind the page
    other, looks = begins, place is not None
    behind = False
    head: tuple[int, int] | None = None
    found: dict[int, tuple[str, dict[str, str]]] = {}
    with store_trouble():
        gathered = _FEW
        ids = await _find(store, user, words, gathered)
        while most or looks:
            answer = await store.scripts.run(
                "list_checks",
                user.partition,
                [
                    *(user.id, _INDEXES[sort], _flag(descending), "-1" if backward else "1"),
                    *(most, *_edge(page, sort), _flag(looks), *_edge(other, sort)),
                    *(json.dumps(filter.tags), _flag(filter.any_tag), json.dumps(filter.statuses), now),
                    *(json.dumps(words), "" if ids is None else json.dumps(ids), gathered),
                ],
            )
            head = head or (int(answer[0]), int(answer[1]))
            for value, pairs in zip(answer[4::2], answer[5::2], strict=True):
                fields = pairs_to_hash(pairs)
                found.setdefault(int(fields["id"]), (value.decode(), fields))
            page, other = _place(answer[2]), _place(answer[3])
            most = size + 1 - len(found) if page else 0
            behind, looks = behind or answer[3] == b"1", other is not None
            if (most or looks) and gathered == _FEW:
                gathered = _MANY
                ids = await _find(store, user, words, gathered) if ids is None else ids
    shown = list(found.items())[:size]
    checks = [check_from_hash(fields) for _, (_, fields) in shown]
    edges = [Place(value, number) for number, (value, _) in shown]
    near = (edges[0] if edges else begins) if behind else None
    far = edges[-1] if len(found) > size else None
    version, total = head or (0, 0)
    if backward:
        return CheckPage(version, total, checks[::-1], far, near)
    return CheckPage(version, total, checks, near, far)


async def list_version(store: Store, user: User, *, now: int) -> str:
    """A word that changes whenever anything in any of the account's lists does.

    What is written counts the account's version up. Without a write checks only become late (`now` in ms), and how
    many are tells which.
    """
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.hget(keys.user(user.partition, user.id), "version")
            pipe.zcount(keys.by_due(user.partition, user.id), "-inf", now)
            version, late = await pipe.execute()
    return f"{int(version or 0)}.{late}"


async def check_counts(store: Store, user: User, *, now: int) -> Counts:
    """What the account's checks do as of `now` (ms), in one round trip."""
    return await counts_of(store, user.id, now=now)


async def counts_of(store: Store, user_id: int, *, now: int) -> Counts:
    """The same for the account with this number."""
    at = (keys.partition_of(user_id), user_id)
    fields = ("interval_count", "interval_sum", "duration_count", "duration_sum", "queued")
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.zcard(keys.user_checks(*at))
            for status in _RANKS:
                pipe.zcount(keys.by_status(*at), *STATUS_RANGES[status])
            pipe.zcount(keys.by_due(*at), "-inf", now)
            pipe.scard(keys.running(*at))
            pipe.hlen(keys.user_tags(*at))
            pipe.hmget(keys.user(*at), fields)
            total, down, new, up, paused, late, running, tags, sums = await pipe.execute()
    intervals, interval_sum, durations, duration_sum, queued = (int(text or 0) for text in sums)
    return Counts(
        total=total,
        new=new,
        up=up,
        down=down,
        paused=paused,
        late=late,
        running=running,
        tags=tags,
        mean_interval_seconds=interval_sum / intervals if intervals else None,
        mean_duration_seconds=duration_sum / durations / 1_000 if durations else None,
        queued=queued,
    )


async def list_tags(store: Store, user: User, *, most: int | None = None) -> list[tuple[Tag, int]]:
    """The account's tags by name, or the first so many of them, with how many checks carry each."""
    with store_trouble():
        found = await store.redis.hgetall(keys.user_tags(user.partition, user.id))
        tags = [Tag(int(number), name.decode("utf-8", "replace")) for name, number in found.items()]
        tags = sorted(tags, key=lambda tag: (fold(tag.name), tag.name))[:most]
        async with store.redis.pipeline(transaction=False) as pipe:
            for tag in tags:
                pipe.scard(keys.tag_checks(user.partition, user.id, tag.id))
            counts = await pipe.execute()
    # A tag of whose checks the last went in between is gone with it.
    return [(tag, count) for tag, count in zip(tags, counts, strict=True) if count]


async def _find(store: Store, user: User, words: tuple[str, ...], most: int) -> list[str] | None:
    """The ids of checks in which each of the words is; None without words, or when more than `most` are."""
    found: set[bytes] = set()
    cursor: bytes | str = "0"
    while words and cursor != b"0":
        cursor, *ids = await store.scripts.run(
            "find_checks", user.partition, [user.id, json.dumps(words), cursor, most + 1]
        )
        found.update(ids)
        if cursor == b"many" or len(found) > most:
            return None
    return [check_id.decode() for check_id in found] if words else None


def _beside(place: Place, higher: bool) -> Place:
    """The place next to a check's own, from which a walk the other way begins with that check."""
    return Place(place.value, place.number + (1 if higher else -1))


def _edge(place: Place | None, sort: str) -> tuple[str, str | int]:
    if place is None:
        return "", ""
    value = place.value if sort == "name" else place.value or "inf"
    return value, max(0, min(place.number, _NUMBER_MOST))


def _place(answer: Any) -> Place | None:
    return Place(answer[0].decode(), int(answer[1])) if isinstance(answer, list) else None


def _flag(value: bool) -> str:
    return "1" if value else "0"
