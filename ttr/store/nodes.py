"""Which node of Redis serves a key, for those who keep connections of their own."""

from collections.abc import Collection
from typing import Protocol

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection


class Nodes(Protocol):
    """The nodes, by names that are only compared."""

    def of(self, key: str) -> str:
        """The node that serves a key, as far as is known; asks nobody."""
        ...

    def all(self) -> Collection[str]:
        """Every node that serves keys, as far as is known."""
        ...

    def connection(self, node: str) -> AbstractConnection:
        """A connection to it that is yet to be made, with its timeouts, credentials and TLS; the caller closes it."""
        ...

    async def learn(self) -> None:
        """Ask again who serves what, after a node said that it does not or has gone. Raises what redis-py raises."""
        ...


class SingleNode:
    """One Redis that serves every key."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def of(self, key: str) -> str:
        return ""

    def all(self) -> Collection[str]:
        return ("",)

    def connection(self, node: str) -> AbstractConnection:
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py's
        return connection

    async def learn(self) -> None:
        """There is nothing to learn."""
