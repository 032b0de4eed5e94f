"""Who reads a file when: one thread for all imports of a process, and a fair share of it for each."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from ttr.changes import Change
from ttr.domain.invalid import FieldError, Invalid
from ttr.domain.turns import Turns
from ttr.now import worked_ms

T = TypeVar("T")

# One file is read and judged at a time: each second thread that computes would take the event loop's turns as well.
_THREAD = ThreadPoolExecutor(1, "import")
_TURN_MS = 50
"""Of a processor, after which the next file has its turn."""
WORK_MAX_MS = 15_000
"""Of a processor, for one file: 10,000 checks with cron expressions take 4,000, with the dearest calendars 60,000."""
READ_AT_ONCE = 4
"""Files that are read, or wait for their turn; each may be 20 MB, and some times as much when it is read."""
RETRY_SECONDS = 5
_RENEW_SECONDS = 10
"""A third of the lease of a change that waits for its turn."""

_reading = set[object]()


class Crowded(Exception):
    """As many files are being read as this process reads at once."""

    def __init__(self) -> None:
        super().__init__("Other imports are being read; try again in a few seconds.")


@asynccontextmanager
async def place() -> AsyncIterator[None]:
    """One of the places for files that are read at once. Raises Crowded when none is free."""
    if len(_reading) >= READ_AT_ONCE:
        raise Crowded
    mine = object()
    _reading.add(mine)
    try:
        yield
    finally:
        _reading.discard(mine)


async def aside(work: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """What `work` returns, done beside the event loop when its turn comes."""
    return await asyncio.get_running_loop().run_in_executor(_THREAD, partial(work, *arguments, **named))


async def by_turns(work: Turns[T]) -> T:
    """What long work ends with, done beside the event loop some steps at a time: between them others have their turn.

    Raises Invalid when it is not done within WORK_MAX_MS, and whatever it raises.
    """
    used = 0
    while used < WORK_MAX_MS:
        ended: list[T]
        ended, took = await aside(_one_turn, work)
        if ended:
            return ended[0]
        used += took
    work.close()
    raise Invalid(
        [FieldError("", "This file takes too long to judge; use simpler expressions, or several files.")]
    )


async def while_renewed(change: Change, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns, while the change's lease is renewed: its turn may be a while off. Raises ChoreLost too."""
    task = asyncio.create_task(work)
    try:
        while not (await asyncio.wait([task], timeout=_RENEW_SECONDS))[0]:
            await change.note()
        return task.result()
    finally:
        task.cancel()


def _one_turn(work: Turns[T]) -> tuple[list[T], int]:
    """What the work ended with, if it did, and the ms that it took."""
    begun = worked_ms()
    try:
        while (took := worked_ms() - begun) < _TURN_MS:
            next(work)
    except StopIteration as end:
        return [end.value], worked_ms() - begun
    return [], took
