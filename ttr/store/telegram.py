"""Which Telegram account opens which account: claimed for the whole installation, and decided by the account.

The claim is a key outside the partitions. It is made first; the account's script decides; a claim that a crash has left
behind leads to an account that says nothing of it, and the next who wants it takes it over.
"""

import asyncio
from dataclasses import dataclass

from ttr.domain.telegram_login import TelegramAccount
from ttr.store import keys
from ttr.store.errors import KeyEnded, LastWayIn, StoreUnavailable, TelegramLinked, TelegramTaken
from ttr.store.redis import Store, store_trouble
from ttr.store.users import User, user_by_id

_FIELDS = ("telegram_id", "telegram_name", "telegram_username", "telegram_since")
# A claim changes hands between two commands only while others link the same Telegram account.
_TURNS = 5
# Between its claim and its script a link takes milliseconds; a claim that stays without is one that a crash has left.
_LOOKS = 20
_LOOK_AGAIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Linked:
    """The Telegram account of an account, and since when (ms)."""

    account: TelegramAccount
    since: int


async def linked_telegram(store: Store, user: User) -> Linked | None:
    """The account's Telegram account, as it was called when it was linked."""
    with store_trouble():
        found = await store.redis.hmget(keys.user(user.partition, user.id), _FIELDS)
    if found[0] is None:
        return None
    telegram_id, name, username, since = ((value or b"").decode() for value in found)
    return Linked(TelegramAccount(int(telegram_id), name, username), int(since or 0))


async def user_by_telegram(store: Store, telegram_id: int) -> User | None:
    """The account that this Telegram account opens."""
    owner = await _owner(store, telegram_id)
    user = None if owner is None else await user_by_id(store, owner)
    return user if user is not None and user.telegram_id == telegram_id else None


async def link(store: Store, user: User, account: TelegramAccount, *, now: int) -> None:
    """Let a Telegram account log in to this account; again is no fault.

    Raises TelegramTaken (it opens another account), TelegramLinked (another one opens this account), KeyEnded (the
    account is gone).
    """
    await _claim(store, user.id, account.id)
    with store_trouble():
        answer = await store.scripts.run(
            "link_telegram", user.partition, [user.id, account.id, account.name, account.username, now]
        )
    if answer != 1:
        await release(store, user.id, account.id)
        raise KeyEnded("deleted") if answer == -1 else TelegramLinked
    if await _owner(store, account.id) != user.id:
        # Somebody took the claim for one left behind, between it and the script.
        await _let_go(store, user, account.id, keep_a_way_in=False)
        raise TelegramTaken


async def unlink(store: Store, user: User) -> None:
    """Let the Telegram account go that `user` was read with, if there is one.

    Raises LastWayIn when no access key that may do everything opens the account.
    """
    if user.telegram_id and not await _let_go(store, user, user.telegram_id, keep_a_way_in=True):
        raise LastWayIn


async def release(store: Store, user_id: int, telegram_id: int) -> None:
    """Give up a claim if it is this account's."""
    with store_trouble():
        await store.scripts.run_on("swap_claim", keys.telegram(telegram_id), [str(user_id), ""])


async def spend_login(store: Store, digest: str, seconds: int) -> bool:
    """Whether this signed login is used for the first time; it is remembered for so long."""
    with store_trouble():
        return bool(await store.redis.set(keys.telegram_spent(digest), 1, nx=True, ex=seconds))


async def _claim(store: Store, user_id: int, telegram_id: int) -> None:
    key = keys.telegram(telegram_id)
    for _ in range(_TURNS):
        with store_trouble():
            if await store.redis.set(key, user_id, nx=True):
                return
        owner = await _owner(store, telegram_id)
        if owner == user_id:
            return
        if owner is None:
            continue
        if await _says_soon(store, owner, telegram_id):
            raise TelegramTaken
        with store_trouble():
            taken = await store.scripts.run_on("swap_claim", key, [str(owner), str(user_id)])
        if not taken:
            continue
        # Should its owner link all the same, one of the two looks after the other's last step: never do both link it.
        if await _says(store, owner, telegram_id):
            with store_trouble():
                await store.scripts.run_on("swap_claim", key, [str(user_id), str(owner)])
            raise TelegramTaken
        return
    raise StoreUnavailable("this Telegram account changes hands all the time; try again")


async def _says_soon(store: Store, user_id: int, telegram_id: int) -> bool:
    """Whether the owner of a claim says so, now or while it has the claim for the next second."""
    for look in range(_LOOKS):
        if await _says(store, user_id, telegram_id):
            return True
        if await _owner(store, telegram_id) != user_id:
            return False
        if look < _LOOKS - 1:
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    return False


async def _says(store: Store, user_id: int, telegram_id: int) -> bool:
    """Whether an account says that this Telegram account opens it."""
    user = await user_by_id(store, user_id)
    return user is not None and user.telegram_id == telegram_id


async def _let_go(store: Store, user: User, telegram_id: int, *, keep_a_way_in: bool) -> bool:
    with store_trouble():
        answer = await store.scripts.run(
            "unlink_telegram", user.partition, [user.id, telegram_id, "1" if keep_a_way_in else ""]
        )
    if answer == -1:
        return False
    await release(store, user.id, telegram_id)
    return True


async def _owner(store: Store, telegram_id: int) -> int | None:
    with store_trouble():
        found = await store.redis.get(keys.telegram(telegram_id))
    return None if found is None else int(found)
