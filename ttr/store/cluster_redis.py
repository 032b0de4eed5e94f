"""A client of Redis Cluster: redis-py's client for one Redis, once for each node, and a map of who serves what.

redis-py's own cluster client is not used; docs/decisions/0039-redis-cluster.md says why.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import uniform
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.commands import AsyncCoreCommands
from redis.crc import key_slot
from redis.exceptions import ClusterDownError, ConnectionError, MovedError, TimeoutError

from ttr.store import keys
from ttr.store.nodes import ClusterNodes
from ttr.store.timed_redis import TimedRedis

_REDIRECTIONS = 5
"""So often a command follows MOVED. Twice is what a slot needs that moves again while a command is on its way."""
_AGAIN_SECONDS = (0.02, 0.2)
_EVERYWHERE = {"PING", "FLUSHALL", "SCRIPT LOAD", "SCRIPT FLUSH"}
_EVERYWHERE |= {f"FUNCTION {verb}" for verb in ("LOAD", "LIST", "DELETE", "FLUSH")}
"""Without a key, and meant for the database as a whole."""
_KEYLESS = RedisCluster.COMMAND_FLAGS.keys()
"""Without a key, as redis-py knows them."""
_SCRIPTED = {"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"}
"""Their keys come behind a name and a number."""

T = TypeVar("T")
Client = Any
"""redis-py's of one Redis, half of which has no types."""


