"""How the whole installation does, in figures for those who run it."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import cast

from quart import Quart, current_app

from ttr.archive.database import Database
from ttr.archive.errors import ArchiveUnavailable
from ttr.archive.history import ask_at_all, count_failed
from ttr.job_queue import JobCounts, QueueAway, count_jobs
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.archive_state import ArchiveState, read_archive
from ttr.store.figures import Blind, Sums, Watch, add_up, read_blind, read_watch, waiting_addresses
from ttr.store.redis import Store

log = logging.getLogger(__name__)

_EXTENSION = "ttr_installation"
SILENT_MS = 10_000
"""A clock whose last tick is older is silent."""
_KEPT_SECONDS = 4.0
"""For as long figures are handed out again: pages ask every 5 s, however many are open."""
_REST = 20
"""What took long rests longer: at most a twentieth of a process goes into figures. 10,000 accounts take 0.6 s."""


@dataclass(frozen=True, slots=True)
class Figures:
    """As of `at` (ms). `jobs` is None while the queue's Redis is away, `archive` None where there is no Postgres, and
    `failed` (deliveries that were given up, of the last week) None where it or an answer of it is missing."""

    at: int
    sums: Sums
    watch: Watch
    addresses: int
    jobs: JobCounts | None
    archive: ArchiveState | None
    failed: int | None
    blind: Blind = field(default_factory=Blind)

    @property
    def clock_is_silent(self) -> bool:
        """Whether nobody looks for overdue checks: no tick for ten seconds."""
        return self.at - self.watch.tick > SILENT_MS


class Installation:
    """Counts at most once at a time, and keeps what it found for a while."""

    def __init__(self, store: Store, archive: Database | None, settings: Settings) -> None:
        self._store, self._archive, self._settings = store, archive, settings
        self._counting = asyncio.Lock()
        self.last: Figures | None = None
        """What was counted last, however long ago."""
        self._good_until = 0.0
        self.started_at = now_ms()
        """Since when this process serves (ms)."""

    async def figures(self) -> Figures:
        """The figures, a few seconds old at most while there are few accounts. Raises StoreUnavailable."""
        loop = asyncio.get_running_loop()
        async with self._counting:
            if self.last is None or loop.time() >= self._good_until:
                begun = loop.time()
                self.last = await self._count()
                ended = loop.time()
                self._good_until = ended + max(_KEPT_SECONDS, _REST * (ended - begun))
            return self.last

    async def _count(self) -> Figures:
        now = now_ms()
        return Figures(
            at=now,
            sums=await add_up(self._store, now=now),
            watch=await read_watch(self._store),
            addresses=await waiting_addresses(self._store),
            jobs=await self._jobs(),
            archive=await read_archive(self._store),
            failed=await self._failed(),
            blind=await read_blind(self._store, now=now),
        )

    async def _jobs(self) -> JobCounts | None:
        try:
            return await count_jobs(self._settings.queue)
        except QueueAway as error:
            log.warning("the job queue can't be read: %s", error)
            return None

    async def _failed(self) -> int | None:
        if self._archive is None:
            return None
        try:
            return await ask_at_all(self._archive, count_failed)
        except ArchiveUnavailable:
            return None


def set_installation(app: Quart, counted: Installation) -> None:
    """Give the app what counts everything, at start-up."""
    app.extensions[_EXTENSION] = counted


def installation() -> Installation:
    """What counts everything in the running app."""
    return cast(Installation, current_app.extensions[_EXTENSION])
