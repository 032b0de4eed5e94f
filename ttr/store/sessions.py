"""Browser sessions: the cookie holds a random id, never the access key; we keep the id's hash."""

import secrets

from ttr.store import keys
from ttr.store.redis import Store, store_trouble
from ttr.store.users import digest

SESSION_SECONDS = 365 * 86_400
"""A session ends a year after its last use."""
SESSIONS_MAX = 50
"""Sessions of one account; a further login ends the oldest."""


async def open_session(store: Store, user_id: int, now: int) -> str:
    """A new session of the account; returns the id for the cookie (32 url-safe characters)."""
    session_id = secrets.token_urlsafe(24)
    key, of_user = keys.session(digest(session_id)), keys.user_sessions(user_id)
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            pipe.hset(key, mapping={"user_id": user_id, "created_at": now})
            pipe.expire(key, SESSION_SECONDS)
            pipe.lpush(of_user, digest(session_id))
            pipe.expire(of_user, SESSION_SECONDS)
            pipe.lrange(of_user, SESSIONS_MAX, -1)
            pipe.ltrim(of_user, 0, SESSIONS_MAX - 1)
            *_, oldest, _trimmed = await pipe.execute()
        for forgotten in oldest:
            await store.redis.delete(keys.session(forgotten.decode()))
    return session_id


async def session_user(store: Store, session_id: str) -> int | None:
    """The account of a session, whose life this use prolongs; None when it has ended."""
    key = keys.session(digest(session_id))
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            user_id, _ = await pipe.hget(key, "user_id").expire(key, SESSION_SECONDS).execute()
    return None if user_id is None else int(user_id)


async def close_session(store: Store, session_id: str) -> None:
    """End a session at once."""
    with store_trouble():
        await store.redis.delete(keys.session(digest(session_id)))
