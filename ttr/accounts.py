"""What an owner does with the account itself: its keys, other slugs, the end.

Each is several steps that belong together, so they go on when whoever asked hangs up.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from ttr.domain.access_key import AccessKey
from ttr.domain.telegram_login import TelegramAccount
from ttr.logs import get_logger
from ttr.now import now_ms
from ttr.store import access_keys, account_slugs, telegram
from ttr.store.chores import end
from ttr.store.errors import ChoreLost, KeyEnded, NotFound, QuotaReached, StoreUnavailable, TelegramTaken
from ttr.store.redis import Store
from ttr.store.removal import (
    close,
    read_closed,
    remove_account,
    remove_channels,
    remove_checks,
    remove_deliveries,
    remove_outbox,
)
from ttr.store.sessions import by_key, by_telegram, close_sessions
from ttr.store.users import User, create_user, new_key, user_by_id

log = get_logger(__name__)

SLUG_IS_FIXED = "The ping slug can't be changed here: the operator has turned that off."
"""What doors say to a new ping slug where USER_SLUG_ENABLED is off."""

T = TypeVar("T")

_going: set[asyncio.Task[Any]] = set()
# The new key is known to nobody yet: to lose the answer would be to lose the account.
_ASKS = 10
_ASK_AGAIN_SECONDS = 0.5


async def make_key(store: Store, user: User, key: AccessKey, *, now: int) -> tuple[AccessKey, str]:
    """Give the account one more access key, named and bound as `key`; it and the secret, which is kept nowhere.

    Raises QuotaReached, KeyEnded (the account is gone).
    """
    return await _to_the_end(_make(store, user, key, now))


async def replace_key(store: Store, user: User, key: AccessKey, *, now: int) -> str:
    """Give the account a new access key in place of `key` and return it; the old one, and what it opened, ends.

    Raises KeyEnded when that is not the account's any more: of two who replace it at once, one gets a key.
    """
    return await _to_the_end(_replace(store, user, key, now))


async def revoke_key(store: Store, user_id: int, key: AccessKey, *, now: int, blocked: bool = False) -> None:
    """End an access key, and what it opened; `blocked` is an operator's word, who may end also the last one.

    Raises NotFound, LastKey.
    """
    await _to_the_end(_revoke(store, user_id, key, now, blocked))


async def create_with_telegram(store: Store, account: TelegramAccount, *, now: int, master: str) -> User:
    """The account that a Telegram account opens: a new one without an access key, unless another request was faster."""
    return await _to_the_end(_create_with_telegram(store, account, now, master))


async def link_telegram(store: Store, user: User, account: TelegramAccount, *, now: int) -> None:
    """Let a Telegram account log in to this account; again is no fault.

    Raises TelegramTaken (it opens another account), TelegramLinked (another one opens this account), KeyEnded (the
    account is gone).
    """
    await _to_the_end(_link(store, user, account, now))


async def unlink_telegram(store: Store, user: User) -> None:
    """Let the Telegram account go that `user` was read with, if there is one, and what it opened end.

    Raises LastWayIn when no access key that may do everything opens the account.
    """
    await _to_the_end(_unlink(store, user))


async def rename(
    store: Store, user: User, *, user_slug: str | None, public_slug: str | None, now: int
) -> User:
    """Give the account these slugs, both or none; None keeps one. Pings go on under the user slug before for 30 days.

    Raises AccountSlugTaken, QuotaReached (former slugs), Busy, KeyEnded (the account is gone).
    """
    await _to_the_end(
        account_slugs.rename(store, user, user_slug=user_slug, public_slug=public_slug, now=now)
    )
    renamed = await user_by_id(store, user.id)
    if renamed is None:
        raise KeyEnded("deleted")
    return replace(renamed, key=user.key, operator=user.operator)


async def end_former_slug(store: Store, user: User, slug: str, *, now: int) -> None:
    """Let a former slug go before its time. Raises NotFound, Busy, KeyEnded (the account is gone)."""
    await _to_the_end(account_slugs.end_former(store, user, slug, now))


async def delete_account(store: Store, user: User, *, now: int) -> None:
    """Delete an account. When this returns nothing works or is sent under it any more; what of it could not be
    removed, because Redis went away, the clock removes later.
    """
    await _to_the_end(_delete(store, user.id, now))


async def delete_deserted(store: Store, user_id: int, *, now: int, idle_since: int) -> bool:
    """Delete an account as `delete_account` does, unless somebody uses it since `idle_since` (ms); whether it went."""
    return await _to_the_end(_delete(store, user_id, now, idle_since))


async def finish_deletion(store: Store, user_id: int) -> None:
    """Remove all that is left of an account that was closed; may be done again, and by two at once.

    An account that is not closed is left alone.
    """
    closed = await read_closed(store, user_id)
    if closed is None:
        return
    for key in closed.access_keys:
        await access_keys.say_ended(store, user_id, key, "deleted", now=now_ms())
    await close_sessions(store, user_id)
    await remove_outbox(store, user_id)
    await remove_deliveries(store, user_id)
    await remove_checks(store, user_id)
    await remove_channels(store, user_id)
    for family, slug in closed.slugs:
        await account_slugs.let_go(store, user_id, family, slug)
    if closed.telegram_id:
        await telegram.release(store, user_id, closed.telegram_id)
    await remove_account(store, user_id)
    log.info("account deleted", account=user_id)


def going() -> int:
    """How many of these are under way in this process."""
    return len(_going)


async def _make(store: Store, user: User, key: AccessKey, now: int) -> tuple[AccessKey, str]:
    auth_key = new_key()
    made = access_keys.renewed(key, auth_key, now)
    await access_keys.enter(store, user.id, made.digest)
    try:
        await access_keys.add(store, user, made)
    except (QuotaReached, KeyEnded):
        await access_keys.forget(store, made.digest)
        raise
    return made, auth_key


async def _replace(store: Store, user: User, key: AccessKey, now: int) -> str:
    auth_key = new_key()
    made = access_keys.renewed(key, auth_key, now)
    await access_keys.enter(store, user.id, made.digest)
    for ask in range(_ASKS):
        try:
            if not await _in_place(store, user, key, made):
                await access_keys.forget(store, made.digest)
                raise KeyEnded("replaced")
            break
        except StoreUnavailable:
            if ask == _ASKS - 1:
                raise
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
    await _tidy(store, user.id, key, "replaced", now)
    return auth_key


async def _in_place(store: Store, user: User, key: AccessKey, made: AccessKey) -> bool:
    try:
        return await access_keys.put_in_place(store, user, key, made)
    except NotFound:  # it ended while it was edited
        return False


async def _revoke(store: Store, user_id: int, key: AccessKey, now: int, blocked: bool) -> None:
    await access_keys.take_away(store, user_id, key.digest, even_last=blocked)
    await _tidy(store, user_id, key, "blocked" if blocked else "revoked", now)


async def _tidy(store: Store, user_id: int, key: AccessKey, why: access_keys.Ended, now: int) -> None:
    try:
        await access_keys.say_ended(store, user_id, key, why, now=now)
        await close_sessions(store, user_id, opened_by=by_key(key.digest))
    except StoreUnavailable as error:
        # Neither opens anything: the account has this key no more.
        log.warning("an ended key and its sessions are left behind", account=user_id, error=str(error))


async def _create_with_telegram(store: Store, account: TelegramAccount, now: int, master: str) -> User:
    user, _ = await create_user(store, now=now, master=master, with_key=False)
    try:
        await telegram.link(store, user, account, now=now)
        return replace(user, telegram_id=account.id)
    except TelegramTaken:
        await _delete(store, user.id, now)
    found = await telegram.user_by_telegram(store, account.id)
    if found is None:
        raise StoreUnavailable("this Telegram account changes hands all the time; try again")
    return found


async def _link(store: Store, user: User, account: TelegramAccount, now: int) -> None:
    if user.telegram_id != account.id:
        # One from before an unlink, which did not find it, would live again.
        await close_sessions(store, user.id, opened_by=by_telegram(account.id))
    await telegram.link(store, user, account, now=now)


async def _unlink(store: Store, user: User) -> None:
    await telegram.unlink(store, user)
    try:
        await close_sessions(store, user.id, opened_by=by_telegram(user.telegram_id))
    except StoreUnavailable as error:
        # They open nothing: the account has this Telegram account no more.
        log.warning("sessions of its Telegram account are left behind", account=user.id, error=str(error))


async def _delete(store: Store, user_id: int, now: int, idle_since: int | None = None) -> bool:
    chore = await close(store, user_id, now=now, idle_since=idle_since)
    if chore is None:
        return False
    try:
        await finish_deletion(store, user_id)
        await end(store, chore)
    except ChoreLost:
        log.info("the clock has taken over its deletion", account=user_id)
    except Exception:
        log.exception("the clock removes what is left of it", account=user_id)
    return True


async def _to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Do `work` even if the task that asked is cancelled, as it is when a client hangs up."""
    task = asyncio.create_task(work)
    _going.add(task)
    task.add_done_callback(_going.discard)
    return await asyncio.shield(task)
