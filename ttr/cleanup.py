"""Removes what nobody uses: checks that were touched by no ping and no owner, and accounts in which nobody was.

The clock does it when CLEANUP_ENABLED says so, `ttr cleanup` whenever it is run. Each account is looked at by itself
and in small steps; what goes is decided in the script that removes it (`ttr/store/idle.py`).
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from ttr.accounts import delete_deserted
from ttr.heartbeat import turn
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.cleanups import (
    Progress,
    end_progress,
    forget_cleanup,
    hold_lease,
    next_cleanup,
    note_progress,
    plan_cleanup,
    read_progress,
    release_lease,
)
from ttr.store.errors import StoreUnavailable
from ttr.store.idle import (
    IdleCheck,
    blind_ms,
    find_candidates,
    find_idle,
    remove_idle_check,
    remove_left_channels,
)
from ttr.store.keys import partition_of
from ttr.store.numbers import newest_account
from ttr.store.redis import Store
from ttr.store.users import user_by_id

log = logging.getLogger(__name__)

DAY_MS = 86_400_000
NAMED_MOST = 50
"""Checks, and accounts, that are told one by one."""
_LOOK_SECONDS = 60
_ACCOUNTS_AT_ONCE = 100
_QUIET_SECONDS = 2 * _LOOK_SECONDS
_REMOVING_SECONDS = 600
"""An account goes with all its deliveries; the largest take minutes."""


class CleanupBusy(Exception):
    """Another process does it."""


@dataclass(slots=True)
class Cleaned:
    """What was removed, or would be."""

    looked: int = 0
    """Accounts, by number."""
    checks: int = 0
    accounts: int = 0
    named_checks: list[IdleCheck] = field(default_factory=list)
    """The first NAMED_MOST."""
    named_accounts: list[int] = field(default_factory=list)

    def add_check(self, check: IdleCheck) -> None:
        """Count it."""
        self.checks += 1
        if len(self.named_checks) < NAMED_MOST:
            self.named_checks.append(check)

    def add_account(self, number: int) -> None:
        """Count it."""
        self.accounts += 1
        if len(self.named_accounts) < NAMED_MOST:
            self.named_accounts.append(number)


async def keep_clean(store: Store, settings: Settings) -> None:
    """Look every CLEANUP_INTERVAL_HOURS for ever; whatever goes wrong is logged, for the clock has alerts to send."""
    interval = settings.cleanup_interval_hours * 3_600_000
    while True:
        turn("cleanup", _QUIET_SECONDS)
        try:
            await clean_if_due(store, settings.cleanup_inactive_days, interval, now_ms())
        except StoreUnavailable as error:
            log.warning("The cleanup waits: %s", error)
        except Exception:
            log.exception("The cleanup was broken off; it goes on in a minute.")
        await asyncio.sleep(_LOOK_SECONDS)


async def keep_none(store: Store) -> None:
    """Where it is off: forget when one was to be."""
    try:
        await forget_cleanup(store)
    except StoreUnavailable as error:
        log.debug("a planned cleanup stays planned: %s", error)


async def clean_if_due(store: Store, days: int, interval_ms: int, now: int) -> Cleaned | None:
    """One look, where another process has left off, if its time has come and nobody else is at it; then the next is
    planned. None when there was none."""
    if now < await next_cleanup(store, now, interval_ms):
        return None
    try:
        cleaned = await clean(store, days, now, resume=True)
    except CleanupBusy:
        return None
    await plan_cleanup(store, now + interval_ms)
    log.info(
        "Cleanup: %d checks and %d accounts are removed that nobody used for %d days.",
        cleaned.checks,
        cleaned.accounts,
        days,
    )
    return cleaned


async def clean(store: Store, days: int, now: int, *, resume: bool = False) -> Cleaned:
    """Remove what nobody used for `days`; with `resume` from where one was broken off. Raises CleanupBusy."""
    token = secrets.token_hex(8)
    if not await hold_lease(store, token):
        raise CleanupBusy
    try:
        left = await read_progress(store)
        if left is not None:
            await _mend(store, left.beyond)
        begun = left if left is not None and resume else Progress(0)
        # Written before the first step: whoever comes next must know that there was one.
        await note_progress(store, begun)
        cleaned = Cleaned(looked=begun.beyond, checks=begun.checks, accounts=begun.accounts)
        before = await _before(store, days, now)
        # Asked again at the end of each block: accounts are made meanwhile.
        while cleaned.looked < (last := await newest_account(store)):
            block = range(cleaned.looked + 1, min(cleaned.looked + _ACCOUNTS_AT_ONCE, last) + 1)
            for number in await find_candidates(store, block, before):
                await _remove(store, number, before[partition_of(number)], now, cleaned, token)
            cleaned.looked = block[-1]
            await note_progress(store, Progress(cleaned.looked, cleaned.checks, cleaned.accounts))
        await end_progress(store)
    finally:
        await release_lease(store, token)
    return cleaned


async def survey(store: Store, days: int, now: int) -> Cleaned:
    """What `clean` would remove now."""
    cleaned = Cleaned()
    before = await _before(store, days, now)
    while cleaned.looked < (last := await newest_account(store)):
        block = range(cleaned.looked + 1, min(cleaned.looked + _ACCOUNTS_AT_ONCE, last) + 1)
        for number in await find_candidates(store, block, before):
            idle = await find_idle(store, number, before=before[partition_of(number)])
            for check in idle.checks if idle else ():
                cleaned.add_check(check)
            if idle and idle.deserted:
                cleaned.add_account(idle.user_id)
        cleaned.looked = block[-1]
    return cleaned


async def _before(store: Store, days: int, now: int) -> list[int]:
    """By partition the moment since which something must have happened: time in which we were blind does not count."""
    return [now - days * DAY_MS - blind for blind in await blind_ms(store, now)]


async def _remove(store: Store, number: int, before: int, now: int, cleaned: Cleaned, token: str) -> None:
    await _go_on(store, token)
    idle = await find_idle(store, number, before=before)
    user = await user_by_id(store, number)
    if idle is None or user is None:
        return
    removed: list[int] = []
    for check in idle.checks:
        if await remove_idle_check(store, user, check.id, before=before, pages_version=idle.pages_version):
            cleaned.add_check(check)
            removed.append(check.id)
        await _go_on(store, token)
    if removed:
        log.info("account %d: removed what nobody used: %s", number, _listed(removed))
    turn("cleanup", _REMOVING_SECONDS)
    if await delete_deserted(store, number, now=now, idle_since=before):
        cleaned.add_account(number)


async def _go_on(store: Store, token: str) -> None:
    turn("cleanup", _QUIET_SECONDS)
    if not await hold_lease(store, token):
        raise CleanupBusy


def _listed(numbers: Sequence[int]) -> str:
    more = len(numbers) - NAMED_MOST
    named = ", ".join(map(str, numbers[:NAMED_MOST]))
    return f"checks {named}{f' and {more} more' if more > 0 else ''}"


async def _mend(store: Store, beyond: int) -> None:
    """Finish what a process left half done in the block that it died in."""
    for number in range(beyond + 1, beyond + _ACCOUNTS_AT_ONCE + 1):
        user = await user_by_id(store, number)
        if user is not None and (left := await remove_left_channels(store, user)):
            log.info("account %d: %d channels of removed checks are removed", number, left)
