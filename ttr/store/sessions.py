"""Browser sessions: the cookie holds a random id, never the access key; we keep the id's hash."""

import secrets

from ttr.store import keys
from ttr.store.redis import Store, store_trouble
from ttr.store.users import User, digest, user_by_id

SESSION_SECONDS = 365 * 86_400
"""A session ends a year after its last use."""
SESSIONS_MAX = 50
"""Sessions of one account; a further login ends the oldest."""


async def open_session(store: Store, user: User, now: int) -> str:
    """A new session of the account; returns the id for the cookie (32 url-safe characters).

    It ends with the access key that `user` was read with: a login that meets a rotation of the key outlives nothing.
    """
    session_id = secrets.token_urlsafe(24)
    key, of_user = keys.session(digest(session_id)), keys.user_sessions(user.id)
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.hset(key, mapping={"user_id": user.id, "created_at": now, "access_key": user.access_key})
            pipe.expire(key, SESSION_SECONDS)
            pipe.lpush(of_user, digest(session_id))
            pipe.expire(of_user, SESSION_SECONDS)
            pipe.lrange(of_user, SESSIONS_MAX, -1)
            pipe.ltrim(of_user, 0, SESSIONS_MAX - 1)
            *_, oldest, _trimmed = await pipe.execute()
        for forgotten in oldest:
            await store.redis.delete(keys.session(forgotten.decode()))
    return session_id


async def session_user(store: Store, session_id: str) -> User | None:
    """The account of a session, whose life this use prolongs; None when it has ended, or its access key has."""
    key = keys.session(digest(session_id))
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.hmget(key, "user_id", "access_key")
            pipe.expire(key, SESSION_SECONDS)
            (user_id, access_key), _ = await pipe.execute()
    user = None if user_id is None else await user_by_id(store, int(user_id))
    # One that was opened before sessions knew their key is ended by name when the key is.
    if user is None or (access_key is not None and access_key.decode() != user.access_key):
        return None
    return user


async def close_session(store: Store, session_id: str) -> None:
    """End a session at once, and tell the pages it has open."""
    key = keys.session(digest(session_id))
    with store_trouble():
        user_id = await store.redis.hget(key, "user_id")
        await store.redis.delete(key)
        if user_id is not None:
            number = int(user_id)
            await store.redis.spublish(keys.changes(keys.partition_of(number)), f"{number} 0 0 s")


async def close_sessions(store: Store, user_id: int) -> None:
    """End all sessions of an account."""
    of_user = keys.user_sessions(user_id)
    with store_trouble():
        while found := await store.redis.lpop(of_user, SESSIONS_MAX):
            for name in found:
                await store.redis.delete(keys.session(name.decode()))
