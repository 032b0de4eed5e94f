"""A client of Redis that times its round trips, for the metrics; also those that fail, which are the slow ones."""

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError

from ttr.domain.metrics import REDIS_SECONDS
from ttr.meter import observe
from ttr.store.nodes import Nodes


class TimedRedis(Redis):
    """Each command is a round trip; what a subscription hears is none."""

    nodes: Nodes
    """Who serves what; of the client of a whole database."""

    async def primaries(self) -> Sequence[Redis]:
        """A client of each node that holds data: of one Redis, this one."""
        return [self]

    def serving(self, partition: int) -> Redis:
        """A client of the node that serves a partition: of one Redis, this one."""
        return self

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """The command's answer, as redis-py gives it."""
        began = perf_counter()
        try:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py's
        except RuntimeError as error:
            raise _as_lost(error) from error
        finally:
            observe(REDIS_SECONDS, perf_counter() - began)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """A pipeline, which is one round trip."""
        return _TimedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class _TimedPipeline(Pipeline):
    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        began = perf_counter()
        try:
            return await super().execute(raise_on_error)
        except RuntimeError as error:
            raise _as_lost(error) from error
        finally:
            observe(REDIS_SECONDS, perf_counter() - began)


def _as_lost(error: RuntimeError) -> Exception:
    """uvloop's word for a connection that was closed while redis-py introduced itself, which redis-py lets through."""
    return ConnectionError(str(error)) if "handler is closed" in str(error) else error
