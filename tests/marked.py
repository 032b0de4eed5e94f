"""A guard: whatever the application does to a durable record, it marks the record in the same step.

It looks at the partitions that a command names, before and after it, and only at the application's own commands: what
a test does to Redis by hand is its own business.
"""

import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

import ttr
from tests.records import Records, read_names, records_of
from ttr.store import keys
from ttr.store.cluster_redis import ClusterPipeline

_UNGUARDED = ContextVar("unguarded", default=False)
_OURS = str(Path(ttr.__file__).parent)
_BETWEEN = (
    str(Path(sys.modules["redis"].__file__ or "").parent),
    __file__,
    str(Path(ttr.__file__).parent / "store" / "timed_redis.py"),
    str(Path(ttr.__file__).parent / "store" / "cluster_redis.py"),
)
# A look takes some 0.3 ms for 100 keys. What is larger, and what comes after so many commands of a test, is left alone.
_KEYS = 400
_COMMANDS = 1_500
_READS = {
    "GET",
    "MGET",
    "HGET",
    "HMGET",
    "HGETALL",
    "HEXISTS",
    "HVALS",
    "HLEN",
    "HSCAN",
    "HRANDFIELD",
    "EXISTS",
}
_READS |= {"LRANGE", "LLEN", "LINDEX", "SMEMBERS", "SISMEMBER", "SMISMEMBER", "SCARD", "SRANDMEMBER", "SSCAN"}
_READS |= {"ZRANGE", "ZSCORE", "ZMSCORE", "ZCARD", "ZCOUNT", "ZSCAN", "XRANGE", "XREVRANGE", "XLEN", "PTTL"}


@pytest.fixture(autouse=True)
def every_change_is_marked() -> Iterator[None]:
    """Fails a test in which the application has changed a record and not marked it."""
    with guarded() as unmarked:
        yield
    assert not unmarked, "\n".join(unmarked)


@contextmanager
def guarded() -> Iterator[list[str]]:
    """The unmarked changes so far, told as they are found; a test that has any has found a fault."""
    unmarked: list[str] = []
    left = iter(range(_COMMANDS))
    run, run_all, run_on_nodes = Redis.execute_command, Pipeline.execute, ClusterPipeline.execute

    def execute_command(self: Any, *args: Any, **options: Any) -> Any:
        if not _is_ours() or args[0] in _READS:
            return run(self, *args, **options)
        return looked_at(self, args, lambda: run(self, *args, **options))

    def execute(self: Any, raise_on_error: bool = True) -> Any:
        commands = [queued[0] for queued in self.command_stack]
        if not _is_ours() or all(command[0] in _READS for command in commands):
            return run_all(self, raise_on_error)
        client = Redis(connection_pool=self.connection_pool)
        return looked_at(
            client, [arg for command in commands for arg in command], lambda: run_all(self, raise_on_error)
        )

    async def execute_on_nodes(self: Any, raise_on_error: bool = True) -> Any:
        commands = [queued[0] for queued in self.command_stack]
        if not _is_ours() or all(command[0] in _READS for command in commands):
            return await run_on_nodes(self, raise_on_error)

        async def act() -> Any:
            with unguarded():  # what it does at the nodes is looked at here
                return await run_on_nodes(self, raise_on_error)

        return await looked_at(self._redis, [arg for command in commands for arg in command], act)

    async def looked_at(client: Any, args: Sequence[Any], act: Callable[[], Awaitable[Any]]) -> Any:
        async def evaluate(*args: Any) -> Any:
            with unguarded():
                return await client.execute_command(*args)

        partitions = _partitions(args) if next(left, None) is not None else ()
        before = {partition: await read_names(evaluate, partition, _KEYS) for partition in partitions}
        try:
            return await act()
        finally:
            for partition, was in before.items():
                became = await read_names(evaluate, partition, _KEYS)
                if was is not None and became is not None:
                    unmarked.extend(_unmarked(was, became))

    with (
        mock.patch.object(Redis, "execute_command", execute_command),
        mock.patch.object(Pipeline, "execute", execute),
        mock.patch.object(ClusterPipeline, "execute", execute_on_nodes),
    ):
        yield unmarked


@contextmanager
def unguarded() -> Iterator[None]:
    """For a restore, which puts back what the snapshot has, without marks."""
    token = _UNGUARDED.set(True)
    try:
        yield
    finally:
        _UNGUARDED.reset(token)


def _is_ours() -> bool:
    """Whether the application asked, and not a test."""
    if _UNGUARDED.get():
        return False
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_BETWEEN):
        frame = frame.f_back  # type: ignore[assignment]  # None at the end
    return frame is not None and frame.f_code.co_filename.startswith(_OURS)


def _partitions(args: Sequence[Any]) -> set[int]:
    texts = (arg.encode() if isinstance(arg, str) else arg for arg in args)
    named = (keys.in_partition(text) for text in texts if isinstance(text, bytes))
    return {found[0] for found in named if found}


def _unmarked(was: dict[str, Any], became: dict[str, Any]) -> Iterator[str]:
    before, after = records_of(was), records_of(became)
    marks_before, marks_after = _marks(was), _marks(became)
    for record in sorted(before.keys() | after.keys()):
        if before.get(record) == after.get(record):
            continue
        marked = marks_after.get(record, 0) - marks_before.get(record, 0)
        if marked < (_new_bodies(before, after, record) if record.startswith("bodies:") else 1):
            yield f"{record} has changed from {before.get(record)} to {after.get(record)}"


def _marks(names: dict[str, Any]) -> dict[str, int]:
    """How often each record was marked and not yet written down elsewhere."""
    marks: dict[str, int] = {}
    for name in ("dirty", "dirty:taken"):
        flat = names.get(name, ([], -1))[0]
        for record, count in zip(flat[::2], flat[1::2], strict=True):
            marks[record.decode()] = marks.get(record.decode(), 0) + int(count)
    return marks


def _new_bodies(before: Records, after: Records, record: str) -> int:
    """How many bodies are there that were not; those that went are told by the oldest one, which is the check's."""
    there = before.get(record, {}).get("bodies", [])
    return len([body for body in after.get(record, {}).get("bodies", []) if body not in there])
