"""A queue of one turn at a time, in which what takes long lets pass what takes little, but not for ever."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from ttr.now import now_ms

_PATIENCE = 60
"""For each ms that it takes, so many it lets others pass: what takes 1 s stands behind all that comes within a minute
and takes nothing. Without it, 20 pages of 500 checks of one account had every other page wait for a minute."""


class Queue:
    """Those who wait for their turn."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._number = count()

    @asynccontextmanager
    async def turn(self, cost_ms: int) -> AsyncIterator[None]:
        """Wait for a turn, and have it; `cost_ms` is how long it will take, as far as anybody knows."""
        if self._taken:
            mine = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (now_ms() + _PATIENCE * cost_ms, next(self._number), mine))
            try:
                await mine
            except asyncio.CancelledError:
                if mine.done() and not mine.cancelled():
                    self._pass_on()
                raise
        self._taken = True
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        """Give the turn to the next; it stays taken, so that nobody comes between."""
        while self._waiting:
            _, _, waiting = heapq.heappop(self._waiting)
            if not waiting.done():
                waiting.set_result(None)
                return
        self._taken = False
