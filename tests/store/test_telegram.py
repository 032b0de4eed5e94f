"""Telegram accounts of accounts: one each way, whatever happens at once or half way."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import MASTER_KEY
from tests.lua.parts import NOON, make_user
from tests.telegram import ADA, EVE
from ttr import accounts
from ttr.accounts import link_telegram, unlink_telegram
from ttr.domain.telegram_login import TelegramAccount
from ttr.store import keys, removal, telegram
from ttr.store.access_keys import user_by_key
from ttr.store.errors import KeyEnded, LastWayIn, StoreUnavailable, TelegramLinked, TelegramTaken
from ttr.store.redis import Store
from ttr.store.sessions import by_telegram, open_session, session_user
from ttr.store.telegram import (
    Linked,
    linked_telegram,
    spend_login,
    user_by_telegram,
)
from ttr.store.users import User, user_by_id


async def renewed(store: Store, user: User) -> User:
    found = await user_by_id(store, user.id)
    assert found is not None
    return found


async def owner_of(store: Store, account: TelegramAccount = ADA) -> int | None:
    """The account that a Telegram account opens, by both the claim and the account."""
    found = await user_by_telegram(store, account.id)
    return found.id if found else None


@pytest.fixture
async def user(store: Store) -> User:
    return await make_user(store)


async def test_a_telegram_account_opens_the_account_it_was_linked_to(store: Store, user: User) -> None:
    assert (await owner_of(store), await linked_telegram(store, user)) == (None, None)
    await link_telegram(store, user, ADA, now=NOON)
    assert await owner_of(store) == user.id
    assert await linked_telegram(store, user) == Linked(ADA, NOON)
    assert (await renewed(store, user)).telegram_id == ADA.id
    await link_telegram(store, user, ADA, now=NOON + 1)
    assert await linked_telegram(store, user) == Linked(ADA, NOON)


@pytest.mark.parametrize("number", [1, 2**31, 2**52, 2**63 - 1])
async def test_ids_of_64_bits_come_back_whole(store: Store, user: User, number: int) -> None:
    account = TelegramAccount(number, "Ada", "")
    await link_telegram(store, user, account, now=NOON)
    assert await linked_telegram(store, user) == Linked(account, NOON)
    assert await owner_of(store, account) == user.id
    assert await owner_of(store, TelegramAccount(number - 1, "", "")) is None


async def test_it_opens_one_account_and_an_account_has_one(store: Store, user: User) -> None:
    other = await make_user(store)
    await link_telegram(store, user, ADA, now=NOON)
    with pytest.raises(TelegramTaken):
        await link_telegram(store, other, ADA, now=NOON)
    with pytest.raises(TelegramLinked):
        await link_telegram(store, user, EVE, now=NOON)
    await link_telegram(store, other, EVE, now=NOON)
    assert (await owner_of(store), await owner_of(store, EVE)) == (user.id, other.id)


async def test_an_unlinked_one_may_go_anywhere(store: Store, user: User) -> None:
    other = await make_user(store)
    await link_telegram(store, user, ADA, now=NOON)
    await unlink_telegram(store, await renewed(store, user))
    assert (await owner_of(store), await linked_telegram(store, user)) == (None, None)
    assert not await store.redis.exists(keys.telegram(ADA.id))
    fields = await store.redis.hkeys(keys.user(user.partition, user.id))
    assert not [name for name in fields if name.startswith(b"telegram")]
    await link_telegram(store, other, ADA, now=NOON)
    # Read before, so it speaks of a link that is over.
    await unlink_telegram(store, await renewed(store, user))
    assert await owner_of(store) == other.id


async def test_an_unlink_that_comes_late_leaves_the_next_link_alone(store: Store, user: User) -> None:
    await link_telegram(store, user, ADA, now=NOON)
    before = await renewed(store, user)
    await unlink_telegram(store, before)
    await link_telegram(store, user, EVE, now=NOON)
    await unlink_telegram(store, before)
    assert await owner_of(store, EVE) == user.id


async def test_two_accounts_that_want_it_at_once(store: Store) -> None:
    users = [await make_user(store) for _ in range(6)]
    for turn in range(10):
        account = TelegramAccount(100 + turn, "Ada", "")
        found = await asyncio.gather(
            *(link_telegram(store, user, account, now=NOON) for user in users), return_exceptions=True
        )
        winners = [user for user, answer in zip(users, found, strict=True) if answer is None]
        assert len(winners) == 1, found
        assert {type(answer) for answer in found if answer is not None} == {TelegramTaken}
        assert await owner_of(store, account) == winners[0].id
        says = [user.id for user in users if (await renewed(store, user)).telegram_id]
        assert says == [winners[0].id]
        await unlink_telegram(store, await renewed(store, winners[0]))


async def test_one_account_that_is_given_two_at_once(store: Store, user: User) -> None:
    found = await asyncio.gather(
        *(link_telegram(store, user, account, now=NOON) for account in (ADA, EVE)), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in found) == ["NoneType", "TelegramLinked"]
    loser = EVE if found[0] is None else ADA
    assert not await store.redis.exists(keys.telegram(loser.id))


async def test_a_claim_that_a_crash_left_behind_is_taken_over(store: Store, user: User) -> None:
    other = await make_user(store)
    await store.redis.set(keys.telegram(ADA.id), user.id)
    assert await owner_of(store) is None
    await link_telegram(store, other, ADA, now=NOON)
    assert await owner_of(store) == other.id
    await store.redis.set(keys.telegram(EVE.id), 999)  # of an account that is not there
    await link_telegram(store, user, EVE, now=NOON)
    assert await owner_of(store, EVE) == user.id


@pytest.mark.parametrize("late", ["before the script", "after the script"])
async def test_whoever_takes_over_a_claim_that_is_alive_does_no_harm(
    store: Store, user: User, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    """The first has claimed and stands still; the second takes its claim for one left behind."""
    other = await make_user(store)
    really: Callable[..., Any] = store.scripts.run
    stopped = asyncio.Event()

    async def run(name: str, partition: int, args: Any) -> Any:
        mine = name == "link_telegram" and args[0] == user.id and not stopped.is_set()
        if mine:
            stopped.set()
            if late == "before the script":
                await second()
        answer = await really(name, partition, args)
        if mine and late == "after the script":
            await second()
        return answer

    async def second() -> None:
        try:
            await link_telegram(store, other, ADA, now=NOON)
        except TelegramTaken:
            refused.append(other.id)

    refused: list[int] = []
    monkeypatch.setattr(telegram, "_LOOKS", 1)
    monkeypatch.setattr(type(store.scripts), "run", lambda _, *args: run(*args))
    if late == "before the script":
        with pytest.raises(TelegramTaken):
            await link_telegram(store, user, ADA, now=NOON)
        assert (await owner_of(store), refused) == (other.id, [])
    else:
        await link_telegram(store, user, ADA, now=NOON)
        assert (await owner_of(store), refused) == (user.id, [other.id])
    says = [one.id for one in (user, other) if (await renewed(store, one)).telegram_id]
    assert says == [await owner_of(store)]


async def test_without_a_key_it_is_kept(store: Store, user: User) -> None:
    await link_telegram(store, user, ADA, now=NOON)
    await keyless(store, user)
    with pytest.raises(LastWayIn):
        await unlink_telegram(store, await renewed(store, user))
    assert await owner_of(store) == user.id


async def test_a_key_that_only_reads_is_no_way_in(store: Store, user: User) -> None:
    await link_telegram(store, user, ADA, now=NOON)
    assert user.key is not None
    _, made = await accounts.make_key(store, user, replace(user.key, scope="read"), now=NOON)
    await accounts.revoke_key(store, user.id, user.key, now=NOON)  # Telegram opens it as well
    with pytest.raises(LastWayIn):
        await unlink_telegram(store, await renewed(store, user))
    assert await user_by_key(store, made) is not None
    await accounts.make_key(store, user, user.key, now=NOON)
    await unlink_telegram(store, await renewed(store, user))
    assert await owner_of(store) is None


async def test_a_session_lives_as_long_as_the_telegram_account_is_linked(store: Store, user: User) -> None:
    await link_telegram(store, user, ADA, now=NOON)
    mine = await open_session(store, user, NOON, opened_by=by_telegram(ADA.id))
    others = await open_session(store, user, NOON, opened_by=by_telegram(EVE.id))
    by_key = await open_session(store, user, NOON)
    assert await session_user(store, mine) is not None
    assert await session_user(store, others) is None
    await telegram.unlink(store, await renewed(store, user))  # its sessions are left behind
    assert await session_user(store, mine) is None
    await link_telegram(store, user, EVE, now=NOON)
    assert await session_user(store, mine) is None
    await link_again(store, user)
    assert await session_user(store, by_key) is not None


async def test_a_session_that_an_unlink_did_not_find_stays_dead(store: Store, user: User) -> None:
    """Of a login that met the unlink."""
    await link_telegram(store, user, ADA, now=NOON)
    linked = await renewed(store, user)
    await unlink_telegram(store, linked)
    session = await open_session(store, linked, NOON, opened_by=by_telegram(ADA.id))
    assert await session_user(store, session) is None
    await link_telegram(store, await renewed(store, user), ADA, now=NOON + 1)
    assert await session_user(store, session) is None


async def link_again(store: Store, user: User) -> None:
    """What is unlinked and linked anew does not bring its sessions back."""
    await unlink_telegram(store, await renewed(store, user))
    await link_telegram(store, user, ADA, now=NOON)
    mine = await open_session(store, user, NOON, opened_by=by_telegram(ADA.id))
    await unlink_telegram(store, await renewed(store, user))
    await link_telegram(store, user, ADA, now=NOON)
    assert await session_user(store, mine) is None


async def keyless(store: Store, user: User) -> None:
    """Take every key away, as an account has none that Telegram has made."""
    await store.redis.delete(keys.access_keys(user.partition, user.id))


async def test_a_deleted_account_lets_it_go(store: Store, user: User) -> None:
    other = await make_user(store)
    await link_telegram(store, user, ADA, now=NOON)
    await accounts.delete_account(store, await renewed(store, user), now=NOON)
    assert not await store.redis.exists(keys.telegram(ADA.id))
    await link_telegram(store, other, ADA, now=NOON)
    assert await owner_of(store) == other.id


async def test_a_closed_account_is_opened_by_nobody_and_may_be_followed_at_once(
    store: Store, user: User
) -> None:
    other = await make_user(store)
    await link_telegram(store, user, ADA, now=NOON)
    await removal.close(store, user.id, now=NOON)
    assert await owner_of(store) is None
    with pytest.raises(KeyEnded):
        await link_telegram(store, user, ADA, now=NOON)
    await link_telegram(store, other, ADA, now=NOON)
    await accounts.finish_deletion(store, user.id)
    assert await owner_of(store) == other.id


async def test_a_link_to_an_account_that_is_gone_leaves_no_claim(store: Store, user: User) -> None:
    await accounts.delete_account(store, user, now=NOON)
    with pytest.raises(KeyEnded):
        await link_telegram(store, user, ADA, now=NOON)
    assert not await store.redis.exists(keys.telegram(ADA.id))


async def test_an_account_is_made_with_it(store: Store) -> None:
    made = await accounts.create_with_telegram(store, ADA, now=NOON, master=MASTER_KEY)
    assert await owner_of(store) == made.id
    again = await accounts.create_with_telegram(store, ADA, now=NOON, master=MASTER_KEY)
    assert again.id == made.id
    assert await user_by_id(store, made.id + 1) is None


async def test_an_account_that_can_t_be_linked_after_all_is_said(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(*_: object) -> None:
        return None

    await accounts.create_with_telegram(store, ADA, now=NOON, master=MASTER_KEY)
    monkeypatch.setattr(telegram, "user_by_telegram", nobody)
    with pytest.raises(StoreUnavailable):
        await accounts.create_with_telegram(store, ADA, now=NOON, master=MASTER_KEY)


async def test_a_login_is_spent_once(store: Store) -> None:
    found = await asyncio.gather(*(spend_login(store, "d1", 60) for _ in range(5)))
    assert sorted(found) == [False] * 4 + [True]
    assert await spend_login(store, "d2", 60)
