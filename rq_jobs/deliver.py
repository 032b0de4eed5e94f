"""The job that wakes a worker: it carries nothing, so nothing in the queue can be lost or read."""

import asyncio
import signal

from ttr.notify import serve
from ttr.settings import load_settings


def deliver() -> None:
    """Send what is due until there is nothing left; on SIGTERM finish what is being sent and end."""
    asyncio.run(_deliver())


async def _deliver() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(load_settings(), stop)
