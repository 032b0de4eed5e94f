"""Claims that lead nowhere: keys outside the partitions whose account or check says nothing of them.

A claim is made before what it leads to and dropped after it, so a crash in between leaves one. It does no harm but that
nobody else can have that UUID, slug or Telegram account. For a moment each claim is one of these: what is still one a
minute later was left behind.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ttr.store import keys
from ttr.store.access_keys import forget
from ttr.store.account_slugs import settle
from ttr.store.errors import Busy
from ttr.store.every_key import every_key
from ttr.store.redis import Store, store_trouble
from ttr.store.telegram import release
from ttr.store.uuid_claims import release_uuids

Kind = Literal["check-uuid", "user-slug", "public-slug", "access-key", "telegram"]
KINDS: tuple[Kind, ...] = get_args(Kind)

LOOKED_MOST = 200_000
"""Keys of any kind that one look walks over: some 2 s, in steps that keep nobody waiting."""
FOUND_MOST = 10_000
MADE_WITHIN_SECONDS = 60
"""So long after a claim whatever makes it has finished or failed: the slowest tries for 55 s to give a key away."""
_KEYS_A_CALL = 1_000


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim, and the account that it leads to."""

    kind: Kind
    name: str
    user_id: int
    check_id: int = 0
    """Of a UUID."""


@dataclass(slots=True)
class Orphans:
    """What a look found."""

    looked: int = 0
    """Keys that were walked over."""
    complete: bool = False
    """Whether that was all of them."""
    claims: Counter[Kind] = field(default_factory=Counter)
    """How many there are of each kind, among those."""
    found: list[Claim] = field(default_factory=list)


async def find_orphans(store: Store, *, most: int = LOOKED_MOST) -> Orphans:
    """Walk over up to `most` keys and judge each claim among them."""
    orphans = Orphans()
    with store_trouble():
        async for page in every_key(store, keys.EVERY, _KEYS_A_CALL):
            if orphans.looked >= most or len(orphans.found) >= FOUND_MOST:
                return orphans
            orphans.looked += len(page)
            named = [(family, name) for family, name in map(keys.outside, page) if family in KINDS]
            claims = await _read(store, named)
            orphans.claims.update(claim.kind for claim in claims)
            orphans.found += await _leading_nowhere(store, claims)
    orphans.complete = True
    return orphans


async def remove_orphans(store: Store, found: Sequence[Claim], now: int) -> int:
    """Remove those of `found` that still are orphans MADE_WITHIN_SECONDS later; how many that were."""
    if not found:
        return 0
    await asyncio.sleep(MADE_WITHIN_SECONDS)
    removed = 0
    for first in range(0, len(found), _KEYS_A_CALL):
        some = found[first : first + _KEYS_A_CALL]
        with store_trouble():
            there = set(await _read(store, [(claim.kind, claim.name) for claim in some]))
            left = await _leading_nowhere(store, [claim for claim in some if claim in there])
            for claim in left:
                removed += await _remove(store, claim, now)
    return removed


async def _remove(store: Store, claim: Claim, now: int) -> bool:
    """Each looks once more whose the claim is as it drops it; an access key is random, and so is claimed once."""
    match claim.kind:
        case "check-uuid":
            await release_uuids(store, claim.user_id, {claim.name: claim.check_id})
        case "user-slug" | "public-slug":
            family: Literal["user_slug", "public_slug"] = (
                "user_slug" if claim.kind == "user-slug" else "public_slug"
            )
            try:
                await settle(store, claim.user_id, family, claim.name, now)
            except Busy:
                return False
        case "access-key":
            await forget(store, claim.name)
        case "telegram":
            await release(store, claim.user_id, int(claim.name))
    return True


async def _read(store: Store, named: Sequence[tuple[Kind, str]]) -> list[Claim]:
    """The claims that stay: one that expires was of a former slug, or says of a key what became of it."""
    async with store.redis.pipeline(transaction=False) as pipe:
        for kind, name in named:
            key = _key(kind, name)
            pipe.hget(key, "user_id") if kind == "access-key" else pipe.get(key)
            pipe.pttl(key)
        answers = await pipe.execute()
    claims = []
    for (kind, name), owner, ttl in zip(named, answers[::2], answers[1::2], strict=True):
        if owner is None or ttl >= 0:
            continue
        user, _, check = owner.decode().partition(":")
        claims.append(Claim(kind, name, int(user), int(check or 0)))
    return claims


def _key(kind: Kind, name: str) -> str:
    match kind:
        case "check-uuid":
            return keys.check_uuid(name)
        case "user-slug":
            return keys.user_slug(name)
        case "public-slug":
            return keys.public_slug(name)
        case "access-key":
            return keys.access_key(name)
        case "telegram":
            return keys.telegram(int(name))


async def _leading_nowhere(store: Store, claims: Sequence[Claim]) -> list[Claim]:
    async with store.redis.pipeline(transaction=False) as pipe:
        for claim in claims:
            _ask(pipe, claim)
        answers = await pipe.execute()
    return [
        claim
        for claim, fields, besides in zip(claims, answers[::2], answers[1::2], strict=True)
        if not _is_owned(claim, [(value or b"").decode() for value in fields], besides)
    ]


_FIELDS = (
    *("user_slug", "public_slug", "renaming", "closed_at", "closed_user_slug", "closed_public_slug"),
    *("telegram_id", "access_key"),
)


def _ask(pipe: Any, claim: Claim) -> None:
    partition = keys.partition_of(claim.user_id)
    pipe.hmget(keys.user(partition, claim.user_id), _FIELDS)
    match claim.kind:
        case "check-uuid":
            pipe.hget(keys.check(partition, claim.check_id), "uuid")
        case "access-key":
            pipe.hexists(keys.access_keys(partition, claim.user_id), claim.name)
        case _:
            pipe.zscore(keys.former_slugs(partition, claim.user_id), claim.name)


def _is_owned(claim: Claim, fields: Sequence[str], besides: Any) -> bool:
    (
        user_slug,
        public_slug,
        renaming,
        closed_at,
        closed_user_slug,
        closed_public_slug,
        telegram_id,
        only_key,
    ) = fields
    if closed_at and not user_slug:
        return True  # its deletion, which is under way, drops what it finds; what it does not is seen once it is over
    match claim.kind:
        case "check-uuid":
            return (besides or b"").decode() == claim.name
        case "user-slug":
            return claim.name in (user_slug, closed_user_slug, *renaming.split(":")) or besides is not None
        case "public-slug":
            return claim.name in (public_slug, closed_public_slug, *renaming.split(":"))
        case "access-key":
            return bool(besides) or only_key == claim.name
        case "telegram":
            return telegram_id == claim.name
