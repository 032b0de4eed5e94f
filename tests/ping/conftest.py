"""The doors under test. Each is a real server on loopback; the same tests run against every one of them."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypercorn.config import Config
from quart import Quart

from tests.conftest import MASTER_KEY, RedisServer
from tests.ping.wire import Answer, Wire, request
from ttr.app import create_app
from ttr.domain.check import Check
from ttr.domain.check_input import parse_check_json
from ttr.now import now_ms
from ttr.settings import Settings, load_settings
from ttr.store.checks import create_check, get_check
from ttr.store.ping_log import PingEntry
from ttr.store.pings import read_body, read_pings
from ttr.store.redis import Store
from ttr.store.users import User, create_user
from ttr.web_server import configure, serve_app


@dataclass(frozen=True)
class Door:
    """A running server."""

    port: int
    app: Quart
    config: Config

    def wire(self) -> AbstractAsyncContextManager[Wire]:
        return _opened(self.port)

    async def ask(self, method: str, target: str, *headers: str, body: bytes | None = None) -> Answer:
        """One request on a connection of its own."""
        async with self.wire() as wire:
            await wire.send(request(method, target, *headers, body=body))
            return await wire.answer(to_head=method == "HEAD")


@asynccontextmanager
async def _opened(port: int) -> AsyncIterator[Wire]:
    async with await Wire.open(port) as wire:
        yield wire


@asynccontextmanager
async def fast_door(settings: Settings, *, idle_seconds: float = 5) -> AsyncIterator[Door]:
    """The fast door with Hypercorn behind it, as `ttr web` serves."""
    async with _served(settings.model_copy(update={"ping_door": "fast"}), idle_seconds) as door:
        yield door


@asynccontextmanager
async def hypercorn_door(settings: Settings, *, idle_seconds: float = 5) -> AsyncIterator[Door]:
    """Hypercorn around the app, as `ttr web` serves with PING_DOOR=asgi."""
    async with _served(settings.model_copy(update={"ping_door": "asgi"}), idle_seconds) as door:
        yield door


@asynccontextmanager
async def _served(settings: Settings, idle_seconds: float) -> AsyncIterator[Door]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    port = int(listener.getsockname()[1])
    config = configure(f"fd://{listener.detach()}")
    config.graceful_timeout = 1
    config.keep_alive_timeout = idle_seconds
    app = create_app(settings)
    stop = asyncio.Event()

    async def stopping() -> None:
        await stop.wait()

    serving = asyncio.create_task(serve_app(app, settings, config, stopping))
    try:
        yield Door(port, app, config)
    finally:
        stop.set()
        await serving


DOORS: dict[str, Callable[[Settings], AbstractAsyncContextManager[Door]]] = {
    "fast": fast_door,
    "hypercorn": hypercorn_door,
}


def door_settings(redis: RedisServer, **overrides: str) -> Settings:
    return load_settings(
        {
            **redis.settings,
            "SECRET_KEY": "tests only",
            "ENCRYPTION_KEY": MASTER_KEY,
            "RATE_LIMITS": "off",
            **overrides,
        }
    )


@pytest.fixture(params=sorted(DOORS), scope="package")
def start_door(request: pytest.FixtureRequest) -> Callable[[Settings], AbstractAsyncContextManager[Door]]:
    """Starts a server of each kind."""
    return DOORS[request.param]


@pytest.fixture(scope="package")
async def shared_door(
    start_door: Callable[[Settings], AbstractAsyncContextManager[Door]], redis_server: RedisServer
) -> AsyncIterator[Door]:
    async with start_door(door_settings(redis_server)) as door:
        # Only when it has answered is it up: the flush before a test must not meet its first writes.
        await door.ask("GET", "/health")
        yield door


@pytest.fixture
async def door(shared_door: Door, store: Store) -> Door:
    """The server with default settings, its store empty."""
    return shared_door


@dataclass(frozen=True)
class Owner:
    """An account with what its checks show, read beside the server's back."""

    store: Store
    user: User

    @property
    def slug(self) -> str:
        return self.user.user_slug

    async def check(self, slug: str | None = "job", **fields: Any) -> Check:
        """A new check."""
        wanted = {"name": "Job", "slug": slug, "interval_seconds": 3_600, "grace_seconds": 60, **fields}
        settings = parse_check_json(json.dumps(wanted).encode(), now=now_ms())
        return await create_check(self.store, self.user, settings, now=now_ms(), most=1_000)

    async def see(self, check: Check | str) -> Check:
        """A check as it is now."""
        reference = check if isinstance(check, str) else str(check.id)
        return await get_check(self.store, self.user, reference)

    async def pings(self, check: Check | str) -> list[PingEntry]:
        """Its log, newest first."""
        return await read_pings(self.store, await self.see(check), 1_000)

    async def last(self, check: Check | str) -> PingEntry:
        return (await self.pings(check))[0]

    async def body(self, check: Check | str) -> bytes | None:
        """The body of its newest ping; None when that one left none."""
        kept = await read_body(self.store, await self.see(check), (await self.last(check)).number)
        return None if kept is None else kept[1]


@pytest.fixture
async def owner(store: Store) -> Owner:
    """An account."""
    user, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    return Owner(store, user)
