"""The command `ttr migrate`: both stores brought to this version, first the archive in Postgres, then Redis.

In this order because the tables of a newer archive hold what older forms of the data have, and not the other way
round: between the two steps, and when the second one fails, snapshots lose nothing. And it is the second step that may
keep older processes out, so it comes when nothing else can fail any more.
"""

import asyncio
import re
import sys

from ttr.archive.revisions import is_newest, known_revisions
from ttr.settings import Settings
from ttr.store.form import FORM, read_form, refusal
from ttr.store.migrate import migrate
from ttr.store.migrations import MIGRATIONS
from ttr.store.redis import Store, open_store, store_trouble, wait_until_ready
from ttr.up.borrowed import Borrowed, borrowed
from ttr.up.refusal import Refusal

_PROGRESS_EVERY = 1.0
_HOW_FAR = re.compile(r"([\d,]+) of ([\d,]+) accounts")


async def migrate_all(settings: Settings, *, check: bool) -> int:
    """Migrate what there is of the two, those of the settings or embedded ones, and say what was done; 0.

    With `check` nothing is changed, and it is 1 when something would be. Raises Refusal when there is neither, and as
    the stores do, after which it may be run again.
    """
    async with borrowed(settings) as servers:
        if not servers.has_postgres and not servers.has_redis:
            raise Refusal(
                f"There is no database in {settings.data_dir}: `ttr up` makes one. Name its folder with --data-dir, or "
                "set REDIS_URL and DATABASE_URL."
            )
        archive = await _archive(servers, check=check)
        data = await _data(servers, settings, check=check)
    return 0 if archive and data else 1


async def _archive(servers: Borrowed, *, check: bool) -> bool:
    """Whether the archive is at the newest revision in the end, or there is none."""
    if not servers.has_postgres:
        print("There is no Postgres here, and so no archive.")
        return True
    url, newest = await servers.postgres(), known_revisions()[-1]
    if await is_newest(url):
        print(f"The archive is at revision {newest} already.")
        return True
    if check:
        print(f"The archive would be brought to revision {newest}.")
        return False
    # Only now: every start of `ttr up` comes by here, and Alembic takes 0.6 s to import.
    from ttr.archive.migrate import migrate as migrate_archive

    applied = await asyncio.to_thread(migrate_archive, url)
    print(f"The archive is at revision {newest}, by {', '.join(applied)}.")
    return True


async def _data(servers: Borrowed, settings: Settings, *, check: bool) -> bool:
    """Whether Redis's data is in this version's form in the end, or there is none."""
    if not servers.has_redis:
        print("There is no Redis here yet.")
        return True
    async with open_store(await servers.redis(), cluster=settings.redis_cluster) as store:
        await wait_until_ready(store)
        if check:
            return await _look(store)
        done = await migrate(store, say=_Progress().say)
        with store_trouble():
            form = await read_form(store.redis)
    if form is None:
        print(f"Redis is empty; its data will be in form {FORM}.")
    elif done:
        print(f"Redis's data is in form {form.number}: {'; '.join(one.what for one in done)}.")
    else:
        print(f"Redis's data is in form {form.number} already.")
    return True


async def _look(store: Store) -> bool:
    with store_trouble():
        form = await read_form(store.redis)
    if form is None or not refusal(form):
        print(f"Redis's data is in form {form.number if form else FORM} already.")
        return True
    if form.open_to > FORM:
        raise Refusal(refusal(form))
    due = [one.what for one in MIGRATIONS if one.form > form.number]
    print(f"Redis's data is in form {form.number}, and would be brought to form {FORM}: {'; '.join(due)}.")
    return False


class _Progress:
    """Tells how it goes: how far it is once a second and at the end, everything else at once."""

    def __init__(self) -> None:
        self._told = 0.0

    def say(self, line: str) -> None:
        now, far = asyncio.get_running_loop().time(), _HOW_FAR.search(line)
        if far and far[1] != far[2] and now - self._told < _PROGRESS_EVERY:
            return
        if far:
            self._told = now
        print(line, file=sys.stderr, flush=True)
