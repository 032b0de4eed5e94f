"""What no process may start on: a Redis that lost everything while Postgres has it, and a half-done restore."""

import logging

from ttr.archive.database import open_database
from ttr.archive.errors import ArchiveUnavailable, ArchiveUnfit
from ttr.archive.restore import held
from ttr.domain.text import counted
from ttr.store.errors import StoreUnfit
from ttr.store.redis import Store
from ttr.store.restoring import has_accounts, read_progress

log = logging.getLogger(__name__)

# Seconds; each process asks when it starts on an empty Redis.
_WITHIN = 2


async def refuse_lost_redis(store: Store, database_url: str | None) -> None:
    """Raise StoreUnfit, with what to do, rather than begin anew beside an archive that holds everything.

    Postgres is asked only while this Redis has never had an account.
    """
    if await read_progress(store):
        raise StoreUnfit("A restore of this Redis is half done. Run `ttr restore` to finish it.")
    if database_url is None or await has_accounts(store):
        return
    try:
        async with open_database(database_url, wait_seconds=_WITHIN) as database:
            accounts, checks = await held(database)
    except ArchiveUnfit:
        return  # it has no tables of ours, or not these: whoever uses it says what to do
    except ArchiveUnavailable as error:
        # Pings are taken without an archive; one that holds another Redis's accounts is never written to.
        log.warning("This Redis is empty, and Postgres, which may hold what was in it, is away: %s", error)
        return
    if accounts:
        raise StoreUnfit(
            f"This Redis is empty, but Postgres holds a snapshot of {counted(accounts, 'account')} with "
            f"{counted(checks, 'check')}. "
            "Run `ttr restore` to get them back. To begin with nothing instead, let DATABASE_URL name an empty "
            "database (of the embedded one, move the folder `postgres` of the data directory away)."
        )
