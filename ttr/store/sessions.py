"""Browser sessions: the cookie holds a random id, never the access key; we keep the id's hash.

A session lives as long as what opened it: a key of the account, its Telegram account, or the login of an admin.
"""

import secrets
from dataclasses import dataclass, replace
from typing import Any

from ttr.store import keys
from ttr.store.admin_families import family_lives
from ttr.store.redis import Store, store_trouble
from ttr.store.users import User, digest, note_seen, user_by_id

SESSION_SECONDS = 365 * 86_400
"""A session ends a year after its last use."""
SESSIONS_MAX = 50
"""Sessions of one account; a further login ends the oldest."""
AGENT_MAX = 200
"""Characters of a browser's name that are kept."""
SEEN_EVERY_MS = 60_000
"""How often the last use of a session is written down."""

_FIELDS = ("user_id", "opened_by", "access_key", "seen_at")
_LISTED = ("user_id", "opened_by", "created_at", "seen_at", "address", "agent")


@dataclass(frozen=True, slots=True)
class Seen:
    """When (ms), from which address and by which browser a session is used."""

    at: int
    address: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A session as its owner sees it. `id` names it without opening anything."""

    digest: str
    opened_by: str
    created_at: int
    seen_at: int
    address: str
    agent: str

    @property
    def id(self) -> str:
        """Its public name: 64 bits of the digest tell nothing of the cookie."""
        return self.digest[:16]


def by_key(key_digest: str) -> str:
    """What opened a session: an access key."""
    return f"key:{key_digest}"


def by_admin(username: str, family: str) -> str:
    """What opened a session: an admin, in a login of his."""
    return f"admin:{username}:{family}"


def by_telegram(telegram_id: int) -> str:
    """What a Telegram account has opened."""
    return f"telegram:{telegram_id}"


async def open_session(
    store: Store, user: User, now: int, *, opened_by: str = "", address: str = "", agent: str = ""
) -> str:
    """A new session of the account; returns the id for the cookie (32 url-safe characters).

    Without `opened_by` it ends with the access key that `user` was read with: a login that meets the end of the key
    outlives nothing.
    """
    session_id = secrets.token_urlsafe(24)
    if not opened_by and user.key is not None:
        opened_by = by_key(user.key.digest)
    key, of_user = keys.session(digest(session_id)), keys.user_sessions(user.id)
    fields: dict[str | bytes, Any] = {
        "user_id": user.id,
        "created_at": now,
        "opened_by": opened_by,
        **_seen(Seen(now, address, agent)),
    }
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.hset(key, mapping=fields)
            pipe.expire(key, SESSION_SECONDS)
            pipe.lpush(of_user, digest(session_id))
            pipe.expire(of_user, SESSION_SECONDS)
            pipe.lrange(of_user, SESSIONS_MAX, -1)
            pipe.ltrim(of_user, 0, SESSIONS_MAX - 1)
            *_, oldest, _trimmed = await pipe.execute()
        for forgotten in oldest:
            await store.redis.delete(keys.session(forgotten.decode()))
        is_there = await store.redis.hexists(keys.user(user.partition, user.id), "user_slug")
    if not is_there:
        # It was deleted since it was read: nothing would ever remove this, which opens nothing.
        await close_sessions(store, user.id)
    await note_seen(store, user.id, now)
    return session_id


async def session_user(store: Store, session_id: str, seen: Seen | None = None) -> User | None:
    """The account of a session, whose life this use prolongs; None when it has ended, or what opened it has.

    `seen` is written down once a minute, for the owner's list of sessions.
    """
    key = keys.session(digest(session_id))
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.hmget(key, _FIELDS)
            pipe.expire(key, SESSION_SECONDS)
            found, _ = await pipe.execute()
    user_id, opened_by, access_key, seen_at = (None if value is None else value.decode() for value in found)
    if user_id is None:
        return None
    user = await _opened(store, int(user_id), opened_by or by_key(access_key or ""))
    if user is not None and seen is not None and seen.at - int(seen_at or 0) >= SEEN_EVERY_MS:
        await _note_use(store, key, seen)
        await note_seen(store, user.id, seen.at)
    return user


async def _opened(store: Store, user_id: int, opened_by: str) -> User | None:
    """The account, if what opened a session of it still does."""
    means, _, what = opened_by.partition(":")
    if means == "key":
        user = await user_by_id(store, user_id, key=what)
        return None if user is None or user.key is None else user
    if means == "telegram":
        user = await user_by_id(store, user_id)
        return None if user is None or by_telegram(user.telegram_id) != opened_by else user
    if means == "admin":
        username, _, family = what.partition(":")
        user = await user_by_id(store, user_id) if await family_lives(store, username, family) else None
        return None if user is None else replace(user, operator=username)
    return None


async def list_sessions(store: Store, user: User) -> list[Session]:
    """The account's sessions that live, newest first."""
    with store_trouble():
        digests = [name.decode() for name in await store.redis.lrange(keys.user_sessions(user.id), 0, -1)]
        async with store.redis.pipeline(transaction=False) as pipe:
            for name in digests:
                pipe.hmget(keys.session(name), _LISTED)
            found = await pipe.execute()
    listed = []
    for name, fields in zip(digests, found, strict=True):
        user_id, opened_by, created_at, seen_at, address, agent = (
            (value or b"").decode() for value in fields
        )
        if user_id:
            listed.append(
                Session(name, opened_by, int(created_at), int(seen_at or created_at), address, agent)
            )
    # A login of an admin ends without a word to the accounts that he has open.
    logins = {one.opened_by for one in listed if one.opened_by.startswith("admin:")}
    lives = {login: await _login_lives(store, login) for login in logins}
    return [one for one in listed if lives.get(one.opened_by, True)]


