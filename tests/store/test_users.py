"""Accounts and sessions: nothing that opens a door is kept in Redis as it is."""

import asyncio
import secrets
from dataclasses import replace

import pytest

from tests.conftest import MASTER_KEY
from tests.everywhere import key_names
from tests.lua.parts import NOON, dump, make_channel
from ttr import accounts
from ttr.domain.access_key import AccessKey
from ttr.store import access_keys, keys
from ttr.store.access_keys import list_keys, user_by_key
from ttr.store.errors import KeyEnded, StoreUnavailable
from ttr.store.form import MARKS
from ttr.store.migrate import migrate
from ttr.store.redis import Store
from ttr.store.removal import close
from ttr.store.sealed import Unreadable, new_data_key, seal, unseal
from ttr.store.sessions import SESSION_SECONDS, SESSIONS_MAX, close_session, open_session, session_user
from ttr.store.users import User, create_user, digest, user_by_id


async def new(store: Store) -> tuple[User, str]:
    """An account made at noon."""
    return await create_user(store, now=NOON, master=MASTER_KEY)


async def everything(store: Store) -> bytes:
    """Every key's name and every value that Redis holds, in one string."""
    parts: list[bytes] = []
    for key in await key_names(store, "*"):
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


def key_of(user: User) -> AccessKey:
    """The key that the account was made or found with."""
    assert user.key is not None
    return user.key


async def test_an_account_is_found_by_its_key_and_its_number(store: Store) -> None:
    user, key = await new(store)
    assert await user_by_key(store, key) == user
    assert await user_by_id(store, user.id) == replace(user, key=None)
    assert await user_by_id(store, user.id, key=key_of(user).digest) == user
    assert await user_by_id(store, user.id + 1) is None


@pytest.mark.parametrize(
    "key", ["nobody-ever-got-this-key-00000-x", "", "short", "x" * 33, "ä" * 32, "a:b{1}c*" * 4]
)
async def test_an_unknown_key_finds_nothing_and_makes_nothing(store: Store, key: str) -> None:
    await new(store)
    before = await dump(store)
    assert await user_by_key(store, key) is None
    assert await dump(store) == before


async def test_neither_key_nor_session_nor_webhook_is_kept_in_the_clear(store: Store) -> None:
    user, key = await new(store)
    session = await open_session(store, user, NOON)
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


async def test_a_session_is_prolonged_by_its_use_and_ends_at_once_when_closed(store: Store) -> None:
    user, _ = await new(store)
    session = await open_session(store, user, NOON)
    (key,) = await key_names(store, "ttr:session:*")
    await store.redis.expire(key, 100)
    assert await session_user(store, session) == user
    assert SESSION_SECONDS - 60 < await store.redis.ttl(key) <= SESSION_SECONDS
    await close_session(store, session)
    assert await session_user(store, session) is None
    assert await key_names(store, "ttr:session:*") == []


async def test_an_unknown_session_is_nobodys_and_leaves_no_trace(store: Store) -> None:
    before = await dump(store)
    assert await session_user(store, secrets.token_urlsafe(24)) is None
    assert await dump(store) == before


async def test_a_login_too_many_ends_the_oldest_session(store: Store) -> None:
    user, _ = await new(store)
    sessions = [await open_session(store, user, NOON) for _ in range(SESSIONS_MAX + 1)]
    assert await session_user(store, sessions[0]) is None
    assert await session_user(store, sessions[1]) == user
    assert await session_user(store, sessions[-1]) == user


async def test_a_new_key_opens_the_account_and_the_old_one_says_for_a_day_that_it_was_replaced(
    store: Store,
) -> None:
    user, old = await new(store)
    new_one = await accounts.replace_key(store, user, key_of(user), now=NOON + 1)
    assert new_one != old
    renewed = replace(key_of(user), digest=digest(new_one), last4=new_one[-4:], created_at=NOON + 1)
    assert await user_by_key(store, new_one) == replace(user, version=1, key=renewed)
    with pytest.raises(KeyEnded, match="replaced"):
        await user_by_key(store, old)
    name = keys.access_key(digest(old))
    assert await store.redis.hgetall(name) == {
        b"ended": b"replaced",
        b"account": str(user.id).encode(),
        b"name": b"First key",
        b"last4": old[-4:].encode(),
    }
    assert 86_000 < await store.redis.ttl(name) <= 86_400
    assert await store.redis.ttl(keys.access_key(digest(new_one))) == -1
    await store.redis.delete(name)
    assert await user_by_key(store, old) is None


