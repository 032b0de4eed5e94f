"""The keys of an account: many, named, each ended by itself; never none."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import MASTER_KEY
from tests.everywhere import key_names
from tests.lua.parts import NOON, dump, make_user
from ttr import accounts
from ttr.domain.access_key import AccessKey
from ttr.domain.limits import ACCESS_KEYS_MAX
from ttr.store import access_keys, keys, sessions
from ttr.store.access_keys import Use, list_ended, list_keys, note_use, user_by_key
from ttr.store.errors import KeyEnded, LastKey, NotFound, QuotaReached, StoreUnavailable
from ttr.store.redis import Store
from ttr.store.sessions import Seen, close_session, open_session, session_user
from ttr.store.users import User, create_user, digest, new_key

DRAFT = AccessKey("", "Backups", "", 0, "read", ("203.0.113.0/24",), ("https://grafana.example",))
FULL = AccessKey("", "Laptop", "", 0)


@pytest.fixture
async def user(store: Store) -> User:
    """An account with its first key."""
    return await make_user(store)


async def test_a_further_key_opens_the_account_under_its_own_name_and_bounds(
    store: Store, user: User
) -> None:
    made, auth_key = await accounts.make_key(store, user, DRAFT, now=NOON + 5)
    assert made == replace(DRAFT, digest=digest(auth_key), last4=auth_key[-4:], created_at=NOON + 5)
    found = await user_by_key(store, auth_key)
    assert found is not None
    assert (found.id, found.key) == (user.id, made)
    assert [key for key, _ in await list_keys(store, user)] == [user.key, made]
    assert made.id == digest(auth_key)[:16]


async def test_an_account_has_at_most_twenty_keys_also_when_they_are_made_at_once(
    store: Store, user: User
) -> None:
    made = await asyncio.gather(
        *(accounts.make_key(store, user, FULL, now=NOON) for _ in range(ACCESS_KEYS_MAX + 2)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, QuotaReached) for one in made) == 3
    assert len(await list_keys(store, user)) == ACCESS_KEYS_MAX
    # What was refused left nothing that could be found.
    assert len(await key_names(store, "ttr:access-key:*")) == ACCESS_KEYS_MAX


async def test_a_revoked_key_ends_with_its_sessions_and_those_of_others_go_on(
    store: Store, user: User
) -> None:
    made, auth_key = await accounts.make_key(store, user, FULL, now=NOON)
    by_it = await user_by_key(store, auth_key)
    assert by_it is not None
    ends, stays = await open_session(store, by_it, NOON), await open_session(store, user, NOON)
    await accounts.revoke_key(store, user.id, made, now=NOON)
    with pytest.raises(KeyEnded, match="revoked"):
        await user_by_key(store, auth_key)
    assert await session_user(store, ends) is None
    assert await session_user(store, stays) is not None
    # One that was just being opened ends as well.
    assert await session_user(store, await open_session(store, by_it, NOON)) is None
    with pytest.raises(NotFound):
        await accounts.revoke_key(store, user.id, made, now=NOON)


async def test_the_last_key_that_may_do_everything_stays(store: Store, user: User) -> None:
    assert user.key is not None
    await accounts.make_key(store, user, DRAFT, now=NOON)
    with pytest.raises(LastKey):
        await accounts.revoke_key(store, user.id, user.key, now=NOON)
    other, _ = await accounts.make_key(store, user, FULL, now=NOON)
    ends = await asyncio.gather(
        *(accounts.revoke_key(store, user.id, key, now=NOON) for key in (user.key, other)),
        return_exceptions=True,
    )
    assert sorted(type(end).__name__ for end in ends) == ["LastKey", "NoneType"]


async def test_with_telegram_linked_or_by_the_operator_also_the_last_key_goes(
    store: Store, user: User
) -> None:
    assert user.key is not None
    await accounts.revoke_key(store, user.id, user.key, now=NOON, blocked=True)
    assert await list_keys(store, user) == []
    linked = await make_user(store)
    assert linked.key is not None
    key = keys.user(linked.partition, linked.id)
    async with store.redis.pipeline() as pipe:
        pipe.hset(key, "telegram_id", 5)
        pipe.hincrby(keys.dirty(linked.partition), f"user:{linked.id}", 1)
        await pipe.execute()
    await accounts.revoke_key(store, linked.id, linked.key, now=NOON)
    assert await list_keys(store, linked) == []


async def test_an_edit_keeps_the_secret_and_two_edits_at_once_both_count(store: Store, user: User) -> None:
    made, auth_key = await accounts.make_key(store, user, DRAFT, now=NOON)
    await asyncio.gather(
        access_keys.change(store, user, made.id, lambda key: replace(key, name="Nightly")),
        access_keys.change(store, user, made.id, lambda key: replace(key, addresses=())),
    )
    found = await user_by_key(store, auth_key)
    assert found is not None
    assert found.key == replace(made, name="Nightly", addresses=())
    before = await dump(store)
    with pytest.raises(NotFound):
        await access_keys.change(store, user, "0" * 16, lambda key: key)
    assert await dump(store) == before


async def test_ended_keys_are_listed_for_a_day_and_can_be_lifted(store: Store, user: User) -> None:
    made, auth_key = await accounts.make_key(store, user, FULL, now=NOON)
    assert await access_keys.owner_of(store, made.digest) == (user.id, made)
    await accounts.revoke_key(store, user.id, made, now=NOON, blocked=True)
    (ended,) = await list_ended(store, now=NOON, limit=10)
    assert (ended.why, ended.account, ended.name, ended.last4) == (
        "blocked",
        user.id,
        "Laptop",
        auth_key[-4:],
    )
    assert ended.until == NOON + 86_400_000
    assert await list_ended(store, now=ended.until, limit=10) == []
    with pytest.raises(KeyEnded, match="operator"):
        await user_by_key(store, auth_key)
    assert await access_keys.owner_of(store, made.digest) is None
    assert await access_keys.lift(store, made.digest)
    assert not await access_keys.lift(store, made.digest)
    assert await user_by_key(store, auth_key) is None
    assert await list_ended(store, now=NOON, limit=10) == []


async def test_a_revoked_last_key_is_not_learnt_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("away")

    user, key = await create_user(store, now=NOON, master=MASTER_KEY)
    assert user.key is not None
    monkeypatch.setattr(access_keys, "say_ended", away)
    await accounts.revoke_key(store, user.id, user.key, now=NOON, blocked=True)
    assert await store.redis.hget(keys.access_key(digest(key)), "user_id") is not None
    with pytest.raises(KeyEnded):
        await user_by_key(store, key)
    assert await list_keys(store, user) == []


async def test_an_account_without_a_key_learns_none(store: Store) -> None:
    """A part of a cluster that has lost its newest writes gives a number again that a key elsewhere still leads to."""
    user, _ = await create_user(store, now=NOON, master=MASTER_KEY, with_key=False)
    key = new_key()
    await access_keys.enter(store, user.id, digest(key))
    with pytest.raises(KeyEnded):
        await user_by_key(store, key)
    assert await list_keys(store, user) == []


async def test_a_session_that_ends_while_it_is_used_leaves_nothing(
    store: Store, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await open_session(store, user, NOON)
    really = sessions._opened

    async def opened(*said: Any) -> User | None:
        found = await really(*said)
        await close_session(store, session)
        return found

    monkeypatch.setattr(sessions, "_opened", opened)
    await session_user(store, session, Seen(NOON + 60_000, "203.0.113.7", "Browser"))
    assert await key_names(store, "ttr:session:*") == []


async def test_a_login_that_meets_the_end_of_the_account_leaves_nothing(store: Store, user: User) -> None:
    await accounts.delete_account(store, user, now=NOON)
    session = await open_session(store, user, NOON, address="203.0.113.7", agent="Browser")
    assert await session_user(store, session) is None
    assert await key_names(store, "ttr:session:*") == []
    assert not await store.redis.exists(keys.user_sessions(user.id))


async def test_a_key_that_ends_while_it_is_used_leaves_nothing(store: Store, user: User) -> None:
    assert user.key is not None
    await note_use(store, user, user.key, Use(NOON, "203.0.113.7"))
    assert (await list_keys(store, user))[0][1] == Use(NOON, "203.0.113.7")
    await accounts.delete_account(store, user, now=NOON)
    await note_use(store, user, user.key, Use(NOON, "203.0.113.7"))
    assert not await store.redis.exists(keys.key_uses(user.partition, user.id))


async def test_a_bound_that_is_set_while_the_key_is_replaced_binds_the_new_one(
    store: Store, user: User
) -> None:
    made, _ = await accounts.make_key(store, user, FULL, now=NOON)
    await access_keys.change(store, user, made.id, lambda key: replace(key, addresses=("203.0.113.0/24",)))
    # The caller had read the key before that.
    auth_key = await accounts.replace_key(store, user, made, now=NOON)
    found = await user_by_key(store, auth_key)
    assert found is not None
    assert found.key is not None
    assert found.key.addresses == ("203.0.113.0/24",)
