"""Things that are made once for many visitors and handed out until they are no longer true.

However many ask, each is made by one at a time, and all together get a fixed share of the process: a flood of visitors
makes nothing more often, and pings go on.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ttr.now import now_ms, worked_ms
from ttr.store.errors import StoreUnavailable
from ttr.web.queue import Queue

T = TypeVar("T")

FRESH_MS = 1_000
"""So long a copy is handed out without a look at Redis."""
_OLD_MS = 10_000
"""While one not older than this is made anew, those who ask get it as it is."""
_LAST_RESORT_MS = 600_000
"""While Redis is away, those who ask get one not older than this."""
_WAIT_SECONDS = 5
"""So long they wait for a new one: a Redis that hangs is given up after 15 s, and each name waits for those before."""
_REST = 3
"""For each ms of making, so many in which nothing is made: making takes at most a quarter of the process."""
_LONGEST_REST_MS = 5_000
"""The rest after a page of 500 checks; a clock that jumps costs no more than this."""
_ASSUMED_MS = 1_000
"""What making something may take that was never made: those who had theirs once and quickly come first."""
_KEPT = 200


@dataclass(slots=True)
class _Copy(Generic[T]):
    value: T
    true_at: int
    fresh_until: int
    cost_ms: int
    """What it took to make."""


@dataclass(frozen=True, slots=True)
class Handed(Generic[T]):
    """A copy, and whether it is old because none could be made."""

    value: T
    stale: bool


class Copies(Generic[T]):
    """At most 200 copies by their names; who is asked for least recently goes first."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._most = kept
        self._copies: OrderedDict[Hashable, _Copy[T]] = OrderedDict()
        self._making: dict[Hashable, asyncio.Task[T]] = {}
        self._queue = Queue()
        self._free_at = 0

    def __len__(self) -> int:
        return len(self._copies)

    async def get(self, name: Hashable, make: Callable[[T | None], Awaitable[T]]) -> Handed[T]:
        """The copy of this name. `make` is handed the one before; it may return that again.

        Raises what `make` raises; StoreUnavailable only when there is no copy of the last ten minutes. Anything else
        that it raises ends the copy, and takes no place among them: names that nobody has push out none that is true.
        """
        now = now_ms()
        copy = self._copies.get(name)
        if copy is not None:
            self._copies.move_to_end(name)
            if now < copy.fresh_until:
                return Handed(copy.value, False)
        task = self._making.get(name)
        if task is None:
            task = asyncio.create_task(self._make(name, make, copy))
            self._making[name] = task
            task.add_done_callback(lambda done: self._made(name, done))
        if copy is not None and now - copy.true_at < _OLD_MS:
            return Handed(copy.value, False)
        last_resort = copy if copy is not None and now - copy.true_at < _LAST_RESORT_MS else None
        try:
            async with asyncio.timeout(_WAIT_SECONDS if last_resort else None):
                # Shielded: a visitor who leaves takes the copy away from nobody.
                return Handed(await asyncio.shield(task), False)
        except (StoreUnavailable, TimeoutError):
            if last_resort is None:
                raise
            return Handed(last_resort.value, True)

    async def _make(
        self, name: Hashable, make: Callable[[T | None], Awaitable[T]], before: _Copy[T] | None
    ) -> T:
        async with self._queue.turn(before.cost_ms if before else _ASSUMED_MS):
            await asyncio.sleep(min(max(0, self._free_at - now_ms()), _LONGEST_REST_MS) / 1_000)
            begun, worked, cost = now_ms(), worked_ms(), 0
            try:
                value = await make(before.value if before else None)
            except StoreUnavailable:
                raise
            except Exception:
                self._copies.pop(name, None)
                raise
            finally:
                cost = worked_ms() - worked
                self._free_at = now_ms() + _REST * cost
        # The greater one: it may be the same as before, and looking at it takes nothing.
        if before is not None and before.value is value:
            cost = max(cost, before.cost_ms)
        self._copies[name] = _Copy(value, begun, self._free_at + FRESH_MS, cost)
        self._copies.move_to_end(name)
        if len(self._copies) > self._most:
            self._copies.popitem(last=False)
        return value

    def _made(self, name: Hashable, task: asyncio.Task[T]) -> None:
        del self._making[name]
        if not task.cancelled():
            task.exception()  # told to those who wait; nobody may
