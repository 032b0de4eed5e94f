"""What a process tells Redis once a second: what it has counted."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from ttr.now import now_ms
from ttr.store.errors import StoreUnavailable
from ttr.store.metrics import flush
from ttr.store.redis import Store

log = logging.getLogger(__name__)

_EVERY_SECONDS = 1.0


@asynccontextmanager
async def beating(store: Store) -> AsyncIterator[None]:
    """Tell it while the block runs, and once more at its end."""
    stop = asyncio.Event()
    task = asyncio.create_task(_beat(store, stop))
    try:
        yield
    finally:
        stop.set()
        # No cancellation: redis-py swallows one in ten.
        await asyncio.wait({task})
        await _tell(store)


async def _beat(store: Store, stop: asyncio.Event) -> None:
    while not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_EVERY_SECONDS):
                await stop.wait()
        await _tell(store)


async def _tell(store: Store) -> None:
    try:
        await flush(store, now_ms())
    except StoreUnavailable as error:
        log.debug("what was counted waits: %s", error)
    except Exception:
        log.exception("what was counted could not be told")
