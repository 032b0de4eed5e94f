"""Accounts and sessions: nothing that opens a door is kept in Redis as it is."""

import asyncio
import secrets

import pytest

from tests.conftest import MASTER_KEY
from tests.lua.parts import NOON, dump, make_channel, names
from ttr.store import keys
from ttr.store.errors import QuotaReached
from ttr.store.redis import Store
from ttr.store.sealed import Unreadable, new_data_key, seal, unseal
from ttr.store.sessions import SESSION_SECONDS, SESSIONS_MAX, close_session, open_session, session_user
from ttr.store.users import User, create_user, user_by_id, user_by_key


async def new(store: Store, address: str = "", most: int | None = None) -> tuple[User, str]:
    """An account made at noon."""
    return await create_user(store, now=NOON, master=MASTER_KEY, address=address, most_per_address=most)


async def everything(store: Store) -> bytes:
    """Every key's name and every value that Redis holds, in one string."""
    parts: list[bytes] = []
    for key in await store.redis.keys("*"):
        kind = await store.redis.type(key)
        match kind:
            case b"string":
                value: object = await store.redis.get(key)
            case b"hash":
                value = await store.redis.hgetall(key)
            case b"list":
                value = await store.redis.lrange(key, 0, -1)
            case b"set":
                value = await store.redis.smembers(key)
            case b"zset":
                value = await store.redis.zrange(key, 0, -1)
            case b"stream":
                value = await store.redis.xrange(key)
            case _:
                raise AssertionError(f"a type we don't know: {kind!r}")
        parts.append(repr((key, value)).encode())
    return b"\n".join(parts)


async def test_an_account_is_found_by_its_key_and_its_number(store: Store) -> None:
    user, key = await new(store)
    assert await user_by_key(store, key) == user
    assert await user_by_id(store, user.id) == user
    assert await user_by_id(store, user.id + 1) is None


@pytest.mark.parametrize("key", [secrets.token_urlsafe(24), "", "short", "x" * 33, "ä" * 32, "a:b{1}c*" * 4])
async def test_an_unknown_key_finds_nothing_and_makes_nothing(store: Store, key: str) -> None:
    await new(store)
    before = await dump(store)
    assert await user_by_key(store, key) is None
    assert await dump(store) == before


async def test_neither_key_nor_session_nor_webhook_is_kept_in_the_clear(store: Store) -> None:
    user, key = await new(store)
    session = await open_session(store, user.id, NOON)
    url = "https://hooks.example.com/services/T000/very-secret"
    sealed = seal(MASTER_KEY, user.data_key, url)
    await make_channel(store, user, sealed=sealed)
    held = await everything(store)
    assert sealed.encode() in held
    for secret in (key, session, url, "very-secret", MASTER_KEY):
        assert secret.encode() not in held
    # The last four characters are kept on purpose, so that people can tell their keys apart.
    assert key[-5:].encode() not in held


async def test_a_secret_opens_with_its_own_keys_only(store: Store) -> None:
    (one, _), (two, _) = await new(store), await new(store)
    sealed = seal(MASTER_KEY, one.data_key, "https://example.com")
    assert unseal(MASTER_KEY, one.data_key, sealed) == "https://example.com"
    with pytest.raises(Unreadable):
        unseal(MASTER_KEY, two.data_key, sealed)
    other_master = "A" * 43 + "="
    with pytest.raises(Unreadable):
        unseal(other_master, one.data_key, sealed)
    with pytest.raises(Unreadable):
        unseal(MASTER_KEY, new_data_key(other_master), sealed)


async def test_accounts_made_at_once_have_names_of_their_own(store: Store) -> None:
    made = await asyncio.gather(*(new(store) for _ in range(30)))
    for part in (
        {user.id for user, _ in made},
        {user.user_slug for user, _ in made},
        {key for _, key in made},
    ):
        assert len(part) == 30


async def test_an_address_makes_no_more_than_its_share_within_an_hour(store: Store) -> None:
    made = await asyncio.gather(*(new(store, "203.0.113.9", 3) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(result, QuotaReached) for result in made) == 3
    await new(store, "203.0.113.10", 3)
    lives = await store.redis.ttl(keys.signups("203.0.113.9"))
    assert 3_500 < lives <= 3_600
    before = await names(store)
    with pytest.raises(QuotaReached):
        await new(store, "203.0.113.9", 3)
    assert await names(store) == before
    assert await store.redis.ttl(keys.signups("203.0.113.9")) <= lives


async def test_a_session_is_prolonged_by_its_use_and_ends_at_once_when_closed(store: Store) -> None:
    user, _ = await new(store)
    session = await open_session(store, user.id, NOON)
    (key,) = await store.redis.keys("ttr:session:*")
    await store.redis.expire(key, 100)
    assert await session_user(store, session) == user.id
    assert SESSION_SECONDS - 60 < await store.redis.ttl(key) <= SESSION_SECONDS
    await close_session(store, session)
    assert await session_user(store, session) is None
    assert await store.redis.keys("ttr:session:*") == []


async def test_an_unknown_session_is_nobodys_and_leaves_no_trace(store: Store) -> None:
    before = await dump(store)
    assert await session_user(store, secrets.token_urlsafe(24)) is None
    assert await dump(store) == before


async def test_an_ipv6_network_counts_as_one_address(store: Store) -> None:
    async def account(address: str) -> None:
        await create_user(store, now=NOON, master=MASTER_KEY, address=address, most_per_address=2)

    await account("2001:db8:1:2::1")
    await account("2001:db8:1:2:ffff::2")
    with pytest.raises(QuotaReached):
        await account("2001:db8:1:2::3")
    await account("2001:db8:1:3::1")


async def test_a_login_too_many_ends_the_oldest_session(store: Store) -> None:
    user, _ = await new(store)
    sessions = [await open_session(store, user.id, NOON) for _ in range(SESSIONS_MAX + 1)]
    assert await session_user(store, sessions[0]) is None
    assert await session_user(store, sessions[1]) == user.id
    assert await session_user(store, sessions[-1]) == user.id
