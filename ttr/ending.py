"""Ends tasks that go on for ever."""

import asyncio
from typing import Any

_AGAIN_SECONDS = 0.2


async def end(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks until they are over: redis-py swallows one cancellation in ten, and a loop would go on for ever.

    What they ended with stays in them.
    """
    while going := [task for task in tasks if not task.done()]:
        for task in going:
            task.cancel()
        await asyncio.wait(going, timeout=_AGAIN_SECONDS)