class ClusterRedis(AsyncCoreCommands):
    """The commands that the store uses, each sent to the node of its key.

    A command without a key is refused, for it would be one node's answer: see `primaries`. Only what concerns the whole
    database goes to all primaries (PING, FLUSHALL and the loading of scripts), with the first one's answer.

    A command that lost its connection is sent once more, like with one Redis, to whoever serves its slot by then; what
    was answered MOVED was not done and goes where it belongs. ASK is not followed: while a slot is being moved key by
    key, scripts would find a part of their partition.
    """

    def __init__(self, nodes: ClusterNodes, *, connections: int, wait_seconds: float) -> None:
        """At most so many connections a node; a command waits so long for one."""
        self.nodes = nodes
        self._connections = connections
        self._wait_seconds = wait_seconds
        self._clients: dict[str, TimedRedis] = {}

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """The answer of the node that serves the command's key, as redis-py gives it.

        Raises ValueError for a command without a key.
        """
        if args[0] in _EVERYWHERE:
            try:
                return await self._on_each(args, options)
            except (ConnectionError, TimeoutError, ClusterDownError):
                # Who is gone may serve nothing any more, and nobody else would say so.
                await self.look_again()
                return await self._on_each(args, options)
        return await self.served(slot_of(args), lambda client: client.execute_command(*args, **options))

    async def _on_each(self, args: Sequence[Any], options: dict[str, Any]) -> Any:
        clients = await self.primaries()
        return (await asyncio.gather(*(client.execute_command(*args, **options) for client in clients)))[0]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> "ClusterPipeline":
        """A pipeline; as a transaction all of its keys are of one slot."""
        return ClusterPipeline(self, transaction)

    async def primaries(self) -> Sequence[Client]:
        """A client of each node that serves slots."""
        return [self.client(node) for node in await self.nodes.primaries()]

    def serving(self, partition: int) -> Client:
        """A client of the node that serves a partition, from what is known."""
        return self.client(self.nodes.of(keys.prefix(partition)))

    def client(self, node: str) -> Client:
        """The client of a node."""
        client = self._clients.get(node)
        if client is None:
            pool = BlockingConnectionPool(
                **self.nodes.kwargs(node),
                max_connections=self._connections,
                timeout=self._wait_seconds,
                # Whatever is sent again is sent by us: it may belong to another node by then.
                retry=Retry(NoBackoff(), 0),
            )
            client = self._clients[node] = TimedRedis(connection_pool=pool)
        return client

    def get_encoder(self) -> Any:
        """What turns texts into bytes."""
        return self.client(self.nodes.of_slot(0)).get_encoder()

    async def served(self, slot: int, ask: Callable[[Client], Awaitable[T]]) -> T:
        """What `ask` gets from the node of a slot; once more after a lost connection, and again when it was moved."""
        node, repeated, redirected = self.nodes.of_slot(slot), False, 0
        while True:
            try:
                return await ask(self.client(node))
            except MovedError as error:
                redirected += 1
                if redirected > _REDIRECTIONS:
                    raise
                node = await self.follow(error, node)
            except (ConnectionError, TimeoutError, ClusterDownError):
                if repeated:
                    raise
                repeated = True
                await self.look_again()
                node = self.nodes.of_slot(slot)

    async def follow(self, error: MovedError, asked: str) -> str:
        """The node that a MOVED names, which is asked for the rest of the map."""
        node = f"{error.host or asked.rsplit(':', 1)[0]}:{error.port}"
        self.nodes.moved(error.slot_id, node)
        await self.nodes.learn(node)
        return node

    async def look_again(self) -> None:
        """Wait a moment, then learn who serves what."""
        await asyncio.sleep(uniform(*_AGAIN_SECONDS))  # noqa: S311  # only to be out of step
        await self.nodes.learn()

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close all connections."""
        await self.nodes.close()
        for client in self._clients.values():
            await client.aclose(close_connection_pool=True)


class ClusterPipeline(Pipeline):
    """Commands of any slots, sent to each node in their order and answered in theirs; between nodes there is no order.

    As a transaction all keys must be of one slot; so must those that are watched.
    """

    def __init__(self, redis: ClusterRedis, transaction: bool) -> None:
        super().__init__(None, {}, transaction, None)  # type: ignore[arg-type]  # connections are the nodes' matter
        self._redis = redis
        self._watched: Pipeline | None = None

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Put a command in; after `watch`, until `multi`, its answer."""
        if self._watched is not None:
            return self._watched.execute_command(*args, **options)
        return self.pipeline_execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py's

    async def watch(self, *names: Any) -> None:  # type: ignore[override]  # as redis-py's own does
        """Watch keys of one slot. All that follows goes to the node that serves them now."""

        async def watched(client: Client) -> None:
            if self._watched is not None:
                await self._watched.reset()  # type: ignore[no-untyped-call]  # redis-py's
            self._watched = client.pipeline(transaction=True)
            await self._watched.watch(*names)

        await self._redis.served(slot_of(("WATCH", *names)), watched)

    def multi(self) -> None:
        """Begin the transaction, after `watch`. Raises ValueError without it."""
        if self._watched is None:
            raise ValueError("nothing is watched")
        self._watched.multi()  # type: ignore[no-untyped-call]  # redis-py's

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """All answers, in the order of the commands.

        Raises ValueError, before anything is sent, for a transaction over several slots.
        """
        stack, self.command_stack = list(self.command_stack), []
        if self._watched is not None:
            return await self._watched.execute(raise_on_error)
        if not stack:
            return []
        slots = [slot_of(args) for args, _ in stack]
        if not self.is_transaction:
            answers = await self._everywhere(stack, slots)
            if raise_on_error:
                # redis-py's own looks for errors that Redis answered, not for those of connections.
                for answer in answers:
                    if isinstance(answer, ConnectionError | TimeoutError):
                        raise answer
                self.raise_first_error(stack, answers)
            return answers
        if len(set(slots)) > 1:
            raise ValueError(f"a transaction over {len(set(slots))} slots")
        return await self._redis.served(
            slots[0], lambda client: _put(client, stack, True).execute(raise_on_error)
        )

    async def reset(self) -> None:  # type: ignore[override]  # as redis-py's own does
        """Back to an empty pipeline."""
        self.command_stack = []
        watched, self._watched = self._watched, None
        if watched is not None:
            await watched.reset()  # type: ignore[no-untyped-call]  # redis-py's

    async def _everywhere(self, stack: list[Any], slots: list[int]) -> list[Any]:
        """Answers and errors, after lost connections and moved slots as `ClusterRedis.served` does it."""
        answers: list[Any] = [None] * len(stack)
        todo, repeated = list(range(len(stack))), False
        for _ in range(1 + _REDIRECTIONS):
            parts: dict[str, list[int]] = {}
            for place in todo:
                parts.setdefault(self._redis.nodes.of_slot(slots[place]), []).append(place)
            found = await asyncio.gather(
                *(
                    _put(self._redis.client(node), [stack[place] for place in part], False).execute(False)
                    for node, part in parts.items()
                ),
                return_exceptions=True,
            )
            lost, moved = list[int](), dict[int, tuple[MovedError, str]]()
            for (node, part), result in zip(parts.items(), found, strict=True):
                if isinstance(result, ConnectionError | TimeoutError) and not repeated:
                    lost += part
                elif isinstance(result, ConnectionError | TimeoutError):
                    # Of each command of this node: what the others said is not lost with it.
                    answers = [result if place in part else answer for place, answer in enumerate(answers)]
                elif isinstance(result, BaseException):
                    raise result
                else:
                    for place, answer in zip(part, result, strict=True):
                        answers[place] = answer
                        if isinstance(answer, MovedError):
                            moved[place] = answer, node
                        elif isinstance(answer, ClusterDownError) and not repeated:
                            lost.append(place)
            if moved:
                # All of them, before the map is learnt: a slot that moved at this moment is told nowhere else yet.
                for error, node in {
                    answer.slot_id: (answer, node) for answer, node in moved.values()
                }.values():
                    await self._redis.follow(error, node)
            if lost:
                repeated = True
                await self._redis.look_again()
            todo = sorted([*lost, *moved])
            if not todo:
                break
        return answers


def slot_of(args: Sequence[Any]) -> int:
    """The slot of a command's first key; the others are of the same, or Redis refuses. Raises ValueError if it has
    none."""
    name = str(args[0]).upper()
    place = 3 if name in _SCRIPTED else 2 if name == "OBJECT" else 1
    if name in _KEYLESS or len(args) <= place:
        raise ValueError(f"{name} has no key: ask each of the primaries")
    key = args[place]
    return key_slot(key if isinstance(key, bytes) else str(key).encode())


def _put(client: Client, stack: list[Any], transaction: bool) -> Pipeline:
    pipe: Pipeline = client.pipeline(transaction=transaction)
    for args, options in stack:
        pipe.execute_command(*args, **options)
    return pipe
