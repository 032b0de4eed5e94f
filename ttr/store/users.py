"""Accounts: made with one call, found by their access key, known to jobs by a slug that can't be guessed."""

import hashlib
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ttr.domain.preferences import Preferences, read_preferences
from ttr.store import keys
from ttr.store.errors import KeyEnded
from ttr.store.marks import queue_mark
from ttr.store.redis import Store, store_trouble
from ttr.store.sealed import new_data_key

_KEY_FORM = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
_SLUG_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # without l, o, 0 and 1, which people mix up
_ENDED_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Facts:
    """What an account has: its key's last four characters and since when (ms), and how many of what."""

    last4: str
    key_since: int
    checks: int
    channels: int
    status_pages: int


@dataclass(frozen=True, slots=True)
class User:
    """An account. `user_slug` is in ping URLs and stays private; `public_slug` is for what is published."""

    id: int
    user_slug: str
    public_slug: str
    created_at: int
    data_key: str
    version: int
    access_key: str = ""
    """The digest of the one key that opens it."""
    preferences: Preferences | None = None
    """How it wants its pages; None until it has said so."""
    operator: str = ""
    """The admin who looks at it in a session of his own; "" for its owner."""

    @property
    def partition(self) -> int:
        """Where the account's keys lie."""
        return keys.partition_of(self.id)


def digest(secret: str) -> str:
    """How a key or session id is named at rest; 192 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def create_user(store: Store, *, now: int, master: str) -> tuple[User, str]:
    """A new account and its access key, which is not kept and can't be shown again.

    How many somebody may make is up to the doors.
    """
    with store_trouble():
        user_id = int(await store.redis.incr(keys.sequence("user")))
        auth_key = new_key()
        user = User(
            id=user_id,
            user_slug=await _claim(store, keys.user_slug, 16, user_id),
            public_slug=await _claim(store, keys.public_slug, 10, user_id),
            created_at=now,
            data_key=new_data_key(master),
            version=0,
            access_key=digest(auth_key),
        )
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.hset(
                keys.user(user.partition, user.id),
                mapping={
                    "id": user.id,
                    "user_slug": user.user_slug,
                    "public_slug": user.public_slug,
                    "created_at": now,
                    "data_key": user.data_key,
                    "version": 0,
                    "access_key": user.access_key,
                },
            )
            queue_mark(pipe, user.partition, f"user:{user.id}")
            await pipe.execute()
        # The key comes last: until it is there, nobody can reach a half-made account.
        await enter_key(store, user.id, auth_key, now)
    return user, auth_key


def new_key() -> str:
    """An access key: 192 random bits as 32 url-safe characters."""
    return secrets.token_urlsafe(24)


async def enter_key(store: Store, user_id: int, auth_key: str, now: int) -> None:
    """Let a key be found. It opens the account only if the account says that this is its key."""
    with store_trouble():
        await store.redis.hset(
            keys.access_key(digest(auth_key)),
            mapping={"user_id": user_id, "last4": auth_key[-4:], "created_at": now},
        )


async def change_key(store: Store, user: User, auth_key: str) -> bool:
    """Make a key that was entered the account's only one; False when `user` was read with a key that is it no more."""
    with store_trouble():
        answer = await store.scripts.run(
            "rotate_key", user.partition, [user.id, user.access_key, digest(auth_key)]
        )
    return bool(answer)


async def forget_key(store: Store, auth_key: str) -> None:
    """Take back a key that was entered."""
    with store_trouble():
        await store.redis.delete(keys.access_key(digest(auth_key)))


async def end_key(store: Store, key_digest: str, why: Literal["replaced", "deleted"]) -> None:
    """Let a key that opens nothing any more say so for a day; then nobody knows it."""
    name = keys.access_key(key_digest)
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            await pipe.delete(name).hset(name, "ended", why).expire(name, _ENDED_SECONDS).execute()


