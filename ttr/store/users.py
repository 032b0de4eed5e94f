"""Accounts: made with one call, found by their access key, known to jobs by a slug that can't be guessed."""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from ttr.store import keys
from ttr.store.errors import QuotaReached
from ttr.store.redis import Store, store_trouble
from ttr.store.sealed import new_data_key

_KEY_FORM = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
_SLUG_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # without l, o, 0 and 1, which people mix up
_HOUR_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class User:
    """An account. `user_slug` is in ping URLs and stays private; `public_slug` is for what is published."""

    id: int
    user_slug: str
    public_slug: str
    created_at: int
    data_key: str
    version: int

    @property
    def partition(self) -> int:
        """Where the account's keys lie."""
        return keys.partition_of(self.id)


def digest(secret: str) -> str:
    """How a key or session id is named at rest; 192 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def create_user(
    store: Store, *, now: int, master: str, address: str, most_per_address: int | None
) -> tuple[User, str]:
    """A new account and its access key, which is not kept and can't be shown again.

    Raises QuotaReached when `address` (of IPv6 its /64) has made `most_per_address` accounts within the hour.
    """
    with store_trouble():
        if most_per_address is not None:
            counter = keys.signups(_network(address))
            async with store.redis.pipeline(transaction=True) as pipe:
                made, _ = await pipe.incr(counter).expire(counter, _HOUR_SECONDS, nx=True).execute()
            if made > most_per_address:
                raise QuotaReached("Too many new accounts from this address; try again in an hour.")
        user_id = int(await store.redis.incr(keys.sequence("user")))
        user = User(
            id=user_id,
            user_slug=await _claim(store, keys.user_slug, 16, user_id),
            public_slug=await _claim(store, keys.public_slug, 10, user_id),
            created_at=now,
            data_key=new_data_key(master),
            version=0,
        )
        await store.redis.hset(
            keys.user(user.partition, user.id),
            mapping={
                "id": user.id,
                "user_slug": user.user_slug,
                "public_slug": user.public_slug,
                "created_at": now,
                "data_key": user.data_key,
                "version": 0,
            },
        )
        # The key comes last: until it is there, nobody can reach a half-made account.
        auth_key = secrets.token_urlsafe(24)
        await store.redis.hset(
            keys.access_key(digest(auth_key)),
            mapping={"user_id": user.id, "last4": auth_key[-4:], "created_at": now},
        )
    return user, auth_key


async def user_by_key(store: Store, auth_key: str) -> User | None:
    """The account of an access key; None for an unknown or malformed one, which makes no account."""
    if not _KEY_FORM.fullmatch(auth_key):
        return None
    with store_trouble():
        user_id = await store.redis.hget(keys.access_key(digest(auth_key)), "user_id")
    return None if user_id is None else await user_by_id(store, int(user_id))


async def user_by_id(store: Store, user_id: int) -> User | None:
    """The account with this number."""
    key = keys.user(keys.partition_of(user_id), user_id)
    with store_trouble():
        fields = await store.redis.hmget(
            key, ["user_slug", "public_slug", "created_at", "data_key", "version"]
        )
    if fields[0] is None:
        return None
    user_slug, public_slug, created_at, data_key, version = (value.decode() for value in fields)
    return User(user_id, user_slug, public_slug, int(created_at), data_key, int(version))


def _network(address: str) -> str:
    """What counts as one address: of IPv6 the /64 that every customer has to himself."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ip_network((address, 64), strict=False).network_address)


async def _claim(store: Store, key_of: Callable[[str], str], length: int, user_id: int) -> str:
    # 80 bits for 16 letters: the loop is for the sake of correctness, a second turn is never seen.
    while True:
        slug = "".join(secrets.choice(_SLUG_LETTERS) for _ in range(length))
        if await store.redis.set(key_of(slug), user_id, nx=True):
            return slug