async def test_of_many_who_replace_a_key_at_once_one_gets_a_key(store: Store) -> None:
    user, old = await new(store)
    results = await asyncio.gather(
        *(accounts.replace_key(store, user, key_of(user), now=NOON) for _ in range(10)),
        return_exceptions=True,
    )
    (key,) = [result for result in results if isinstance(result, str)]
    assert sum(isinstance(result, KeyEnded) for result in results) == 9
    found = await user_by_key(store, key)
    assert found is not None
    assert found.id == user.id
    assert set(await key_names(store, "ttr:access-key:*")) == {
        keys.access_key(digest(one)).encode() for one in (old, key)
    }


async def test_a_new_key_ends_every_session_also_one_that_is_just_being_opened(store: Store) -> None:
    user, key = await new(store)
    sessions = [await open_session(store, user, NOON) for _ in range(3)]
    logging_in = await user_by_key(store, key)
    assert logging_in is not None
    newest = await accounts.replace_key(store, user, key_of(user), now=NOON)
    assert await key_names(store, "ttr:session:*") == []
    assert await key_names(store, "ttr:user-sessions:*") == []
    # The login had found the account before the key was replaced, and opens its session after that.
    late = await open_session(store, logging_in, NOON)
    for session in (*sessions, late):
        assert await session_user(store, session) is None
    owner = await user_by_key(store, newest)
    assert owner is not None
    assert await session_user(store, await open_session(store, owner, NOON)) == owner


async def test_a_key_that_is_being_replaced_when_its_owner_hangs_up_is_replaced_as_a_whole(
    store: Store,
) -> None:
    for pauses in range(20):
        user, old = await new(store)
        session = await open_session(store, user, NOON)
        asked = asyncio.create_task(accounts.replace_key(store, user, key_of(user), now=NOON))
        for _ in range(pauses):
            await asyncio.sleep(0)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        async with asyncio.timeout(10):
            while accounts.going():
                await asyncio.sleep(0.001)
        found = await user_by_id(store, user.id)
        assert found is not None
        (now_its,) = await list_keys(store, found)
        if now_its[0] == user.key:
            # It had not begun.
            assert await user_by_key(store, old) == user
        else:
            with pytest.raises(KeyEnded, match="replaced"):
                await user_by_key(store, old)
            assert await session_user(store, session) is None


async def test_a_new_key_is_not_lost_when_the_answer_of_redis_is(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, _ = await new(store)
    failures = [StoreUnavailable("the answer was lost"), StoreUnavailable("away")]
    really = access_keys.put_in_place

    async def put_in_place(store: Store, user: User, before: AccessKey, after: AccessKey) -> bool:
        done = await really(store, user, before, after)
        if failures:
            raise failures.pop()
        return done

    monkeypatch.setattr(access_keys, "put_in_place", put_in_place)
    monkeypatch.setattr(accounts, "_ASK_AGAIN_SECONDS", 0)
    key = await accounts.replace_key(store, user, key_of(user), now=NOON)
    assert await user_by_key(store, key) is not None


async def test_a_key_works_though_the_signs_of_its_change_could_not_be_left(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("away")

    user, old = await new(store)
    session = await open_session(store, user, NOON)
    monkeypatch.setattr(access_keys, "say_ended", away)
    key = await accounts.replace_key(store, user, key_of(user), now=NOON)
    assert await user_by_key(store, key) is not None
    with pytest.raises(KeyEnded, match="replaced"):
        await user_by_key(store, old)
    assert await session_user(store, session) is None


async def test_the_one_key_of_an_account_of_an_older_version_becomes_its_first(store: Store) -> None:
    user, key = await new(store)
    session = await open_session(store, user, NOON)
    (name,) = await key_names(store, "ttr:session:*")
    await store.redis.hdel(name, "opened_by")
    await store.redis.hset(name, "access_key", digest(key))
    await store.redis.delete(keys.access_keys(user.partition, user.id))
    await store.redis.hset(keys.user(user.partition, user.id), "access_key", digest(key))
    await store.redis.hset(
        keys.access_key(digest(key)), mapping={"user_id": user.id, "last4": key[-4:], "created_at": NOON}
    )
    await store.redis.hdel(keys.meta(), *MARKS)
    assert [one.form for one in await migrate(store, say=print)] == [2]
    assert await session_user(store, session) == user
    assert await user_by_key(store, key) == user
    assert await store.redis.hget(keys.user(user.partition, user.id), "access_key") is None
    await accounts.replace_key(store, user, key_of(user), now=NOON)
    assert await session_user(store, session) is None
    with pytest.raises(KeyEnded, match="replaced"):
        await user_by_key(store, key)


async def test_a_new_key_of_a_closed_account_is_none(store: Store) -> None:
    user, _ = await new(store)
    await close(store, user.id, now=NOON)
    with pytest.raises(KeyEnded):
        await accounts.replace_key(store, user, key_of(user), now=NOON)
    assert len(await key_names(store, "ttr:access-key:*")) == 1
