"""The dispatcher: outbox -> deliveries, and a call to the waker while any is due. Part of the clock process."""

import asyncio

from ttr.channels import KINDS
from ttr.domain.metrics import ALERTS
from ttr.domain.moments import iso
from ttr.heartbeat import turn
from ttr.logs import get_logger
from ttr.meter import count
from ttr.now import now_ms
from ttr.store.deliveries import look
from ttr.store.errors import StoreUnavailable
from ttr.store.outbox import Entry, dispatch_entries, read_outbox
from ttr.store.redis import Store
from ttr.waker import Waker

log = get_logger(__name__)

_LOOK_SECONDS = 0.5
_ENTRIES = 200
_AT_ONCE = 25
"""Entries of one round trip: some 3 ms of Redis."""
_EVENTS_MAX = {name: kind.events_max for name, kind in KINDS.items()}


class Dispatcher:
    """Turns alerts into deliveries and has workers woken. Several may run: each step is claimed in Lua."""

    def __init__(self, store: Store, waker: Waker) -> None:
        self._store, self._waker = store, waker
        self.wake = asyncio.Event()
        """Set by whoever knows that an alert is waiting; without it the outbox is read twice a second."""

    async def run(self) -> None:
        """Dispatch for ever; trouble with Redis is logged and survived."""
        while True:
            turn("dispatch")
            self.wake.clear()
            pause = _LOOK_SECONDS
            try:
                next_due = await self.step(now_ms())
                if next_due is not None:
                    # A lane that is due and waits for a worker is looked at again in 50 ms, not in a busy loop.
                    pause = min(pause, max(0.05, (next_due - now_ms()) / 1000))
            except StoreUnavailable as error:
                log.warning("alerts wait", error=str(error))
            try:
                async with asyncio.timeout(pause):
                    await self.wake.wait()
            except TimeoutError:
                pass

    async def step(self, now: int) -> int | None:
        """Empty the outboxes and have a worker woken if anything is due; returns when the next delivery is due (ms)."""
        looked = list(enumerate(await look(self._store)))
        waiting = [partition for partition, (entries, _) in looked if entries]
        refused = set[int]()
        if waiting:
            # One partition after the other: what may be a million alerts goes to Redis in small pieces, between which
            # it takes pings and flips.
            for partition in waiting:
                try:
                    await self._dispatch(partition, now)
                except StoreUnavailable as error:
                    # A node of a cluster that takes no writes holds up its own alerts alone.
                    log.warning("alerts wait", partition=partition, error=str(error))
                    refused.add(partition)
            looked = list(enumerate(await look(self._store)))
        next_due = min((due for _, (_, due) in looked if due is not None), default=None)
        if next_due is not None and next_due <= now:
            self._waker.call()
        more = any(entries for partition, (entries, _) in looked if partition not in refused)
        return now if more else next_due

    async def _dispatch(self, partition: int, now: int) -> None:
        entries = await read_outbox(self._store, partition, _ENTRIES)
        for start in range(0, len(entries), _AT_ONCE):
            turn("dispatch")
            some = entries[start : start + _AT_ONCE]
            done = await dispatch_entries(self._store, partition, some, now, _EVENTS_MAX)
            for entry, (made, refused) in zip(some, done, strict=True):
                _tell(entry, made, refused)


def _tell(entry: Entry, made: int, refused: int) -> None:
    event = entry.event
    if made:
        count(ALERTS, event.kind)
    told = log.bind(alert=event.id, account=entry.user_id, origin=event.origin or None)
    told.info(
        "alert",
        kind=event.kind,
        check=event.check_id or None,
        reason=event.reason or None,
        decided_at=iso(event.at),
        deliveries=made,
    )
    if refused:
        told.warning("channels not told: the account has too much waiting", channels=refused)
