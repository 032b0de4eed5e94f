"""Finds what is overdue the moment it is: looks at one partition after the other, always at the one whose turn came
first.

One look is under way at a time, unless one hangs, and holds Redis for 5 ms at most, so whatever else waits there is
served between two of them, however many checks fall silent together; and who has more to do comes after all others
that are due.
"""

import asyncio
import math
import secrets
from dataclasses import dataclass, field
from functools import lru_cache

from ttr import logs
from ttr.domain.flapping import FlapRules
from ttr.domain.metrics import OVERDUE_SECONDS
from ttr.domain.schedule import Schedule, next_due
from ttr.heartbeat import turn
from ttr.meter import observe
from ttr.noted import set_origin
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.deadlines import Swept, arm_all, read_ticks, sweep, tick_clock
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store

log = logs.get_logger(__name__)

_LOOK_MS = 500
"""A deadline is at least 2 s away when it is made (1 s interval, 1 s grace), so looking at each partition twice a
second meets every one of them in time, and reminders are a minute away; between looks the clock sleeps until the
earliest."""
_APART_MS = _LOOK_MS // keys.PARTITIONS
"""Looks at partitions where nothing is due lie so far apart: together they would be in a deadline's way for 10 ms."""
_TICK_READ_MS = 250
"""For as long what web processes say of pings is believed. Old news errs on the side of telling nobody."""
_QUIET_MS = 5_000
_PATIENCE_SECONDS = 0.05
"""Ten times as long as a look holds Redis."""
NEVER = math.inf
"""The turn of a partition that is being looked at."""


async def watch(
    store: Store, wake: asyncio.Event, flap: FlapRules, unreachable: set[int] | None = None
) -> None:
    """Look for ever: at a partition at once when more is waiting there, else when its next deadline or reminder is due,
    at the latest in half a second. Sets `wake` when there may be alerts to hand out, and keeps in `unreachable` the
    partitions that could not be looked at last time.

    Of a cluster one node may be away, or hang: a look that takes longer than 50 ms is left to itself, and the other
    partitions have their turns.
    """
    watching = _Watching(store, wake, flap, set() if unreachable is None else unreachable)
    async with asyncio.TaskGroup() as looks:
        while True:
            partition, at = watching.turns.next(now_ms())
            if at != NEVER:  # else every look hangs, and so does this loop
                turn("watch")
            # Never longer, for the machine's clock may be set back meanwhile, and a look may come to its end.
            await asyncio.sleep(max(0, min(at - now_ms(), _LOOK_MS)) / 1000)
            if at == NEVER:
                continue
            try:
                now = now_ms()
                accepted = await watching.web.read(store, now)
                if watching.turns.is_round:
                    await tick_clock(store, now)
                    watching.turns.begin_round()
            except StoreUnavailable as error:
                log.warning("Redis is away", error=str(error))
                await asyncio.sleep(_LOOK_MS / 1000)
                continue
            watching.turns.began(partition)
            look = looks.create_task(watching.look(partition, now, accepted))
            _, hanging = await asyncio.wait({look}, timeout=_PATIENCE_SECONDS)
            if hanging:
                watching.turns.passed_over(partition)


@dataclass(slots=True)
class _Watching:
    """What the loop knows."""

    store: Store
    wake: asyncio.Event
    flap: FlapRules
    unreachable: set[int]
    turns: "Turns" = field(default_factory=lambda: Turns())
    sight: "_Sight" = field(default_factory=lambda: _Sight())
    web: "_WebTick" = field(default_factory=lambda: _WebTick())

    async def look(self, partition: int, now: int, accepted: int) -> None:
        """A look at a partition whose turn has begun, and the end of the turn."""
        set_origin(secrets.token_hex(8))
        try:
            swept = await look_at(self.store, partition, now=now, pings_accepted=accepted, flap=self.flap)
        except StoreUnavailable as error:
            if not self.unreachable:
                log.warning("Redis is away", partition=partition, error=str(error))
            self.unreachable.add(partition)
            self.turns.missed(partition, now_ms())
            return
        if self.unreachable:
            self.unreachable.discard(partition)
            if not self.unreachable:
                log.warning("Redis is back")
        self.turns.looked(partition, swept, now)
        if swept.changed:
            self.wake.set()
            log.info("deadlines looked at", changed=swept.changed, late_ms=max(swept.delays, default=None))
        self.sight.look(swept.blind, now)


