"""The summary of the installation, read at most once in a few seconds by each process, however many look at it."""

import asyncio
import logging
from typing import cast

from quart import Quart, current_app

from ttr.domain.liveness import judge
from ttr.domain.metrics import NOTIFICATIONS
from ttr.domain.summary import Summary, averages
from ttr.installation import SILENT_MS, Installation
from ttr.job_queue import QueueAway, count_jobs
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.deadlines import read_ticks
from ttr.store.errors import StoreUnavailable
from ttr.store.metrics import read_sums, read_window
from ttr.store.processes import read_processes
from ttr.store.redis import Store

log = logging.getLogger(__name__)

_EXTENSION = "ttr_summaries"
_KEPT_SECONDS = 5.0
_AWAY_SECONDS = 1.0
"""For as long nobody asks again after Redis did not answer: it has trouble enough."""
_PATIENCE_SECONDS = 0.25
"""No page waits longer for its figures. A reading takes 3 ms, but one that walks over 10,000 accounts 0.6 s."""
_OLD_SECONDS = 60.0


class Summaries:
    """Reads once at a time, and hands out what it found to all who ask meanwhile."""

    def __init__(self, store: Store, settings: Settings, counted: Installation) -> None:
        self._store, self._settings, self._counted = store, settings, counted
        self._asked: asyncio.Task[Summary | None] | None = None
        self._good_until = 0.0
        self._kept: Summary | None = None
        self._kept_at = 0.0

    async def latest(self) -> Summary:
        """The summary, up to 5 s old. Raises StoreUnavailable."""
        # Who goes away must not end it for the others.
        found = await asyncio.shield(self._ask())
        if found is None:
            raise StoreUnavailable("no summary can be read")
        return found

    async def soon(self) -> Summary | None:
        """The same for a page, which does not wait: while it takes long, what was found within the last minute; None
        when that is nothing, or Redis does not answer.
        """
        asked = self._ask()
        await asyncio.wait({asked}, timeout=_PATIENCE_SECONDS)
        if asked.done():
            return asked.result()
        fresh = asyncio.get_running_loop().time() - self._kept_at < _OLD_SECONDS
        return self._kept if fresh else None

    async def close(self) -> None:
        """Wait for the reading that is on its way. No cancellation: redis-py swallows one in ten."""
        if self._asked is not None:
            await asyncio.wait({self._asked})

    def _ask(self) -> "asyncio.Task[Summary | None]":
        loop = asyncio.get_running_loop()
        if self._asked is None or (self._asked.done() and loop.time() >= self._good_until):
            self._asked = loop.create_task(self._look())
        return self._asked

    async def _look(self) -> Summary | None:
        loop, rest = asyncio.get_running_loop(), _AWAY_SECONDS
        try:
            found = await self._read()
            self._kept, self._kept_at, rest = found, loop.time(), _KEPT_SECONDS
            return found
        except StoreUnavailable:
            return None
        finally:
            self._good_until = loop.time() + rest

    async def _read(self) -> Summary:
        figures = await self._counted.figures()
        now = now_ms()
        window = await read_window(self._store, now)
        sums = await read_sums(self._store)
        _, clock = await read_ticks(self._store)
        live = judge(await read_processes(self._store), now)
        try:
            jobs = await count_jobs(self._settings.queue)
        except QueueAway as error:
            log.warning("the job queue can't be read: %s", error)
            jobs = None
        return Summary(
            checks=figures.sums.checks,
            users=figures.sums.accounts,
            sent=sums.count(NOTIFICATIONS, status="success"),
            averages=averages(window, db=figures.archive is not None and figures.archive.state == "ok"),
            queue_depth=jobs.waiting if jobs else None,
            workers=live.workers_online,
            clock_is_silent=now - clock > SILENT_MS,
            missing=live.missing(),
        )


def set_summaries(app: Quart, summaries: Summaries) -> None:
    """Give the app what reads summaries, at start-up."""
    app.extensions[_EXTENSION] = summaries


def summaries() -> Summaries:
    """What reads summaries in the running app."""
    return cast(Summaries, current_app.extensions[_EXTENSION])
