"""The web process: Hypercorn around the app, on uvloop."""

import asyncio
import gc
import logging
import signal

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config

from ttr import connections, current, logs
from ttr.app import create_app
from ttr.archive.guard import refuse_lost_redis
from ttr.settings import Settings
from ttr.store.redis import open_store, verify, verify_master_key, wait_until_ready
from ttr.store.reindex import ensure_indexes


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight for up to 3 s.

    Raises StoreUnavailable and StoreUnfit, before the port is open.
    """
    logs.begin(settings, "web")
    async with open_store(settings.database) as store:
        await wait_until_ready(store)
        await refuse_lost_redis(store, settings.database_url)
        await verify(store)
        await verify_master_key(store, settings.master_key)
        await ensure_indexes(store)
    config = Config()
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    config.bind = [f"{host}:{settings.port}"]
    config.graceful_timeout = 3
    # Cron jobs come back once a minute at most, but a busy client may keep a connection for many pings.
    config.keep_alive_timeout = 75
    config.keep_alive_max_requests = 100_000
    # On the hour thousands of jobs connect within a second.
    config.backlog = 2_048
    config.include_server_header = False
    config.include_date_header = True
    config.errorlog = logging.getLogger("hypercorn.error")  # ours, without a handler of its own
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    app = create_app(settings)
    # What is loaded by now lives as long as the process. Each full collection walked through it, for 60 to 105 ms in
    # which no ping was answered.
    gc.collect()
    gc.freeze()
    # Python makes the next full collection when a quarter as much as the last one left has been added: of nothing.
    gc.collect()
    connections.install()

    async def stopping() -> None:
        await stop.wait()
        current.end_streams(app)  # they would be waited for

    await hypercorn_serve(app, config, shutdown_trigger=stopping)
