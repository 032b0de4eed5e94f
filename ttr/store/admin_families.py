"""Families: a login of an admin and the tokens that came of it, one refresh token out of the other.

A family lives while it is here, its admin is, and the admin's password is the one it was opened with.
"""

import secrets
from dataclasses import dataclass
from typing import Literal

from ttr.store import keys
from ttr.store.admins import AdminRecord, parse_admin
from ttr.store.redis import Store, store_trouble

FAMILIES_MAX = 20
"""Logins of one admin at a time; a further one ends the oldest."""
GRACE_MS = 10_000
"""After a rotation the token before it still gets the newest one: two tabs may ask at once, or an answer get lost."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """What became of a refresh token: `rotated`, or `again` within the grace, give the id of the newest one;
    `reused` ended the family, `gone` found none."""

    verdict: Literal["rotated", "again", "reused", "gone"]
    token_id: str


async def open_family(
    store: Store, admin: AdminRecord, *, now: int, seconds: int, address: str
) -> tuple[str, str]:
    """A new family of an admin whose password was right; its id and that of its first refresh token.

    It expires after `seconds`, and is dead from the start if the admin was changed meanwhile.
    """
    family, token_id = new_id(), new_id()
    of_admin = keys.admin_families(admin.username)
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.hset(
                keys.admin_family(family),
                mapping={
                    "username": admin.username,
                    "changed_at": admin.changed_at,
                    "created_at": now,
                    "address": address,
                    "current": token_id,
                    "previous": "",
                    "rotated_at": now,
                },
            )
            pipe.expire(keys.admin_family(family), seconds)
            pipe.lpush(of_admin, family)
            pipe.expire(of_admin, seconds)
            pipe.lrange(of_admin, FAMILIES_MAX, -1)
            pipe.ltrim(of_admin, 0, FAMILIES_MAX - 1)
            *_, oldest, _trimmed = await pipe.execute()
        for forgotten in oldest:
            await store.redis.delete(keys.admin_family(forgotten.decode()))
    return family, token_id


async def family_lives(store: Store, username: str, family: str) -> bool:
    """Whether this family of this admin may still do something; one round trip."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.hget(keys.admins(), username)
            pipe.hmget(keys.admin_family(family), "username", "changed_at")
            admin, (whose, since) = await pipe.execute()
    if admin is None or whose is None or since is None or whose.decode() != username:
        return False
    return parse_admin(username, admin).changed_at == int(since)


async def rotate_family(store: Store, family: str, token_id: str, *, now: int, seconds: int) -> Rotation:
    """Give a new refresh token for the newest one; the family then expires after `seconds`.

    An older one is a copy in somebody else's hands: the family ends.
    """
    with store_trouble():
        verdict, newest = await store.scripts.run_on(
            "rotate_family", keys.admin_family(family), [token_id, new_id(), now, GRACE_MS, seconds]
        )
    return Rotation(verdict.decode(), newest.decode())


async def end_family(store: Store, username: str, family: str) -> None:
    """End one login."""
    with store_trouble():
        await store.redis.delete(keys.admin_family(family))
        await store.redis.lrem(keys.admin_families(username), 0, family)


async def end_families(store: Store, username: str) -> int:
    """End all logins of an admin; how many were listed."""
    ended = 0
    with store_trouble():
        while found := await store.redis.lpop(keys.admin_families(username), FAMILIES_MAX):
            for family in found:
                ended += await store.redis.delete(keys.admin_family(family.decode()))
    return ended


def new_id() -> str:
    """An id of a family or a token: 128 random bits."""
    return secrets.token_urlsafe(16)
