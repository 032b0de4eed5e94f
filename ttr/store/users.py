"""Accounts: made with one call, known to jobs by a slug that can't be guessed."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from ttr.domain.access_key import FIRST_NAME, AccessKey, kept, read_access_key
from ttr.domain.preferences import Preferences, read_preferences
from ttr.logs import get_logger
from ttr.store import keys
from ttr.store.marks import queue_mark
from ttr.store.redis import Store, store_trouble
from ttr.store.sealed import new_data_key

log = get_logger(__name__)

_SLUG_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # without l, o, 0 and 1, which people mix up
_FIELDS = ("user_slug", "public_slug", "created_at", "data_key", "version", "preferences", "telegram_id")


@dataclass(frozen=True, slots=True)
class Facts:
    """How much an account has of what."""

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
    key: AccessKey | None = None
    """The access key that this request came with, or that its session was opened with; None where there is none."""
    key_used_at: int = 0
    """When that key was used last (ms), at most a minute off; 0 when that is not known."""
    preferences: Preferences | None = None
    """How it wants its pages; None until it has said so."""
    telegram_id: int = 0
    """The Telegram account that opens it as well; 0: none."""
    operator: str = ""
    """The admin who looks at it in a session of his own; "" for its owner."""

    @property
    def partition(self) -> int:
        """Where the account's keys lie."""
        return keys.partition_of(self.id)


def digest(secret: str) -> str:
    """How a key or session id is named at rest; 192 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def create_user(store: Store, *, now: int, master: str, with_key: bool = True) -> tuple[User, str]:
    """A new account and its access key, which is not kept and can't be shown again; "" for one that has another way in.

    How many somebody may make is up to the doors.
    """
    auth_key = new_key() if with_key else ""
    key = AccessKey(digest(auth_key), FIRST_NAME, auth_key[-4:], now) if with_key else None
    with store_trouble():
        user_id = int(await store.redis.incr(keys.sequence("user")))
        user = User(
            id=user_id,
            user_slug=await _claim(store, keys.user_slug, 16, user_id),
            public_slug=await _claim(store, keys.public_slug, 10, user_id),
            created_at=now,
            data_key=new_data_key(master),
            version=0,
            key=key,
        )
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.hset(
                keys.user(user.partition, user.id),
                mapping={
                    "id": user.id,
                    "user_slug": user.user_slug,
                    "public_slug": user.public_slug,
                    "created_at": now,
                    "seen_at": now,
                    "data_key": user.data_key,
                    "version": 0,
                },
            )
            if key is not None:
                pipe.hset(keys.access_keys(user.partition, user.id), key.digest, kept(key))
            else:
                # A key that leads to a lost account of this number is none of it: see adopt_key.lua, which only
                # versions before form 2 still call, and `ttr migrate`.
                pipe.hset(keys.user(user.partition, user.id), "keys_known", "1")
            queue_mark(pipe, user.partition, f"user:{user.id}")
            await pipe.execute()
        if key is not None:
            # What finds the account comes last: until it is there, nobody can reach a half-made one.
            await store.redis.hset(keys.access_key(key.digest), "user_id", user.id)
    log.info("account made", account=user.id)
    return user, auth_key


def new_key() -> str:
    """An access key: 192 random bits as 32 url-safe characters."""
    return secrets.token_urlsafe(24)


async def user_by_id(store: Store, user_id: int, *, key: str = "") -> User | None:
    """The account with this number; `User.key` is its access key with the digest `key`, None if it has no such key."""
    partition = keys.partition_of(user_id)
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.hmget(keys.user(partition, user_id), _FIELDS)
            if key:
                pipe.hget(keys.access_keys(partition, user_id), key)
                pipe.hget(keys.key_uses(partition, user_id), key)
            fields, *found = await pipe.execute()
        if fields[0] is None:
            return None
    user_slug, public_slug, created_at, data_key, version, chosen, telegram = (
        (value or b"").decode() for value in fields
    )
    return User(
        user_id,
        user_slug,
        public_slug,
        int(created_at),
        data_key,
        int(version),
        key=read_access_key(key, found[0]) if found and found[0] else None,
        key_used_at=int(found[1].partition(b" ")[0]) if found and found[1] else 0,
        preferences=read_preferences(chosen) if chosen else None,
        telegram_id=int(telegram or 0),
    )


async def set_preferences(store: Store, user: User, preferences: Preferences) -> None:
    """Keep how the account wants its pages."""
    with store_trouble():
        await store.scripts.run("set_preferences", user.partition, [user.id, str(preferences)])


async def note_seen(store: Store, user_id: int, now: int) -> None:
    """Remember that somebody is in the account; once a day is enough, and more often costs only the asking."""
    with store_trouble():
        await store.scripts.run("note_seen", keys.partition_of(user_id), [user_id, now])


async def account_facts(store: Store, user: User) -> Facts:
    """What the account has now, in one round trip."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.zcard(keys.user_checks(user.partition, user.id))
            pipe.scard(keys.user_channels(user.partition, user.id))
            pipe.hlen(keys.page_slugs(user.partition, user.id))
            checks, channels, pages = await pipe.execute()
    return Facts(checks, channels, pages)


async def body_bytes_of(store: Store, user: User) -> int:
    """Bytes of ping bodies that are kept for the account."""
    with store_trouble():
        return int(await store.redis.hget(keys.user(user.partition, user.id), "body_bytes") or 0)


async def _claim(store: Store, key_of: Callable[[str], str], length: int, user_id: int) -> str:
    # 80 bits for 16 letters: the loop is for the sake of correctness, a second turn is never seen.
    while True:
        slug = "".join(secrets.choice(_SLUG_LETTERS) for _ in range(length))
        if await store.redis.set(key_of(slug), user_id, nx=True):
            return slug
