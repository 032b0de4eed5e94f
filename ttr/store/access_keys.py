"""Access keys: an account has several, each with a name; what is kept of one is its digest.

The account says which keys are its own. What lies outside its partition only finds it (decision 17): it is entered
before the account has the key, and says for a day what became of the key afterwards.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ttr.domain.access_key import AccessKey, kept, read_access_key
from ttr.domain.limits import ACCESS_KEYS_MAX
from ttr.store import keys
from ttr.store.errors import Busy, KeyEnded, LastKey, NotFound, QuotaReached
from ttr.store.redis import Store, store_trouble
from ttr.store.users import User, digest, note_seen, user_by_id

Ended = Literal["replaced", "revoked", "blocked", "deleted"]

KEY_FIELDS = ("user_id", "ended")
"""The fields of an access key that tell whose it is, or what became of it."""
ENDED_SECONDS = 86_400
"""How long a key that opens nothing any more says why."""
USE_EVERY_MS = 60_000
"""How often the last use of a key is written down."""
_KEY_FORM = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
# Only another edit of the same key gets in between.
_TRIES = 10


@dataclass(frozen=True, slots=True)
class Use:
    """The last use of a key, at most a minute off: when (ms) and from where ("" when that is not known)."""

    at: int
    address: str


@dataclass(frozen=True, slots=True)
class EndedKey:
    """A key that opened an account until a short while ago. `until` (ms) it says so."""

    digest: str
    why: str
    account: int
    name: str
    last4: str
    until: int


def access_key_name(auth_key: str) -> str | None:
    """Where an access key is kept; None for a malformed one, which nobody can have."""
    return keys.access_key(digest(auth_key)) if _KEY_FORM.fullmatch(auth_key) else None


async def user_by_key(store: Store, auth_key: str) -> User | None:
    """The account of an access key; None for an unknown or malformed one, which makes no account.

    Raises KeyEnded for one that was ended within the last day.
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
    number, name = int(user_id), digest(auth_key)
    user = await user_by_id(store, number, key=name)
    if user is None:
        raise KeyEnded("deleted")
    if user.key is None:
        raise KeyEnded("replaced")
    return user


async def list_keys(store: Store, user: User) -> list[tuple[AccessKey, Use | None]]:
    """The account's keys, oldest first, each with its last use if it is known."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(keys.access_keys(user.partition, user.id))
            pipe.hgetall(keys.key_uses(user.partition, user.id))
            found, uses = await pipe.execute()
    listed = [(read_access_key(name.decode(), text), _use(uses.get(name))) for name, text in found.items()]
    return sorted(listed, key=lambda one: (one[0].created_at, one[0].digest))


async def find_key(store: Store, user: User, key_id: str) -> AccessKey:
    """The account's key with this public id. Raises NotFound."""
    for key, _ in await list_keys(store, user):
        if key.id == key_id:
            return key
    raise NotFound("no such access key")


async def note_use(store: Store, user: User, key: AccessKey, use: Use) -> None:
    """Remember when and from where a key was used last."""
    uses = keys.key_uses(user.partition, user.id)
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.hset(uses, key.digest, f"{use.at} {use.address}".rstrip())
            pipe.hexists(keys.access_keys(user.partition, user.id), key.digest)
            _, is_there = await pipe.execute()
        if not is_there:
            # It ended since it was read, maybe with its account: nothing would ever remove this.
            await store.redis.hdel(uses, key.digest)
    await note_seen(store, user.id, use.at)


async def enter(store: Store, user_id: int, key_digest: str) -> None:
    """Let a key be found. It opens the account only if the account says that it is one of its keys."""
    with store_trouble():
        await store.redis.hset(keys.access_key(key_digest), "user_id", user_id)


async def forget(store: Store, key_digest: str) -> None:
    """Take back a key that was entered and is no account's."""
    with store_trouble():
        await store.redis.delete(keys.access_key(key_digest))


async def add(store: Store, user: User, key: AccessKey) -> None:
    """Give the account a key that was entered. Raises QuotaReached, KeyEnded (the account is gone)."""
    with store_trouble():
        answer = await store.scripts.run(
            "add_key", user.partition, [user.id, key.digest, kept(key), ACCESS_KEYS_MAX]
        )
    if answer == -1:
        raise QuotaReached(f"Your account has {ACCESS_KEYS_MAX} access keys, as many as it may have.")
    if answer == 0:
        raise KeyEnded("deleted")


