"""Brings all data of Redis to the form of this program, while processes of forms that it is open to go on working.

One process does it, others wait. It may die at any moment: the mark moves when a migration is through, and the next
one goes on behind the last page of accounts that was done.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence

from ttr.domain.liveness import FORGOTTEN_MS, Process
from ttr.now import now_ms
from ttr.store import keys, lease
from ttr.store.errors import StoreUnfit
from ttr.store.form import FORM, Form, read_form, refusal, set_form
from ttr.store.migrations import MIGRATIONS, Migration
from ttr.store.processes import read_processes
from ttr.store.redis import Store, store_trouble
from ttr.store.walk import Walk

log = logging.getLogger(__name__)

LEASE_MS = 30_000
_LOOK_SECONDS = 0.2
# A process that stops takes 10 s; one that was killed is forgotten a minute after its last word.
_OTHERS_SECONDS = 120.0

Say = Callable[[str], None]


class _Overtaken(Exception):
    """Another process has the lease by now, or had it and is through."""


async def migrate(store: Store, *, say: Say, migrations: Sequence[Migration] = MIGRATIONS) -> list[Migration]:
    """Move the data forward; the migrations that this call has brought to their end, none for an empty Redis.

    `say` is told how it goes. Two at once wait for each other. Raises StoreUnfit for data of a newer form or marks that
    can't be read or moved, and when processes that it is not open to don't stop; StoreUnavailable, after which it goes
    on when it is called again.
    """
    newest = migrations[-1].form if migrations else FORM
    token = secrets.token_hex(8)
    done: list[Migration] = []
    with store_trouble():
        while (form := await read_form(store.redis)) is not None:
            if form.open_to > newest:
                raise StoreUnfit(refusal(form))
            if form.number >= newest:
                break
            migration = next(one for one in migrations if one.form == form.number + 1)
            if await lease.hold(store, keys.migrating_lease(), token, LEASE_MS):
                try:
                    done += await _take(store, form, migration, token, say)
                except _Overtaken:
                    log.warning("Another process has taken the migration over.")
                finally:
                    await lease.release(store, keys.migrating_lease(), token)
            else:
                say("Another process is moving the data; waiting for its end.")
                await _wait_for_lease(store)
    return done


async def _take(store: Store, form: Form, migration: Migration, token: str, say: Say) -> list[Migration]:
    """One migration from its beginning, or from where it was, to its end."""
    if await read_form(store.redis) != form:
        return []  # it was read before the lease was had
    await set_form(store.scripts, None, form)  # of data that bears no mark yet
    open_to = max(form.open_to, migration.open_to)
    under_way = Form(form.number, open_to)
    if not await set_form(store.scripts, form, under_way):
        if await read_form(store.redis) != form:
            return []
        # `02` reads as 2 and is no mark of ours: the migration would end without one, again and again.
        raise StoreUnfit(
            f"The form of this Redis's data can't be marked anew: {keys.meta()} has a form that reads as {form.number} "
            f"and is not written so. Nothing was changed. Set it to {form.number}, then run `ttr migrate` again."
        )
    if open_to > form.number:
        # Whoever is kept out must have gone before anything is changed: he would write the old form behind us.
        await _wait_for_others(store, under_way, token, say)
    say(f"Form {migration.form}: {migration.what}.")

    async def renew() -> None:
        await _renew(store, token, under_way)

    async def note(beyond: int, newest: int) -> None:
        await renew()
        await store.redis.hset(keys.migrating(), mapping={"form": migration.form, "beyond": beyond})
        say(f"Form {migration.form}: {beyond:,} of {newest:,} accounts")

    await migration.move(store, Walk(store, now_ms(), await _beyond(store, migration), note, renew))
    await renew()
    # First: from what a kill between the two would leave, this migration of older data that is put here would go on.
    await store.redis.delete(keys.migrating())
    moved = await set_form(store.scripts, under_way, Form(migration.form, open_to))
    return [migration] if moved else []


async def _renew(store: Store, token: str, under_way: Form) -> None:
    """Hold the lease for as long again. Raises _Overtaken when another process has it, or the data is in another form
    than the one that is `under_way`: who stalled for longer than the lease finds it free when the other is through."""
    held = await lease.hold(store, keys.migrating_lease(), token, LEASE_MS)
    if not held or await read_form(store.redis) != under_way:
        raise _Overtaken


async def _beyond(store: Store, migration: Migration) -> int:
    """The last account that a pass of this migration which was broken off had done."""
    form, beyond = await store.redis.hmget(keys.migrating(), "form", "beyond")
    return int(beyond or 0) if form == str(migration.form).encode() else 0


async def _wait_for_lease(store: Store) -> None:
    while await store.redis.exists(keys.migrating_lease()):  # noqa: ASYNC110  # of another process, maybe elsewhere
        await asyncio.sleep(_LOOK_SECONDS)


async def _wait_for_others(store: Store, under_way: Form, token: str, say: Say) -> None:
    """Wait until no process that the data is closed to works on it."""
    loop = asyncio.get_running_loop()
    deadline, told = loop.time() + _OTHERS_SECONDS, ""
    # Who starts just now says so at the end of his first second.
    await asyncio.sleep(1)
    while others := [one for one in await read_processes(store) if _is_kept_out(one, under_way)]:
        named = ", ".join(sorted(f"{one.kind} {one.host}:{one.pid}" for one in others))
        if loop.time() > deadline:
            raise StoreUnfit(
                f"Processes of an older ttr don't stop: {named}. Nothing was changed yet, and they are kept out from "
                "now on. Stop them, then run `ttr migrate` again."
            )
        if named != told:
            say(f"Waiting for processes of an older ttr to stop: {named}.")
            told = named
        await _renew(store, token, under_way)
        await asyncio.sleep(_LOOK_SECONDS)


def _is_kept_out(process: Process, form: Form) -> bool:
    return process.form < form.open_to and now_ms() - process.beat_at < FORGOTTEN_MS
