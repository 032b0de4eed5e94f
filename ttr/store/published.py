"""What status pages are made of, read for everybody: by public address, and a page's checks in a few round trips."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from ttr.domain.check import Check
from ttr.domain.limits import STATUS_PAGE_CHECKS_MAX
from ttr.domain.status_page import StatusPage
from ttr.domain.uptime import History
from ttr.store import keys
from ttr.store.check_list import Filter, list_checks
from ttr.store.codec import check_from_hash, to_hash
from ttr.store.errors import NotFound
from ttr.store.flips import unpack_history, unpack_watch
from ttr.store.ping_log import PingEntry, unpack
from ttr.store.redis import Store, store_trouble
from ttr.store.status_pages import from_hash, list_status_pages
from ttr.store.users import User, user_by_id

_SLICE = 25
"""Checks of one round trip: some 3 ms in which Redis does nothing else, with 200 changes of status each."""
_TAGGED = 100
"""Checks that one call looks up for a tag."""
_PINGS = 6
"""Entries of a check's log in which the newest three that say something are looked for."""


@dataclass(frozen=True, slots=True)
class Record:
    """A check with its history and its newest pings, all of one moment."""

    check: Check
    history: History
    pings: Iterator[PingEntry]
    """Newest first, unpacked one by one."""


async def find_account(store: Store, slug: str) -> User:
    """The account whose public slug or ping slug this is. Raises NotFound.

    Where it is one account's public slug and another's ping slug, it means the first: nobody can put a page of his own
    below somebody else's name. A former ping slug is for pings alone.
    """
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.get(keys.public_slug(slug))
            pipe.get(keys.user_slug(slug))
            public, private = await pipe.execute()
    # A claim outlives its slug for a while; the account itself says which it has.
    if public is not None and (user := await user_by_id(store, int(public))) and user.public_slug == slug:
        return user
    if private is not None and (user := await user_by_id(store, int(private))) and user.user_slug == slug:
        return user
    raise NotFound("no such account")


async def find_page(store: Store, slug: str, page_slug: str) -> tuple[User, StatusPage]:
    """The page at `/s/<slug>/<page_slug>`, whoever may see it. Raises NotFound."""
    user = await find_account(store, slug)
    with store_trouble():
        number = await store.redis.hget(keys.page_slugs(user.partition, user.id), page_slug)
        raw = number and await store.redis.hgetall(keys.status_page(user.partition, int(number)))
    if not raw:
        raise NotFound("no such page")
    return user, from_hash(to_hash(raw))


async def public_pages(store: Store, user: User) -> list[StatusPage]:
    """The account's pages that are listed, by name."""
    pages = await list_status_pages(store, user)
    return sorted(
        (page for page in pages if page.settings.visibility == "public"),
        key=lambda page: (page.name.casefold(), page.id),
    )


async def page_version(store: Store, user_id: int) -> tuple[int | None, int]:
    """The account's version, None when it is gone, and when a clock last looked for overdue checks (ms)."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.hmget(keys.user(keys.partition_of(user_id), user_id), "version", "user_slug")
            pipe.get(keys.clock_tick())
            (version, living), tick = await pipe.execute()
    return (None if living is None else int(version or 0)), int(tick or 0)


async def tagged_checks(store: Store, user: User, tag: str, *, now: int) -> tuple[list[int], int]:
    """The checks that carry a tag, by name, as many as a page shows; and how many carry it."""
    found: list[int] = []
    place = None
    while len(found) < STATUS_PAGE_CHECKS_MAX:
        listed = await list_checks(
            store,
            user,
            sort="name",
            descending=False,
            filter=Filter(tags=(tag,)),
            size=_TAGGED,
            place=place,
            now=now,
        )
        found += [check.id for check in listed.checks]
        place = listed.after
        if place is None:
            break
    with store_trouble():
        number = await store.redis.hget(keys.user_tags(user.partition, user.id), tag)
        count = (
            await store.redis.scard(keys.tag_checks(user.partition, user.id, int(number))) if number else 0
        )
    return found[:STATUS_PAGE_CHECKS_MAX], int(count)


async def read_records(store: Store, user: User, checks: Sequence[int]) -> AsyncIterator[Record]:
    """The account's checks with these numbers, in this order; those that are gone are left out."""
    partition = user.partition
    for first in range(0, len(checks), _SLICE):
        wanted = checks[first : first + _SLICE]
        with store_trouble():
            # In one transaction: a change between the reads would count a stretch twice or not at all.
            async with store.redis.pipeline(transaction=True) as pipe:
                pipe.zrange(keys.gaps(partition), 0, -1)
                pipe.hget(keys.clock(partition), "tick")
                for check_id in wanted:
                    pipe.hgetall(keys.check(partition, check_id))
                    pipe.lrange(keys.flips(partition, check_id), 0, -1)
                    pipe.hgetall(keys.days(partition, check_id))
                    pipe.lrange(keys.ping_log(partition, check_id), 0, _PINGS - 1)
                gaps, tick, *answers = await pipe.execute()
        watch = unpack_watch(gaps, tick)
        for i in range(0, len(answers), 4):
            raw, flips, days, pings = answers[i : i + 4]
            if not raw or (check := check_from_hash(to_hash(raw))).user_id != user.id:
                continue
            known = (raw[b"created_at"], raw[b"status"], raw[b"status_since"], raw.get(b"flip_number"))
            yield Record(
                check,
                unpack_history(*known, flips, days, watch),
                map(unpack, pings),
            )
