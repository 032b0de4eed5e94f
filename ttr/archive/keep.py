"""The part of the clock that keeps the archive: snapshots, now and then a comparison of everything, and retention."""

import asyncio
import logging
from dataclasses import dataclass

from ttr.archive.database import Database, refusals
from ttr.archive.errors import ArchiveUnavailable, ArchiveUnfit
from ttr.archive.retention import trim
from ttr.archive.revisions import check_schema
from ttr.archive.snapshot import Saved, compared_at, snapshot
from ttr.heartbeat import PATIENCE_SECONDS, turn
from ttr.now import now_ms
from ttr.store.archive_state import State, note_archive
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store
from ttr.store.snapshots import Overtaken

log = logging.getLogger(__name__)

COMPARED_EVERY_MS = 86_400_000
"""So often everything is compared, and what marks could have missed is put right: once a day."""
_TRIMMED_EVERY_MS = 3_600_000
# A snapshot that took longer than the interval is followed by a breath.
_LEAST_PAUSE = 0.5
_SNAPSHOT_SECONDS = 1_800
"""The first snapshot of a large installation, or a comparison of all of it, takes minutes."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How the archive is kept."""

    interval_seconds: float
    history_days: int
    history_pings: int


async def keep_archive(store: Store, database: Database, rules: Rules) -> None:
    """Take snapshots for ever; trouble with either server is said once, and survived."""
    loop = asyncio.get_running_loop()
    keeper = _Keeper(store, database, rules)
    while True:
        began = loop.time()
        turn("archive", _SNAPSHOT_SECONDS)
        await keeper.turn()
        pause = max(_LEAST_PAUSE, rules.interval_seconds - (loop.time() - began))
        turn("archive", pause + PATIENCE_SECONDS)
        await asyncio.sleep(pause)


class _Keeper:
    def __init__(self, store: Store, database: Database, rules: Rules) -> None:
        self._store = store
        self._database = database
        self._rules = rules
        self._fits = False
        self._trimmed_at = 0
        self._told: tuple[State, str] = ("ok", "")

    async def turn(self) -> None:
        """One snapshot, or what is in its way."""
        state, detail, saved_at = await self._try()
        if (state, detail) != self._told:
            if state == "ok":
                log.warning("Snapshots are taken again.")
            elif saved_at:
                log.warning("%s", detail)
            else:
                log.warning("No snapshots: %s", detail)
            self._told = (state, detail)
        try:
            await note_archive(self._store, state, detail=detail, saved_at=saved_at, now=now_ms())
        except StoreUnavailable as error:
            log.debug("The archive's state is not noted: %s", error)

    async def _try(self) -> tuple[State, str, int | None]:
        try:
            with refusals():
                saved = await self._keep()
            if saved is None:  # another clock takes them
                return "ok", "", None
            return "refused" if saved.left_out else "ok", saved.left_out, saved.at
        except ArchiveUnavailable as error:
            self._fits = False  # it may be another one when it is back
            return "away", str(error), None
        except ArchiveUnfit as error:
            self._fits = False
            return "refused", str(error), None
        except (StoreUnavailable, Overtaken) as error:
            return "away", str(error), None
        except Exception as error:
            # Whatever it is, the clock goes on: who is late is told without an archive as well.
            detail = f"a fault of ttr's own ({type(error).__name__})."
            if ("refused", detail) != self._told:
                log.exception("A snapshot has failed.")
            return "refused", detail, None

    async def _keep(self) -> Saved | None:
        if not self._fits:
            await check_schema(self._database)
            self._fits = True
        now = now_ms()
        compare = now - await compared_at(self._database) >= COMPARED_EVERY_MS
        saved = await snapshot(self._store, self._database, compare=compare)
        if now - self._trimmed_at >= _TRIMMED_EVERY_MS:
            await trim(
                self._database, days=self._rules.history_days, pings=self._rules.history_pings, now=now
            )
            self._trimmed_at = now
        return saved
