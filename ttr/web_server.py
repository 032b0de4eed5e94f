"""The web process: the fast door for pings with Hypercorn and the app behind it, on uvloop and one port."""

import asyncio
import gc
import logging
import resource
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config
from quart import Quart

from ttr import connections, current, logs
from ttr.app import create_app
from ttr.archive.guard import refuse_lost_redis
from ttr.ping.desk import desk_of
from ttr.ping.fast_door import FastDoor
from ttr.settings import Settings
from ttr.store.redis import open_store, verify, verify_master_key, wait_until_ready
from ttr.store.reindex import ensure_indexes

_GRACE_SECONDS = 3
LINGER_SECONDS = 2.0
"""So long a process that stops waits for the next requests of connections that clients keep. Who closes a connection at
the moment when a request is on its way loses that request; an answer that says `Connection: close` loses none."""
_LOOK_SECONDS = 0.05


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then answer what comes on open connections for up to 2 s, and finish what is in
    flight for up to 3 s.

    Raises StoreUnavailable and StoreUnfit, before the port is open.
    """
    logs.begin(settings, "web")
    _take_all_descriptors()
    async with open_store(settings.database, cluster=settings.redis_cluster) as store:
        await wait_until_ready(store)
        await refuse_lost_redis(store, settings.database_url)
        await verify(store)
        await verify_master_key(store, settings.master_key)
        await ensure_indexes(store)
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
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    config = configure(f"{host}:{settings.port}")
    await serve_app(app, settings, config, stop.wait)


def _take_all_descriptors() -> None:
    """Allow as many connections as the system lets us: 1,024, as many start with, are fewer than ping on the hour."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS says "without limit" and takes no such number
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def configure(bind: str) -> Config:
    """How Hypercorn serves, with the fast door before it or without."""
    config = Config()
    config.bind = [bind]
    config.graceful_timeout = _GRACE_SECONDS
    # Cron jobs come back once a minute at most, but a busy client may keep a connection for many pings.
    config.keep_alive_timeout = 75
    config.keep_alive_max_requests = 100_000
    # On the hour thousands of jobs connect within a second.
    config.backlog = 2_048
    config.include_server_header = False
    config.include_date_header = True
    config.errorlog = logging.getLogger("hypercorn.error")  # ours, without a handler of its own
    return config


async def serve_app(
    app: Quart, settings: Settings, config: Config, stopping: Callable[[], Awaitable[object]]
) -> None:
    """Serve an app by the door that the settings name, until `stopping` returns; then close the port, answer what comes
    on the connections that are open, end the streams, and finish what is in flight."""
    if settings.ping_door == "asgi":
        connections.install()

        async def stopped() -> None:  # Hypercorn's port is open until this returns
            await stopping()
            connections.say_goodbye(config)
            await _linger(lambda: connections.Connection.open > 0)
            current.end_streams(app)

        await hypercorn_serve(app, config, shutdown_trigger=stopped)
        return
    behind = connections.Handover(app, config)
    await behind.start()
    door = FastDoor(desk_of(app), behind)
    sockets = config.create_sockets().insecure_sockets
    servers = [await _listen(door, bound, config.backlog) for bound in sockets]
    await stopping()
    await _close_port(door, servers, sockets)
    door.say_goodbye()
    connections.say_goodbye(config)
    await _linger(lambda: bool(door.connections) or behind.is_serving)
    current.end_streams(app)  # they would be waited for
    # Pings first: those under way take milliseconds, and the app's end closes the store.
    await door.close(seconds=config.graceful_timeout)
    await behind.stop(cancel_after=config.graceful_timeout)


async def _listen(door: FastDoor, bound: socket.socket, backlog: int) -> asyncio.Server:
    return await asyncio.get_running_loop().create_server(door.connection, sock=bound, backlog=backlog)


async def _close_port(
    door: FastDoor, servers: Sequence[asyncio.Server], sockets: Sequence[socket.socket]
) -> None:
    """Close the port, and take what has connected by then: the system breaks connections that nobody has accepted, with
    the pings that were sent on them."""
    spares = [bound.dup() for bound in sockets]
    for server in servers:
        server.close()
    taken = []
    for spare in spares:
        spare.setblocking(False)
        with suppress(OSError):  # BlockingIOError when there are no more
            while True:
                taken.append(spare.accept()[0])
        spare.close()
    for connection in taken:
        connection.setblocking(False)
        with suppress(OSError):  # its client is gone
            await asyncio.get_running_loop().connect_accepted_socket(door.connection, connection)


async def _linger(busy: Callable[[], bool]) -> None:
    """Wait while there are connections, for 2 s at most."""
    for _ in range(round(LINGER_SECONDS / _LOOK_SECONDS)):
        if not busy():
            return
        await asyncio.sleep(_LOOK_SECONDS)
