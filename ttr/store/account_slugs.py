"""An account's two slugs: claimed for the whole installation, changed, and kept for pings a while after a change.

A claim is a key outside the partitions, so a change takes several steps. The account writes down which claims a change
makes before it makes them, and one change of an account goes on at a time: what a crash leaves behind is let go by the
next change, or when the account is deleted.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from redis.exceptions import WatchError

from ttr.store import keys
from ttr.store.errors import AccountSlugTaken, Busy, KeyEnded, NotFound, QuotaReached, StoreUnavailable
from ttr.store.redis import Store, store_trouble
from ttr.store.users import User

FORMER_DAYS = 30
"""So long pings go on under a slug that was changed."""
FORMER_MAX = 5
"""Former slugs of one account."""
_FORMER_MS = FORMER_DAYS * 86_400_000
# A claim outlives its slug by so much: whoever gets the slug next must not meet a web process whose clock is late.
CLAIM_LONGER_MS = 60_000
_LEASE_MS = 30_000
# A turn is lost only to the claim's expiry, or to another process that changes it, between two commands.
_TURNS = 5

Family = Literal["user_slug", "public_slug"]
FAMILIES: dict[Family, Callable[[str], str]] = {
    "user_slug": keys.user_slug,
    "public_slug": keys.public_slug,
}
"""The claim of a slug, by family: the same text may be one account's user slug and another's public slug."""


@dataclass(frozen=True, slots=True)
class FormerSlug:
    """A slug under which pings still find the account, until `until` (ms)."""

    slug: str
    until: int


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of slugs under way, and what was true when it began."""

    user_id: int
    token: str
    user_slug: str
    public_slug: str
    left: tuple[tuple[Family, str], ...]
    """Claims that earlier changes may have left behind."""

    @property
    def partition(self) -> int:
        return keys.partition_of(self.user_id)


async def former_slugs(store: Store, user: User, now: int) -> list[FormerSlug]:
    """Those that still work, the next to end first."""
    key = keys.former_slugs(user.partition, user.id)
    with store_trouble():
        found = await store.redis.zrange(key, f"({now}", "+inf", byscore=True, withscores=True)
    return [FormerSlug(slug.decode(), int(until)) for slug, until in found]


async def is_ping_slug(store: Store, user: User, slug: str, now: int) -> bool:
    """Whether pings find the account under this slug."""
    if slug == user.user_slug:
        return True
    with store_trouble():
        until = await store.redis.zscore(keys.former_slugs(user.partition, user.id), slug)
    return until is not None and until > now


async def is_free(store: Store, user: User, family: Family, slug: str) -> bool:
    """Whether the account could have this slug; its own, also a former one, counts as free."""
    with store_trouble():
        owner = await store.redis.get(FAMILIES[family](slug))
    return owner is None or int(owner) == user.id


async def rename(
    store: Store, user: User, *, user_slug: str | None, public_slug: str | None, now: int
) -> None:
    """Give the account these slugs, or none of them; None keeps one. Pings go on under the user slug before, too.

    Not to be cut off half way: the caller shields it. Raises AccountSlugTaken, QuotaReached (FORMER_MAX), Busy,
    KeyEnded (the account is gone).
    """
    wanted: dict[Family, str] = {}
    if user_slug is not None:
        wanted["user_slug"] = user_slug
    if public_slug is not None:
        wanted["public_slug"] = public_slug
    change = await _begin(store, user.id, wanted, "", now)
    try:
        await _settle_all(store, change, change.left)
        for family, slug in wanted.items():
            if not await _claim(store, FAMILIES[family](slug), user.id):
                raise AccountSlugTaken(family)
        with store_trouble():
            answer = await store.scripts.run(
                "rename_account",
                change.partition,
                [
                    user.id,
                    change.token,
                    user_slug or "",
                    public_slug or "",
                    now,
                    now + _FORMER_MS,
                    FORMER_MAX,
                ],
            )
        if answer == -1:
            raise QuotaReached(f"You have {FORMER_MAX} former slugs, as many as you may have; end one first.")
        if answer == 0:
            raise Busy(
                "Another change of this account's slugs came between, or it was deleted; look and try again."
            )
    finally:
        claims = (*wanted.items(), ("user_slug", change.user_slug), ("public_slug", change.public_slug))
        await _settle_all(store, change, claims)
        await _end(store, change)


async def end_former(store: Store, user: User, slug: str, now: int) -> None:
    """Let a former slug go at once; anybody may have it from then on. The caller shields it.

    Raises NotFound, Busy, KeyEnded (the account is gone).
    """
    change = await _begin(store, user.id, {}, slug, now)
    await _settle_all(store, change, (*change.left, ("user_slug", slug)))
    await _end(store, change)


