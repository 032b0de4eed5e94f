"""Which node serves what: a Redis is one node, a cluster has several, and slots move between them."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

_ANSWER_SECONDS = 2
"""Of a node that is asked for the map. One that hangs, as a dead machine does, must not hold up the next one."""


class Nodes(Protocol):
    """What is known of who serves what."""

    def of(self, key: str) -> str:
        """The node of a key, "host:port" or the socket's path, from what is known; no I/O."""
        ...

    def all(self) -> Collection[str]:
        """Every node that serves something, from what is known; no I/O."""
        ...

    def connection(self, node: str) -> AbstractConnection:
        """A connection of redis-py, not connected; the caller connects and closes it."""
        ...

    async def learn(self) -> None:
        """Ask who serves what now, after a MOVED or a lost connection. Raises nothing; without an answer the old map
        stays."""
        ...


class SingleNode:
    """One Redis, which serves everything."""

    def __init__(self, url: str, **options: Any) -> None:
        """`options` are those of redis-py's connections. Raises ValueError if `url` is none."""
        self._kwargs = {**options, **parse_url(url)}
        self._class = self._kwargs.pop("connection_class", Connection)
        self._name = str(
            self._kwargs.get("path")
            or f"{self._kwargs.get('host', 'localhost')}:{self._kwargs.get('port', 6379)}"
        )

    def of(self, key: str) -> str:
        return self._name

    def all(self) -> Collection[str]:
        return [self._name]

    def connection(self, node: str) -> AbstractConnection:
        return self._class(**self._kwargs)  # type: ignore[no-any-return]  # redis-py's

    async def learn(self) -> None:
        return None


class ClusterNodes:
    """The primaries of a cluster and their slots, as one of them told.

    Before anybody was asked the first node of REDIS_URL counts as that of all slots: it answers MOVED, and then it is
    asked.
    """

    def __init__(self, url: str, **options: Any) -> None:
        """`options` are those of redis-py's connections. `url` may name several nodes, with commas between them: any of
        them may be away when a process starts, and a worker's job is a new process each time. Raises ValueError if
        `url` is none of a cluster's node."""
        url, *others = _one_by_one(url)
        self._kwargs = {**options, **parse_url(url)}
        self._class = self._kwargs.pop("connection_class", Connection)
        if "path" in self._kwargs or self._kwargs.pop("db", 0):
            raise ValueError("a cluster has neither sockets nor databases")
        self._seeds = [f"{self._kwargs.pop('host', 'localhost')}:{self._kwargs.pop('port', 6379)}"]
        self._seeds += [
            f"{other.get('host', 'localhost')}:{other.get('port', 6379)}" for other in map(parse_url, others)
        ]
        self._slots = [self._seeds[0]] * REDIS_CLUSTER_HASH_SLOTS
        self._others: set[str] = set()
        self._known = False
        self._learning: asyncio.Task[None] | None = None

    def of(self, key: str) -> str:
        return self.of_slot(key_slot(key.encode()))

    def all(self) -> Collection[str]:
        return sorted(set(self._slots))

    def of_slot(self, slot: int) -> str:
        """The node that serves a slot, from what is known."""
        return self._slots[slot]

    async def primaries(self) -> list[str]:
        """All nodes that serve slots; asks for them if nobody was asked yet."""
        if not self._known:
            await self.learn()
        return sorted(self.all())

    def kwargs(self, node: str) -> Mapping[str, Any]:
        """What redis-py's connections to a node are made with, `connection_class` among it."""
        host, port = node.rsplit(":", 1)
        return {**self._kwargs, "connection_class": self._class, "host": host, "port": int(port)}

    def connection(self, node: str) -> AbstractConnection:
        kwargs = dict(self.kwargs(node))
        return kwargs.pop("connection_class")(**kwargs)  # type: ignore[no-any-return]  # redis-py's

    def moved(self, slot: int, node: str) -> None:
        """Note what a MOVED says."""
        self._slots[slot] = node

    async def learn(self, first: str | None = None) -> None:
        """The same as of every `Nodes`; `first` is asked before the others, for it knows best."""
        if self._learning is None or self._learning.done():
            # One question for all that wait: when a node dies, hundreds of commands fail at once.
            self._learning = asyncio.create_task(self._learn(first))
        await asyncio.shield(self._learning)

    async def close(self) -> None:
        """Ask no more."""
        if self._learning is not None and not self._learning.done():
            self._learning.cancel()
            await asyncio.wait([self._learning])

    async def _learn(self, first: str | None) -> None:
        # The nodes of REDIS_URL come last: their names may lead to other machines by now.
        candidates = [
            *([first] if first else []),
            *sorted(set(self._slots)),
            *sorted(self._others),
            *self._seeds,
        ]
        for node in dict.fromkeys(candidates):
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    told = await self._ask(node)
                if told:
                    self._take(node, told)
                    return
            except Exception:  # noqa: S112  # whatever is wrong with this one, the next may know
                continue

    async def _ask(self, node: str) -> list[Any]:
        connection = self.connection(node)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]  # redis-py's
            await connection.send_command("CLUSTER", "SLOTS")
            answer: list[Any] = await connection.read_response()
            return answer
        finally:
            await connection.disconnect(nowait=True)

    def _take(self, asked: str, told: list[Any]) -> None:
        """Take CLUSTER SLOTS' answer over: [first, last, primary, replicas...], a node [host, port, ...]."""
        self._others = set()
        for first, last, primary, *replicas in told:
            self._slots[first : last + 1] = [_name(primary, asked)] * (last + 1 - first)
            self._others.update(_name(replica, asked) for replica in replicas)
        self._known = True


def _one_by_one(url: str) -> list[str]:
    """redis://user:password@a:1,b:2 as a URL for each node."""
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    return [urlunsplit(parts._replace(netloc=f"{user}{at}{host}")) for host in hosts.split(",")]


def _name(node: list[Any], asked: str) -> str:
    # A node that does not know its own name says nothing, or "?": it is where it was asked.
    host = (node[0] or b"").decode()
    return f"{asked.rsplit(':', 1)[0] if host in ('', '?') else host}:{node[1]}"