async def look_at(store: Store, partition: int, *, now: int, pings_accepted: int, flap: FlapRules) -> Swept:
    """One look at a partition; checks that missed a run get their next due time."""
    swept = await sweep(store, partition, now=now, pings_accepted=pings_accepted, flap=flap)
    for delay in swept.delays:
        observe(OVERDUE_SECONDS, delay / 1000)
    waiting = [(check, _next_run(check.due or now, check.schedule)) for check in swept.unarmed]
    await arm_all(store, partition, waiting, now=now)
    return swept


@dataclass(slots=True)
class Turns:
    """When each partition's turn is (ms), and which of them this round has not come to."""

    at: list[float] = field(default_factory=lambda: [0] * keys.PARTITIONS)
    unseen: set[int] = field(default_factory=lambda: set(range(keys.PARTITIONS)))
    seen: int = 0
    """Looks of this round that could judge."""

    def next(self, now: int) -> tuple[int, float]:
        """Whose turn is next, and when: NEVER while every one of them is being looked at."""
        # No turn is further away than that, unless the machine's clock was set back: then one partition would have all
        # turns until that time has come again.
        latest = now + _LOOK_MS
        self.at = [at if at == NEVER else min(at, latest) for at in self.at]
        partition = min(range(keys.PARTITIONS), key=self.at.__getitem__)
        return partition, self.at[partition]

    def began(self, partition: int) -> None:
        """Its turn has begun, and no other one begins before this one is over."""
        self.at[partition] = NEVER

    def missed(self, partition: int, now: int) -> None:
        """It could not be looked at, which is no reason to call the clock silent."""
        self.passed_over(partition)
        self.at[partition] = now + _LOOK_MS

    def passed_over(self, partition: int) -> None:
        """The round does not wait for it."""
        self.unseen.discard(partition)

    def looked(self, partition: int, swept: Swept, now: int) -> None:
        """Enter what a look found; one that could judge nothing does not count for the round."""
        if not swept.blind:
            self.unseen.discard(partition)
            self.seen += 1
        if swept.more:
            self.at[partition] = now
            return
        regular = now + _LOOK_MS - (now - partition * _APART_MS) % _LOOK_MS
        self.at[partition] = regular if swept.next_look is None else min(regular, swept.next_look)

    @property
    def is_round(self) -> bool:
        """Whether every partition that can be reached has been looked at, and some were."""
        return not self.unseen and self.seen > 0

    def begin_round(self) -> None:
        """Count anew."""
        self.unseen.update(range(keys.PARTITIONS))
        self.seen = 0


@dataclass(slots=True)
class _WebTick:
    """Until when pings were surely taken, read anew four times a second."""

    accepted: int = 0
    read_at: int = 0

    async def read(self, store: Store, now: int) -> int:
        """The last tick of a web process (ms), 0 for never."""
        if not 0 <= now - self.read_at < _TICK_READ_MS:
            self.accepted, _ = await read_ticks(store)
            self.read_at = now
        return self.accepted


@dataclass(slots=True)
class _Sight:
    """Logs when judging stops and when it goes on; a few seconds without web are every start's."""

    blind_since: int | None = None
    said: bool = False

    def look(self, blind: bool, now: int) -> None:
        if not blind:
            if self.said and self.blind_since is not None:
                log.warning("pings are taken again", ms=now - self.blind_since)
            self.blind_since, self.said = None, False
        elif self.blind_since is None:
            self.blind_since = now
        elif not self.said and now - self.blind_since > _QUIET_MS:
            log.warning("no web process takes pings: nothing is declared overdue until one does")
            self.said = True


@lru_cache(maxsize=10_000)
def _next_run(due: int, schedule: Schedule) -> int | None:
    """The run after the one that was missed, so that every missed run counts. Thousands share a cron time."""
    return next_due(schedule, due)