async def put_in_place(store: Store, user: User, before: AccessKey, after: AccessKey) -> bool:
    """Give the account a key that was entered in place of `before`, with the name and the bounds which that has at this
    moment; False when it is the account's key no more. Raises Busy.
    """
    for _ in range(_TRIES):
        with store_trouble():
            answer = await store.scripts.run(
                "replace_key",
                user.partition,
                [user.id, before.digest, after.digest, kept(after), kept(before)],
            )
        if answer != -1:
            return bool(answer)
        # An edit came in between: it holds for the new key as well.
        before = await find_key(store, user, before.id)
        after = replace(before, digest=after.digest, last4=after.last4, created_at=after.created_at)
    raise Busy("This access key is being changed all the time; look and try again.")


async def change(
    store: Store, user: User, key_id: str, changed: Callable[[AccessKey], AccessKey]
) -> AccessKey:
    """Change what is kept of a key; what `changed` gives has the same digest. Raises NotFound, Busy."""
    for _ in range(_TRIES):
        before = await find_key(store, user, key_id)
        after = changed(before)
        with store_trouble():
            done = await store.scripts.run(
                "change_key", user.partition, [user.id, before.digest, kept(before), kept(after)]
            )
        if done:
            return after
    raise Busy("This access key is being changed all the time; look and try again.")


async def take_away(store: Store, user_id: int, key_digest: str, *, even_last: bool = False) -> None:
    """Take a key from its account. Raises NotFound, LastKey (nobody could get in any more)."""
    with store_trouble():
        answer = await store.scripts.run(
            "revoke_key", keys.partition_of(user_id), [user_id, key_digest, int(even_last)]
        )
    if answer == -1:
        raise LastKey
    if answer == 0:
        raise NotFound("no such access key")


async def say_ended(store: Store, account: int, key: AccessKey, why: Ended, *, now: int) -> None:
    """Let a key that opens nothing any more say why for a day; then nobody knows it."""
    name, until = keys.access_key(key.digest), now + ENDED_SECONDS * 1_000
    told: dict[str | bytes, bytes | float | int | str] = {
        "ended": why,
        "account": account,
        "name": key.name,
        "last4": key.last4,
    }
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            await pipe.delete(name).hset(name, mapping=told).expire(name, ENDED_SECONDS).execute()
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.zremrangebyscore(keys.ended_keys(), "-inf", now)
            pipe.zadd(keys.ended_keys(), {key.digest: until})
            await pipe.execute()


async def list_ended(store: Store, *, now: int, limit: int, offset: int = 0) -> list[EndedKey]:
    """Keys that were ended within the last day, newest first."""
    with store_trouble():
        found = await store.redis.zrange(
            keys.ended_keys(),
            "+inf",
            f"({now}",
            byscore=True,
            desc=True,
            offset=offset,
            num=limit,
            withscores=True,
        )
        async with store.redis.pipeline(transaction=False) as pipe:
            for name, _ in found:
                pipe.hmget(keys.access_key(name.decode()), "ended", "account", "name", "last4")
            records = await pipe.execute()
    listed = []
    for (name, until), record in zip(found, records, strict=True):
        why, account, called, last4 = ((value or b"").decode() for value in record)
        if why:
            listed.append(EndedKey(name.decode(), why, int(account or 0), called, last4, int(until)))
    return listed


async def lift(store: Store, key_digest: str) -> bool:
    """Forget that a key was ended: it is unknown from here on. False when nothing was known of it."""
    name = keys.access_key(key_digest)
    with store_trouble():
        if not await store.redis.hexists(name, "ended"):
            return False
        await store.redis.delete(name)
        await store.redis.zrem(keys.ended_keys(), key_digest)
    return True


async def owner_of(store: Store, key_digest: str) -> tuple[int, AccessKey] | None:
    """The account that has the key with this digest, and the key; None when nobody has it."""
    with store_trouble():
        user_id = await store.redis.hget(keys.access_key(key_digest), "user_id")
    user = await user_by_id(store, int(user_id), key=key_digest) if user_id is not None else None
    return None if user is None or user.key is None else (user.id, user.key)


def renewed(key: AccessKey, auth_key: str, now: int) -> AccessKey:
    """The key that takes the place of `key`: its name and its bounds, under another secret."""
    return replace(key, digest=digest(auth_key), last4=auth_key[-4:], created_at=now)


def _use(text: bytes | None) -> Use | None:
    if text is None:
        return None
    at, _, address = text.decode().partition(" ")
    return Use(int(at), address)
