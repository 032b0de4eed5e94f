"""The waker: keeps a job in the queue while any delivery is due, so that a worker comes. Part of the clock process.

The queue may be on a Redis of its own, which may be away, empty or another one while the database is well. A job says
nothing but "there is something": what is to be sent is in the database. So nothing is lost with the queue, and nothing
but a waking waits for it.
"""

import asyncio
from contextlib import suppress
from types import TracebackType

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ttr.heartbeat import turn
from ttr.logs import get_logger
from ttr.queue_redis import JOB, JOB_SECONDS, connect, queue_on
from ttr.redis_tls import tls_fault

log = get_logger(__name__)

_LOOK_SECONDS = 1.0
_AGAIN_SECONDS = 0.5
# A loop counts as stuck after 8 s; connecting and one answer that never comes are over before that.
_ANSWER_SECONDS = 3.0
_CONNECT_SECONDS = 2.0


class Waker:
    """The queue as the clock uses it. Several may run: a job too many finds nothing to do. Raises StoreUnfit if the URL
    is none."""

    def __init__(self, queue_url: str) -> None:
        self._connection = connect(
            queue_url,
            socket_timeout=_ANSWER_SECONDS,
            socket_connect_timeout=_CONNECT_SECONDS,
            # It is tried again in half a second anyway; redis-py's own pauses would hold this loop up for longer.
            retry=Retry(NoBackoff(), 0),
        )
        self._queue = queue_on(self._connection)
        self._called = asyncio.Event()
        self.away = False
        """Whether the queue took nothing, or did not answer, when it was last tried."""

    def __enter__(self) -> "Waker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def call(self) -> None:
        """Say that something is due. It is done by `run`: nobody waits for the queue."""
        self._called.set()

    async def run(self) -> None:
        """Wake workers for ever, and look once a second whether the queue is there; trouble is logged and survived."""
        while True:
            turn("wake")
            try:
                await self.step()
            except redis.RedisError as error:
                if not self.away:
                    log.warning("the queue is away: alerts wait", error=tls_fault(error) or str(error))
                self.away = True
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            if self.away:
                log.warning("the queue is back")
                self.away = False
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._called.wait()

    async def step(self) -> None:
        """Queue a job if somebody has called and none waits. Raises RedisError; then the call stands."""
        called = self._called.is_set()
        self._called.clear()
        try:
            await asyncio.to_thread(self._wake if called else self._look)
        except BaseException:
            if called:
                self._called.set()
            raise

    def _wake(self) -> None:
        # One waiting job is enough: a job takes whatever is due, and with it gone the next call queues another,
        # which a second worker takes while the first has its hands full.
        if self._queue.count == 0:
            self._queue.enqueue(JOB, job_timeout=JOB_SECONDS, result_ttl=0, failure_ttl=3_600)

    def _look(self) -> None:
        self._queue.count  # noqa: B018  # asks
