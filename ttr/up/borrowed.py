"""The servers for a command that is over soon: those of the settings, else embedded ones, which run already or are
started for its own time.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ttr.settings import Settings
from ttr.up import locks
from ttr.up.children import Children
from ttr.up.datadir import make_private, postgres_place, redis_place
from ttr.up.embedded_postgres import EmbeddedPostgres
from ttr.up.embedded_redis import EmbeddedRedis
from ttr.up.output import Output
from ttr.up.patience import Limits
from ttr.up.probe import listens, postgres_url, url_of
from ttr.up.refusal import Refusal

_STOP_WITHIN = 10.0


@dataclass(frozen=True, slots=True)
class _Workshop:
    children: Children
    output: Output


class Borrowed:
    """What a command may ask for. What it starts is stopped at the end, last started first; what runs already stays."""

    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        self._settings = settings
        self._data_dir = settings.data_dir
        self._stack = stack
        self._workshop: _Workshop | None = None
        self._refusal: Refusal | None = None

    @property
    def has_redis(self) -> bool:
        """Whether there is a Redis: one of the settings, or an embedded one that was started here before."""
        return bool(self._settings.redis_url) or (self._data_dir / "redis").is_dir()

    @property
    def has_postgres(self) -> bool:
        """The same of Postgres. One that EMBEDDED_POSTGRES turns off is none."""
        if self._settings.database_url:
            return True
        return self._settings.embedded_postgres == "on" and (self._data_dir / "postgres" / "data").is_dir()

    async def redis(self, *, new: bool = False) -> str:
        """REDIS_URL. Raises Refusal if there is no database yet, unless it may be `new`, or none can be started now."""
        if self._settings.redis_url:
            return self._settings.database
        if self._refusal:  # what would not start a moment ago will not now
            raise self._refusal
        path = redis_place(self._data_dir).known()
        if path and listens(path):
            return url_of(path)
        if not new and not self.has_redis:
            raise Refusal(
                f"There is no database in {self._data_dir}. Name its folder with --data-dir, or set REDIS_URL."
            )
        workshop = self._prepare()
        redis = EmbeddedRedis(
            self._data_dir,
            workshop.children,
            workshop.output,
            Limits(),
            appendfsync=self._settings.redis_appendfsync,
        )
        self._stack.push_async_callback(redis.stop, within=_STOP_WITHIN)
        try:
            await redis.start()
        except Refusal as reason:
            self._refusal = reason
            raise
        return redis.url

    async def postgres(self) -> str:
        """DATABASE_URL. Raises Refusal if there is no archive yet, or none can be started now."""
        if self._settings.database_url:
            return self._settings.database_url
        if self._settings.embedded_postgres == "off":
            raise Refusal("There is no Postgres: EMBEDDED_POSTGRES is off, and DATABASE_URL is not set.")
        path = postgres_place(self._data_dir).known()
        if path and listens(path):
            return postgres_url(path)
        if not (self._data_dir / "postgres" / "data").is_dir():
            raise Refusal(
                f"There is no Postgres in {self._data_dir}: `ttr up` makes one. Name its folder with --data-dir, "
                "or set DATABASE_URL."
            )
        workshop = self._prepare()
        postgres = EmbeddedPostgres(self._data_dir, workshop.children, workshop.output, Limits())
        self._stack.push_async_callback(postgres.stop, within=_STOP_WITHIN)
        try:
            await postgres.start()
        except Refusal as reason:
            raise Refusal(f"The embedded Postgres is off: {reason}.") from None
        return postgres.url

    def _prepare(self) -> _Workshop:
        """Keep `ttr up` off the directory until the end."""
        if self._workshop is None:
            lock = locks.take(make_private(self._data_dir) / "lock")
            if lock is None:
                raise Refusal(
                    f"The `ttr up` in {self._data_dir} is just starting or stopping, or runs without this server. "
                    "Its lines say which; try again in a moment."
                )
            self._stack.callback(os.close, lock)
            # Its lines go where a progress line may go as well; what the command finds is printed to stdout.
            output = Output(sys.stderr.fileno(), names=["postgres"], colour=False)
            self._stack.push_async_callback(output.close, within=1.0)
            children = Children()
            self._stack.callback(children.close)
            self._workshop = _Workshop(children, output)
        return self._workshop


_held: ContextVar[Borrowed | None] = ContextVar("borrowed", default=None)


@asynccontextmanager
async def borrowed(settings: Settings) -> AsyncIterator[Borrowed]:
    """The servers, each started only when it is asked for and does not run; they are stopped by SIGTERM as well, which
    cancels the command. Inside of another one it is that one: the lock on the directory is the command's, not a part's.
    """
    if held := _held.get():
        yield held
        return
    task = asyncio.current_task()
    if task:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with AsyncExitStack() as stack:
        servers = Borrowed(settings, stack)
        token = _held.set(servers)
        try:
            yield servers
        finally:
            _held.reset(token)
