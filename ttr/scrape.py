"""What /metrics tells, read once for all who ask within a second, and never waited for longer than a few seconds."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from quart import Quart, current_app

from ttr.installation import Figures, Installation
from ttr.now import now_ms
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store
from ttr.store.vitals import Vitals, read_vitals

log = logging.getLogger(__name__)

_EXTENSION = "ttr_scrape"
_KEPT_SECONDS = 1.0
WAIT_SECONDS = 3.0
"""Prometheus waits for 10 s. Redis answers in milliseconds; counting very many accounts takes longer, and comes with a
later scrape."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading:
    """As of `at` (ms). `vitals` are None while Redis does not answer, `figures` then as well and until they are
    counted for the first time."""

    at: int
    vitals: Vitals | None
    figures: Figures | None


class Scrape:
    """Reads at most once at a time."""

    def __init__(self, store: Store, installation: Installation) -> None:
        self._store, self._installation = store, installation
        self._reading = asyncio.Lock()
        self._kept: Reading | None = None
        self._good_until = 0.0
        self._open: set[asyncio.Task[Any]] = set()

    async def reading(self) -> Reading:
        """A reading, a second old at most."""
        loop = asyncio.get_running_loop()
        async with self._reading:
            if self._kept is None or loop.time() >= self._good_until:
                self._kept = await self._read()
                self._good_until = loop.time() + _KEPT_SECONDS
            return self._kept

    async def close(self) -> None:
        """Wait for what nobody waited for: it holds connections."""
        if self._open:
            await asyncio.wait(self._open)

    async def _read(self) -> Reading:
        vitals, figures = await asyncio.gather(
            self._in_time(read_vitals(self._store)), self._in_time(self._installation.figures())
        )
        if vitals is None:
            return Reading(now_ms(), None, None)
        return Reading(now_ms(), vitals, figures or self._installation.last)

    async def _in_time(self, asked: Coroutine[Any, Any, T]) -> T | None:
        # Nothing is cancelled, for redis-py swallows one in ten; what is late ends by itself.
        task = asyncio.create_task(asked)
        self._open.add(task)
        task.add_done_callback(self._done)
        await asyncio.wait({task}, timeout=WAIT_SECONDS)
        try:
            return task.result() if task.done() else None
        except StoreUnavailable:
            return None

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._open.discard(task)
        if error := task.exception():
            log.warning("a part of a scrape is missing: %s", error)


def set_scrape(app: Quart, scrape: Scrape) -> None:
    """Give the app what reads for scrapes, at start-up."""
    app.extensions[_EXTENSION] = scrape


def scrape() -> Scrape:
    """What reads for scrapes in the running app."""
    return cast(Scrape, current_app.extensions[_EXTENSION])
