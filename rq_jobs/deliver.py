"""The job that wakes a worker: it carries nothing, so nothing in the queue can be lost or read."""

import asyncio
import signal

from ttr import logs
from ttr.notify import serve
from ttr.settings import Settings, load_settings


def deliver() -> None:
    """Send what is due until there is nothing left; on SIGTERM finish what is being sent and end."""
    settings = load_settings()
    logs.set_up(settings, "sender")  # the worker's, under the name of who sends
    asyncio.run(_deliver(settings))


async def _deliver(settings: Settings) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(settings, stop)
