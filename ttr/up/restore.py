"""The command `ttr restore`: an empty Redis gets back what the last snapshot in Postgres holds."""

import sys
from collections.abc import Callable

from ttr.archive.database import Database, open_database
from ttr.archive.restore import held, refuse_newer_form, restore, sealed_word
from ttr.domain.text import counted
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.deadlines import read_ticks
from ttr.store.processes import read_processes
from ttr.store.redis import Store, open_store, wait_until_ready
from ttr.store.restoring import has_accounts, read_progress, wipe
from ttr.store.sealed import Unreadable, rewrapped
from ttr.up.borrowed import borrowed
from ttr.up.refusal import Refusal
from ttr.up.secretfiles import kept_key, resolve_secrets

# Web and clock say twice a second that they run, all of them once a second; one that was killed says nothing more.
_RUNNING_MS = 10_000
_BAR = 30


async def restore_redis(settings: Settings, *, force: bool) -> int:
    """Restore, or go on with a restore that was broken off; 0. With `force` what Redis holds is removed first.

    Raises Refusal and ArchiveUnfit before anything is changed; ArchiveUnavailable and StoreUnavailable, after which it
    goes on when it is run again.
    """
    async with borrowed(settings) as servers:
        # First: where there is no archive, no empty Redis is left behind.
        database_url = await servers.postgres()
        redis_url = await servers.redis(new=True)
        async with (
            open_store(redis_url, cluster=settings.redis_cluster) as store,
            open_database(database_url) as database,
        ):
            await wait_until_ready(store)
            accounts, checks = await held(database)
            if not accounts:
                raise Refusal("This Postgres holds no account, so there is nothing to restore.")
            await refuse_newer_form(database)
            await _refuse_another_key(settings, database)
            await _refuse_running(store)
            await _make_room(store, force=force)
            what = f"{counted(accounts, 'account')} with {counted(checks, 'check')}"
            print(f"Restoring {what}.", file=sys.stderr, flush=True)
            records = await restore(store, database, now=now_ms(), progress=_bar())
    print(
        f"Restored {what}, {counted(records, 'record')} in all. "
        "Each check waits for a whole run from now on; start ttr again."
    )
    return 0


async def _refuse_another_key(settings: Settings, database: Database) -> None:
    """What is restored must be readable, or nothing that is started would take it."""
    word = await sealed_word(database)
    if word and not settings.encryption_key and not kept_key(settings.data_dir).exists():
        raise Refusal(
            f"ENCRYPTION_KEY is not set, and {kept_key(settings.data_dir)} is not there: the secrets of this archive "
            "could not be read. Set the key of that installation."
        )
    secrets = resolve_secrets(
        settings.data_dir,
        secret_key=settings.secret_key or "not needed here",
        encryption_key=settings.encryption_key,
        production=settings.production,
    )
    try:
        if word:
            rewrapped(secrets.encryption_key, word)
    except Unreadable:
        raise Refusal(
            "ENCRYPTION_KEY is not the one that this archive was made with: its secrets could not be read. Set the key "
            "of that installation (a `ttr up` keeps it in the data directory)."
        ) from None


async def _refuse_running(store: Store) -> None:
    beats = [one.beat_at for one in await read_processes(store)]
    if now_ms() - max(*await read_ticks(store), *beats) < _RUNNING_MS:
        raise Refusal(
            "Processes of ttr run on this Redis. Stop them first, and wait ten seconds: they would change what is "
            "being restored."
        )


async def _make_room(store: Store, *, force: bool) -> None:
    under_way = await read_progress(store)
    if force:
        await wipe(store)
    elif under_way:
        print("Going on where the last restore was broken off.", file=sys.stderr, flush=True)
    elif await has_accounts(store):
        raise Refusal(
            "This Redis is not empty: it has accounts. A restore would replace them by those of the last snapshot; if "
            "that is wanted, run `ttr restore --force`, which removes them first."
        )


def _bar() -> Callable[[int, int], None]:
    """Draws how far it is; where nobody looks, a line for each tenth."""
    told = -1

    def draw(done: int, of: int) -> None:
        nonlocal told
        share = done / of if of else 1.0
        if sys.stderr.isatty():
            filled = round(share * _BAR)
            end = "\n" if done == of else ""
            print(
                f"\r[{'#' * filled}{'.' * (_BAR - filled)}] {done:,} of {of:,} records",
                end=end,
                file=sys.stderr,
                flush=True,
            )
        elif int(share * 10) > told:
            told = int(share * 10)
            print(f"{done:,} of {of:,} records", file=sys.stderr, flush=True)

    return draw
