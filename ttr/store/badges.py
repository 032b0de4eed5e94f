"""What badges show, found by an account's slug without anybody logged in.

A slug's claim may be left over from a change; the account itself says whether it still has that slug. Where one text is
an account's public slug and another's ping slug, it means the first. Former ping slugs take pings, and show nothing.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from ttr.domain.badge_address import is_slug, opens, sealed_number
from ttr.domain.check import Check
from ttr.domain.uptime import History
from ttr.domain.uuids import is_uuid
from ttr.store import keys
from ttr.store.account_slugs import FAMILIES, Family
from ttr.store.check_list import Counts, counts_of
from ttr.store.codec import check_from_hash, to_hash
from ttr.store.errors import NotFound
from ttr.store.flips import unpack_history, unpack_watch
from ttr.store.redis import Store, store_trouble

_FAMILIES: tuple[Family, ...] = ("public_slug", "user_slug")


@dataclass(frozen=True, slots=True)
class Seen:
    """A check as its badge shows it."""

    check: Check
    history: History | None
    """What its uptime is worked out from, if that was asked for."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """An account that may have a slug."""

    family: Family
    slug: str
    user_id: int

    @property
    def partition(self) -> int:
        return keys.partition_of(self.user_id)

    def own(self, pipe: Any) -> None:
        """Have the account say which slug it has."""
        pipe.hget(keys.user(self.partition, self.user_id), self.family)

    def holds(self, said: bytes | None) -> bool:
        """Whether that is this one."""
        return said == self.slug.encode()


async def find_check(store: Store, slug: str, name: str, *, history: bool) -> Seen:
    """The check that an address names: by its slug, its UUID or its sealed name, in this order.

    Two round trips, three for a check's slug. Raises NotFound, the same for an unknown account and an unknown check.
    """
    uuid = name.lower() if is_uuid(name.lower()) else ""
    if not is_slug(uuid or name):
        raise NotFound("no such badge")
    claims, owner = await _claims(store, slug, uuid)
    looks = (_look(store, claim, uuid or name, owner, history=history) for claim in claims)
    for holds, seen in await asyncio.gather(*looks):
        if seen is not None:
            return seen
        if holds:
            break
    raise NotFound("no such badge")


async def find_counts(store: Store, slug: str, *, now: int) -> Counts:
    """How many checks an account has and what they do at `now` (ms). Two round trips. Raises NotFound."""
    claims, _ = await _claims(store, slug, "")
    looks = ((_holds(store, claim), counts_of(store, claim.user_id, now=now)) for claim in claims)
    found = await asyncio.gather(*(asyncio.gather(*look) for look in looks))
    for holds, counts in found:
        if holds:
            return counts
    raise NotFound("no such badge")


async def _claims(store: Store, slug: str, uuid: str) -> tuple[list[_Claim], str]:
    """Who may have the slug, the public one first; and "account:check" of the UUID, "" for none."""
    if not is_slug(slug):
        raise NotFound("no such badge")
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for family in _FAMILIES:
                pipe.get(FAMILIES[family](slug))
            if uuid:
                pipe.get(keys.check_uuid(uuid))
            public, private, *owner = await pipe.execute()
    found = zip(_FAMILIES, (public, private), strict=True)
    claims = [_Claim(family, slug, int(user_id)) for family, user_id in found if user_id is not None]
    return claims, (owner[0] or b"").decode() if owner else ""


async def _holds(store: Store, claim: _Claim) -> bool:
    with store_trouble():
        said = await store.redis.hget(keys.user(claim.partition, claim.user_id), claim.family)
    return claim.holds(said)


async def _look(
    store: Store, claim: _Claim, name: str, owner: str, *, history: bool
) -> tuple[bool, Seen | None]:
    """Whether the account has the slug, and its check of that name. One account lies in one partition, so each
    trip is one step: what is shown is all of one moment."""
    number = _uuid_number(claim, owner) if is_uuid(name) else sealed_number(name)
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            claim.own(pipe)
            pipe.hget(keys.user_slugs(claim.partition, claim.user_id), name)
            if number is not None:
                _read(pipe, claim.partition, number, history=history)
            said, by_slug, *read = await pipe.execute()
    if not claim.holds(said):
        return False, None
    if by_slug is None:
        seen = _seen(claim, read)
        # A number alone would let anybody count through an account's checks.
        return True, seen if seen and (is_uuid(name) or opens(name, seen.check)) else None
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            _read(pipe, claim.partition, int(by_slug), history=history)
            return True, _seen(claim, await pipe.execute())


def _uuid_number(claim: _Claim, owner: str) -> int | None:
    """The number of a UUID's check if it is this account's."""
    user_id, _, number = owner.partition(":")
    return int(number) if user_id == str(claim.user_id) else None


def _read(pipe: Any, partition: int, number: int, *, history: bool) -> None:
    pipe.hgetall(keys.check(partition, number))
    if history:
        pipe.lrange(keys.flips(partition, number), 0, -1)
        pipe.hgetall(keys.days(partition, number))
        pipe.zrange(keys.gaps(partition), 0, -1)
        pipe.hget(keys.clock(partition), "tick")


def _seen(claim: _Claim, read: list[Any]) -> Seen | None:
    """The check in what `_read` got, if it is there and the account's."""
    if not read or not read[0]:
        return None
    fields, *rest = read
    check = check_from_hash(to_hash(fields))
    if check.user_id != claim.user_id:
        return None
    if not rest:
        return Seen(check, None)
    known = (fields[b"created_at"], fields[b"status"], fields[b"status_since"], fields.get(b"flip_number"))
    flips, days, gaps, tick = rest
    return Seen(check, unpack_history(*known, flips, days, unpack_watch(gaps, tick)))
