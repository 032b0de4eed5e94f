"""The checks that stand on status pages: read for many pages at once, in a few round trips however many there are."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from ttr.domain import limits
from ttr.domain.check import Status
from ttr.domain.status_page import StatusPage, StatusPageSettings, arrange
from ttr.store import keys
from ttr.store.published import tagged_checks
from ttr.store.redis import Store, store_trouble
from ttr.store.status_pages import checks_there
from ttr.store.users import User

_FIELDS = ("id", "uuid", "name", "status", "last_ping", "last_duration_ms")
_AT_ONCE = 500
"""Checks read in one round trip: so many take 13 ms of the process, which must not keep pings waiting for longer."""
WHOLE_MOST = 10_000
"""Checks of an account whose names are read all at once: of 100,000 they held Redis for 100 ms, the process for 300."""


@dataclass(frozen=True, slots=True)
class Member:
    """What a status page says of one of its checks. Times are milliseconds UTC; None where nothing happened yet."""

    id: int
    uuid: str
    name: str
    status: Status
    last_ping: int | None
    last_duration_ms: int | None


@dataclass(frozen=True, slots=True)
class Membership:
    """A page's settings without the checks that are gone, and the checks it shows, in its order."""

    settings: StatusPageSettings
    members: tuple[Member, ...]


async def read_members(store: Store, user: User, pages: Sequence[StatusPage]) -> list[Membership]:
    """What each of the pages shows: the checks chosen one by one and those by tag, up to STATUS_PAGE_CHECKS_MAX.

    Four round trips, and one more for each 500 checks beyond the first 500; in an account of more than 10,000 checks
    three for each tag and one or two for each 100 of its checks.
    """
    wanted = dict.fromkeys(check for page in pages for check in page.settings.check_ids)
    there = await checks_there(store, user, list(wanted))
    tagged = await _tagged(store, user, dict.fromkeys(tag for page in pages for tag in page.settings.tags))
    kept = [page.settings.with_checks_of(there) for page in pages]
    shown = [_shown(settings, tagged) for settings in kept]
    found = await _read(store, user, list(dict.fromkeys(check for checks in shown for check in checks)))
    return [
        Membership(settings, tuple(found[check] for check in checks if check in found))
        for settings, checks in zip(kept, shown, strict=True)
    ]


def _shown(settings: StatusPageSettings, tagged: Mapping[str, Sequence[int]]) -> list[int]:
    groups = arrange(settings.entries, tagged)
    return [check for group in groups for check in group.checks][: limits.STATUS_PAGE_CHECKS_MAX]


async def _tagged(store: Store, user: User, tags: Collection[str]) -> dict[str, list[int]]:
    """The checks that carry each tag, by name, in a large account as many as a page shows; a tag that no check carries
    is left out."""
    if not tags:
        return {}
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.hmget(keys.user_tags(user.partition, user.id), list(tags))
            pipe.zcard(keys.by_name(user.partition, user.id))
            found, checks_in_all = await pipe.execute()
        numbers = {tag: int(number) for tag, number in zip(tags, found, strict=True) if number is not None}
        if not numbers:
            return {}
        if checks_in_all > WHOLE_MOST:
            # In steps, as many as a page shows.
            return {tag: (await tagged_checks(store, user, tag, now=0))[0] for tag in numbers}
        async with store.redis.pipeline(transaction=False) as pipe:
            # The whole index costs less than the names of a large tag's checks one by one.
            pipe.zrange(keys.by_name(user.partition, user.id), 0, -1)
            for number in numbers.values():
                pipe.smembers(keys.tag_checks(user.partition, user.id, number))
            names, *carriers = await pipe.execute()
    place = {int(member.rpartition(b"\0")[2]): at for at, member in enumerate(names)}

    def by_name(checks: Iterable[bytes]) -> list[int]:
        return sorted(map(int, checks), key=lambda check: (place.get(check, len(place)), check))

    return {tag: by_name(checks) for tag, checks in zip(numbers, carriers, strict=True)}


async def _read(store: Store, user: User, checks: Sequence[int]) -> dict[int, Member]:
    """What the pages say of these checks; one that went in between is left out."""
    found: dict[int, Member] = {}
    for start in range(0, len(checks), _AT_ONCE):
        with store_trouble():
            async with store.redis.pipeline(transaction=False) as pipe:
                for check in checks[start : start + _AT_ONCE]:
                    pipe.hmget(keys.check(user.partition, check), _FIELDS)
                answers = await pipe.execute()
        members = (_member(fields) for fields in answers if fields[0] is not None)
        found |= {member.id: member for member in members}
    return found


def _member(fields: Sequence[bytes | None]) -> Member:
    number, uuid, name, status, last_ping, last_duration = (
        (field or b"").decode("utf-8", "replace") for field in fields
    )
    return Member(
        id=int(number),
        uuid=uuid,
        name=name,
        status=cast(Status, status),
        last_ping=int(last_ping) if last_ping else None,
        last_duration_ms=int(last_duration) if last_duration else None,
    )
