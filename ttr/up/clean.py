"""The command `ttr cleanup`: removes once what nobody uses, or says what that would be."""

from collections.abc import Iterator

from ttr.cleanup import NAMED_MOST, Cleaned, CleanupBusy, clean, survey
from ttr.domain.moments import iso
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.orphans import find_orphans, remove_orphans
from ttr.store.redis import Store, open_store, verify_data, wait_until_ready
from ttr.store.reindex import ensure_indexes
from ttr.up.borrowed import borrowed
from ttr.up.refusal import Refusal

_NAME_MOST = 60


async def clean_up(settings: Settings, *, dry_run: bool) -> int:
    """Do it and print what went, or would go; 0. Raises Refusal, StoreUnfit and StoreUnavailable."""
    async with (
        borrowed(settings) as servers,
        open_store(await servers.redis(), cluster=settings.redis_cluster) as store,
    ):
        await wait_until_ready(store)
        await verify_data(store)
        # What an older version has left is found by the indexes.
        await ensure_indexes(store)
        cleaned = await _do(store, settings.cleanup_inactive_days, dry_run)
        for line in _told(cleaned, settings.cleanup_inactive_days, dry_run):
            print(line, flush=True)
        await _sweep(store, dry_run)
    return 0


async def _sweep(store: Store, dry_run: bool) -> None:
    """Claims that lead nowhere: left behind by what was broken off, and by nobody's fault."""
    found = (await find_orphans(store)).found
    if not found:
        return
    if dry_run:
        print(f"{_count(len(found), 'claim')} that now lead nowhere would be removed.")
        return
    print(
        f"{_count(len(found), 'claim')} lead nowhere. Those that still do in a minute are removed.",
        flush=True,
    )
    print(f"{_count(await remove_orphans(store, found, now_ms()), 'claim')} removed.")


async def _do(store: Store, days: int, dry_run: bool) -> Cleaned:
    if dry_run:
        return await survey(store, days, now_ms())
    try:
        return await clean(store, days, now_ms())
    except CleanupBusy:
        raise Refusal("Another process is removing what nobody uses. Try again when it is done.") from None


def _told(cleaned: Cleaned, days: int, dry_run: bool) -> Iterator[str]:
    verb = "would be" if dry_run else "were"
    if not cleaned.checks and not cleaned.accounts:
        nothing = "Nothing would be removed" if dry_run else "Nothing was removed"
        yield f"{nothing}: each check and account was used within {days} days, or is kept for another reason."
        return
    for check in cleaned.named_checks:
        name = _printable(check.name)
        yield f"check {check.id} of account {check.user_id}, last touched {iso(check.touched_at)}: {name}"
    yield from _more(cleaned.checks, "checks")
    for number in cleaned.named_accounts:
        yield f"account {number}"
    yield from _more(cleaned.accounts, "accounts")
    yield f"{_count(cleaned.checks, 'check')} and {_count(cleaned.accounts, 'account')} {verb} removed."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _more(count: int, what: str) -> Iterator[str]:
    if count > NAMED_MOST:
        yield f"and {count - NAMED_MOST:,} more {what}"


def _printable(name: str) -> str:
    """A name for a terminal: one that owners chose moves no cursor there."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:_NAME_MOST]
