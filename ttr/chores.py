"""Finishes what died half way: the clock's rounds over chores whose owners are not heard of any more."""

import asyncio

from ttr.accounts import finish_deletion
from ttr.changes import undo
from ttr.heartbeat import turn
from ttr.logs import get_logger
from ttr.now import now_ms
from ttr.store.chores import Chore, end, lapsed
from ttr.store.errors import ChoreLost, StoreUnavailable
from ttr.store.redis import Store

log = get_logger(__name__)

_ROUND_SECONDS = 2
_FINISHING_SECONDS = 900
"""An account of 10,000 checks is deleted in minutes."""
_WHAT = {"change": "taken back", "delete": "finished"}


async def look_after_chores(store: Store) -> None:
    """Finish abandoned chores for ever; trouble with Redis is logged and survived."""
    while True:
        turn("chores")
        try:
            await finish_lapsed(store, now_ms())
        except StoreUnavailable as error:
            log.warning("chores wait", error=str(error))
        await asyncio.sleep(_ROUND_SECONDS)


async def finish_lapsed(store: Store, now: int) -> int:
    """Take back the changes and finish the deletions that nobody was heard of for 30 s; returns how many it took over.

    One that fails is left to the round after its lease, and keeps no other from its turn.
    """
    chores = await lapsed(store, now=now)
    if chores:
        turn("chores", _FINISHING_SECONDS)
    # All at once: a deletion may take minutes, and another account's change is not to wait for it.
    await asyncio.gather(*(_finish(store, chore) for chore in chores))
    return len(chores)


async def _finish(store: Store, chore: Chore) -> None:
    log.info("left half done", account=chore.user_id, kind=chore.kind, now=_WHAT[chore.kind])
    try:
        if chore.kind == "delete":
            await finish_deletion(store, chore.user_id)
            await end(store, chore)
        else:
            await undo(store, chore)
    except ChoreLost:
        log.info("another clock has taken over", account=chore.user_id)
    except StoreUnavailable as error:
        log.warning("what was left half done waits", account=chore.user_id, error=str(error))
    except Exception:
        log.exception("what was left half done", account=chore.user_id)