async def read_key_records(store: Store, digests: Sequence[str]) -> list[list[bytes]]:
    """What is kept of some access keys: field, value, ... of each, nothing for one that is not there."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for key_digest in digests:
                pipe.hgetall(keys.access_key(key_digest))
            found = await pipe.execute()
    return [[part for pair in record.items() for part in pair] for record in found]


KEY_FIELDS = ("user_id", "ended")
"""The fields of an access key that tell whose it is, or was."""


def access_key_name(auth_key: str) -> str | None:
    """Where an access key is kept; None for a malformed one, which nobody can have."""
    return keys.access_key(digest(auth_key)) if _KEY_FORM.fullmatch(auth_key) else None


async def user_by_key(store: Store, auth_key: str) -> User | None:
    """The account of an access key; None for an unknown or malformed one, which makes no account.

    Raises KeyEnded for one that was replaced, or whose account was deleted, within the last day.
    """
    name = access_key_name(auth_key)
    if name is None:
        return None
    with store_trouble():
        fields = await store.redis.hmget(name, KEY_FIELDS)
    return await user_by_key_fields(store, auth_key, fields)


async def user_by_key_fields(store: Store, auth_key: str, fields: Sequence[bytes | None]) -> User | None:
    """The account whose access key has these KEY_FIELDS; None for a key that nobody has. Raises KeyEnded."""
    user_id, ended = fields
    if ended is not None:
        raise KeyEnded(ended.decode())
    if user_id is None:
        return None
    user = await user_by_id(store, int(user_id))
    if user is None:
        raise KeyEnded("deleted")
    if not user.access_key:
        user = await _adopt(store, user, auth_key)
    if user.access_key != digest(auth_key):
        raise KeyEnded("replaced")
    return user


async def user_by_id(store: Store, user_id: int) -> User | None:
    """The account with this number."""
    key = keys.user(keys.partition_of(user_id), user_id)
    with store_trouble():
        fields = await store.redis.hmget(
            key,
            ["user_slug", "public_slug", "created_at", "data_key", "version", "access_key", "preferences"],
        )
    if fields[0] is None:
        return None
    user_slug, public_slug, created_at, data_key, version, access_key, chosen = (
        (value or b"").decode() for value in fields
    )
    preferences = read_preferences(chosen) if chosen else None
    return User(
        user_id, user_slug, public_slug, int(created_at), data_key, int(version), access_key, preferences
    )


async def set_preferences(store: Store, user: User, preferences: Preferences) -> None:
    """Keep how the account wants its pages."""
    with store_trouble():
        await store.scripts.run("set_preferences", user.partition, [user.id, str(preferences)])


async def account_facts(store: Store, user: User) -> Facts:
    """What the account has now, in one round trip."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.hmget(keys.access_key(user.access_key), "last4", "created_at")
            pipe.zcard(keys.user_checks(user.partition, user.id))
            pipe.scard(keys.user_channels(user.partition, user.id))
            pipe.hlen(keys.page_slugs(user.partition, user.id))
            (last4, since), checks, channels, pages = await pipe.execute()
    return Facts((last4 or b"").decode(), int(since or 0), checks, channels, pages)


async def body_bytes_of(store: Store, user: User) -> int:
    """Bytes of ping bodies that are kept for the account."""
    with store_trouble():
        return int(await store.redis.hget(keys.user(user.partition, user.id), "body_bytes") or 0)


async def _adopt(store: Store, user: User, auth_key: str) -> User:
    """The account, made before accounts knew their key: the only one that was ever given out is its key."""
    key = keys.user(user.partition, user.id)
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.hsetnx(key, "access_key", digest(auth_key))
            pipe.hget(key, "access_key")
            queue_mark(pipe, user.partition, f"user:{user.id}")
            _, found, _ = await pipe.execute()
    return replace(user, access_key=found.decode())


async def _claim(store: Store, key_of: Callable[[str], str], length: int, user_id: int) -> str:
    # 80 bits for 16 letters: the loop is for the sake of correctness, a second turn is never seen.
    while True:
        slug = "".join(secrets.choice(_SLUG_LETTERS) for _ in range(length))
        if await store.redis.set(key_of(slug), user_id, nx=True):
            return slug