async def _login_lives(store: Store, opened_by: str) -> bool:
    _, username, family = opened_by.split(":", 2)
    return await family_lives(store, username, family)


async def close_session(store: Store, session_id: str) -> None:
    """End a session at once, and tell the pages it has open."""
    with store_trouble():
        await _close(store, digest(session_id))


async def close_session_by_id(store: Store, user: User, public_id: str) -> bool:
    """End the account's session with this public id; False when it has none such."""
    for session in await list_sessions(store, user):
        if session.id == public_id:
            with store_trouble():
                await _close(store, session.digest)
            return True
    return False


async def close_other_sessions(store: Store, user: User, session_id: str) -> int:
    """End the account's sessions but this one; how many."""
    others = [one for one in await list_sessions(store, user) if one.digest != digest(session_id)]
    with store_trouble():
        for session in others:
            await _close(store, session.digest)
    return len(others)


async def close_sessions(store: Store, user_id: int, *, opened_by: str = "") -> None:
    """End all sessions of an account, or those that one thing opened."""
    of_user = keys.user_sessions(user_id)
    with store_trouble():
        for name in await store.redis.lrange(of_user, 0, -1):
            key = keys.session(name.decode())
            if opened_by and await store.redis.hget(key, "opened_by") != opened_by.encode():
                continue
            await store.redis.delete(key)
            await store.redis.lrem(of_user, 0, name)


async def drop_ended_operators(store: Store, user_id: int) -> None:
    """Forget the sessions of operators whose logins have ended: they count among those an account may have."""
    of_user = keys.user_sessions(user_id)
    with store_trouble():
        for name in await store.redis.lrange(of_user, 0, -1):
            key = keys.session(name.decode())
            opened_by = (await store.redis.hget(key, "opened_by") or b"").decode()
            if opened_by.startswith("admin:") and not await _login_lives(store, opened_by):
                await store.redis.delete(key)
                await store.redis.lrem(of_user, 0, name)


async def _close(store: Store, name: str) -> None:
    key = keys.session(name)
    user_id = await store.redis.hget(key, "user_id")
    await store.redis.delete(key)
    if user_id is not None:
        number = int(user_id)
        await store.redis.lrem(keys.user_sessions(number), 0, name)
        await store.redis.spublish(keys.changes(keys.partition_of(number)), f"{number} 0 0 s")


async def _note_use(store: Store, key: str, seen: Seen) -> None:
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, mapping=_seen(seen))
            pipe.expire(key, SESSION_SECONDS)
            pipe.hexists(key, "user_id")
            *_, is_there = await pipe.execute()
        if not is_there:
            # It ended since it was read.
            await store.redis.delete(key)


def _seen(seen: Seen) -> dict[str | bytes, Any]:
    return {"seen_at": seen.at, "address": seen.address, "agent": seen.agent[:AGENT_MAX]}