async def let_go(store: Store, user_id: int, family: Family, slug: str) -> None:
    """Give up a claim if it is this account's."""
    await _change_claim(store, FAMILIES[family](slug), user_id, None)


async def settle(store: Store, user_id: int, family: Family, slug: str, now: int) -> None:
    """Bring a claim in line with what the account says, which may be gone; one it does not have is let go.

    Raises Busy while the account's slugs change.
    """
    try:
        change = await _begin(store, user_id, {}, "", now)
    except KeyEnded:
        await let_go(store, user_id, family, slug)
        return
    await _settle_all(store, change, (*change.left, (family, slug)))
    await _end(store, change)


async def _begin(store: Store, user_id: int, wanted: dict[Family, str], ending: str, now: int) -> _Change:
    token = secrets.token_hex(8)
    with store_trouble():
        answer = await store.scripts.run(
            "begin_rename",
            keys.partition_of(user_id),
            [
                user_id,
                token,
                now,
                now + _LEASE_MS,
                wanted.get("user_slug", ""),
                wanted.get("public_slug", ""),
                ending,
            ],
        )
    match answer[0]:
        case b"busy":
            raise Busy("Another change of this account's slugs is under way; try again.")
        case b"gone":
            raise KeyEnded("deleted")
        case b"unknown":
            raise NotFound("no such former slug")
    user_slug, public_slug, wanted_before, public_wanted, public_before, *former = (
        part.decode() for part in answer[1:]
    )
    left: list[tuple[Family, str]] = [("user_slug", slug) for slug in (wanted_before, *former) if slug]
    left += [("public_slug", slug) for slug in (public_wanted, public_before) if slug]
    return _Change(user_id, token, user_slug, public_slug, tuple(left))


async def _end(store: Store, change: _Change) -> None:
    with store_trouble():
        await store.scripts.run("end_rename", change.partition, [change.user_id, change.token])


async def _settle_all(store: Store, change: _Change, claims: tuple[tuple[Family, str], ...]) -> None:
    """Bring claims in line with what the account says of itself: a former slug's expires, one it has not is let go."""
    user = keys.user(change.partition, change.user_id)
    former = keys.former_slugs(change.partition, change.user_id)
    for family, slug in dict.fromkeys(claims):
        with store_trouble():
            async with store.redis.pipeline(transaction=False) as pipe:
                pipe.hmget(user, "user_slug", "public_slug", "renaming")
                pipe.zscore(former, slug)
                (user_slug, public_slug, renaming), until = await pipe.execute()
        if user_slug is not None and not (renaming or b"").startswith(f"{change.token}:".encode()):
            # So slow that another change has begun: it may have claimed the same slug for this account.
            return
        if slug.encode() == (user_slug if family == "user_slug" else public_slug):
            continue
        former_until = until if family == "user_slug" and user_slug is not None else None
        expires = None if former_until is None else int(former_until) + CLAIM_LONGER_MS
        await _change_claim(store, FAMILIES[family](slug), change.user_id, expires)


async def _claim(store: Store, key: str, user_id: int) -> bool:
    """Whether the claim is the account's from now on, for good."""
    with store_trouble():
        for _ in range(_TURNS):
            if await store.redis.set(key, user_id, nx=True):
                return True
            if await _owner(store, key) != user_id:
                return False
            # A former slug is taken back: its claim must not expire any more, and may have just now.
            await store.redis.persist(key)
            if await _owner(store, key) == user_id:
                return True
    raise StoreUnavailable("this slug changes hands all the time; try again")


async def _change_claim(store: Store, key: str, user_id: int, expires: int | None) -> None:
    """Let a claim expire at `expires` (ms), or drop it, if it is this account's: in one step, for it may become another
    account's at any moment."""
    with store_trouble():
        for _ in range(_TURNS):
            async with store.redis.pipeline(transaction=True) as pipe:
                await pipe.watch(key)
                owner = await pipe.get(key)
                if owner is None or int(owner) != user_id:
                    return
                pipe.multi()
                if expires is None:
                    pipe.delete(key)
                else:
                    pipe.pexpireat(key, expires)
                try:
                    await pipe.execute()
                    return
                except WatchError:
                    continue
    raise StoreUnavailable("this slug changes hands all the time; try again")


async def _owner(store: Store, key: str) -> int | None:
    found = await store.redis.get(key)
    return None if found is None else int(found)
