"""Opens Redis, and refuses one that would lose checks."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)

from ttr.domain.finding import Finding
from ttr.redis_tls import tls_fault
from ttr.store import keys
from ttr.store.cluster_redis import ClusterRedis
from ttr.store.errors import StoreUnavailable, StoreUnfit
from ttr.store.fitness import judge, judge_cluster, read_answers
from ttr.store.form import FORM, OPEN_TO, Form, read_form, refusal, set_form
from ttr.store.nodes import ClusterNodes, Nodes, SingleNode
from ttr.store.pipelined import Pipelined
from ttr.store.scripts import Scripts
from ttr.store.sealed import Unreadable, new_word, rewrapped
from ttr.store.timed_redis import TimedRedis

log = logging.getLogger(__name__)

# What a client may cure by trying again; everything else is our bug and should be loud.
UNAVAILABLE = (
    ConnectionError,
    TimeoutError,
    BusyLoadingError,
    ReadOnlyError,
    # Of a cluster: nobody serves a slot, or it is on its way to another node.
    ClusterDownError,
    TryAgainError,
    AskError,
)
_NO_URL = (
    "REDIS_URL is not a URL of a Redis, such as redis://user:password@host:6379/0. Characters of the password that "
    "mean something in a URL must be escaped: `/` is %2F, `@` is %40, `#` is %23."
)
_NO_NODE = (
    "With REDIS_CLUSTER=true, REDIS_URL is the URL of one node of the cluster, such as "
    "redis://user:password@host:6379, without a number of a database."
)
_WRITES_REFUSED = ("OOM ", "MISCONF", "NOREPLICAS", "READONLY")


@dataclass(frozen=True, slots=True)
class Store:
    """One Redis, or a cluster, and its commands."""

    redis: Any
    """A client that doesn't decode: replies are bytes, where redis-py's annotations allow for str as well. On a cluster
    each command goes to its key's node, and a transaction has one slot (`ttr/store/cluster_redis.py`)."""
    scripts: Scripts
    pipelined: Pipelined | None = None
    """For pings, of which many are under way at once; None where each command is sent by itself."""

    @property
    def nodes(self) -> Nodes:
        """Who serves what."""
        nodes: Nodes = self.redis.nodes
        return nodes


_CONNECTING = {"socket_timeout": 5, "socket_connect_timeout": 2, "health_check_interval": 30}


@asynccontextmanager
async def open_store(
    url: str, *, cluster: bool = False, connections: int = 32, wait_seconds: float = 2
) -> AsyncIterator[Store]:
    """A store on `url` (redis://, rediss:// or unix://); closed at the end. Does not connect yet.

    With `cluster`, `url` is one node of a Redis Cluster, and at most `connections` go to each node.

    Commands answer within 5 s or raise, after waiting up to `wait_seconds` for a connection. One retry covers a
    Redis that was restarted between two commands:
    scripts are written so that running twice gives the same result. Raises StoreUnfit if `url` is none.
    """
    redis = (_cluster if cluster else _one)(url, connections, wait_seconds)
    scripts = Scripts(redis)
    pipelined = Pipelined(redis, redis.nodes, scripts)
    try:
        yield Store(redis, scripts, pipelined)
    finally:
        await pipelined.close()
        await redis.aclose(close_connection_pool=True)


def _one(url: str, connections: int, wait_seconds: float) -> Any:
    try:
        nodes = SingleNode(url, **_CONNECTING)
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=connections,
            timeout=wait_seconds,
            retry=Retry(ExponentialWithJitterBackoff(cap=0.2, base=0.02), 1),
            retry_on_error=[ConnectionError],
            **_CONNECTING,
        )
    except ValueError:  # its text may quote a part of a password
        raise StoreUnfit(_NO_URL) from None
    redis = TimedRedis(connection_pool=pool)
    redis.nodes = nodes
    return redis


def _cluster(url: str, connections: int, wait_seconds: float) -> Any:
    try:
        nodes = ClusterNodes(url, **_CONNECTING)
    except ValueError:  # its text may quote a part of a password
        raise StoreUnfit(_NO_NODE) from None
    return ClusterRedis(nodes, connections=connections, wait_seconds=wait_seconds)  # type: ignore[abstract]


@contextmanager
def store_trouble() -> Iterator[None]:
    """Raise StoreUnavailable for whatever trying again may cure, a full memory or disk included."""
    try:
        yield
    except UNAVAILABLE as error:
        raise StoreUnavailable(str(error)) from error
    except ResponseError as error:
        # From inside a script the words stand somewhere in the middle of the message.
        if any(word in str(error) for word in _WRITES_REFUSED) or isinstance(error, OutOfMemoryError):
            raise StoreUnavailable(str(error)) from error
        raise


async def wait_until_ready(store: Store, seconds: float = 30) -> None:
    """Wait until Redis answers and has loaded its data. Raises StoreUnavailable after `seconds`, and StoreUnfit at once
    where the two can't agree on TLS."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            await store.redis.ping()
            return
        except UNAVAILABLE as error:
            if fault := tls_fault(error):
                raise StoreUnfit(fault) from None
            if asyncio.get_running_loop().time() > deadline:
                raise StoreUnavailable(f"Redis does not answer: {error}") from error
        await asyncio.sleep(0.1)


async def verify(store: Store) -> None:
    """Refuse a Redis that is unfit by `ttr.store.fitness`, or whose data is; what else is wrong with it is a warning in
    the log.

    Raises StoreUnfit with what to change, and StoreUnavailable.
    """
    await verify_server(store)
    await verify_data(store)


async def verify_server(store: Store) -> None:
    """The same of the Redis alone, whatever is in it."""
    found = await examine(store)
    for finding in found:
        if finding.level == "refusal":
            raise StoreUnfit(finding.text)
    for finding in found:
        if finding.level != "ok":
            log.warning("%s", finding.text)


async def examine(store: Store, *, appendfsync: str | None = None) -> list[Finding]:
    """What `ttr.store.fitness` has to say of this Redis, or of each primary of the cluster. Raises StoreUnavailable."""
    with store_trouble():
        if not isinstance(store.nodes, ClusterNodes):
            return judge(await read_answers(store.redis), appendfsync=appendfsync)
        names = await store.nodes.primaries()
        answers = await asyncio.gather(*(read_answers(store.redis.client(name)) for name in names))
    return judge_cluster(dict(zip(names, answers, strict=True)))


async def verify_data(store: Store) -> None:
    """Refuse data that this version does not know. Of an empty Redis the first one that asks says in which form and in
    how many partitions its data will be.

    Raises StoreUnfit with what to do, and StoreUnavailable.
    """
    with store_trouble():
        # Before the partitions, which tell that there is data: the form of data without marks is the oldest.
        await _verify_form(store)
        await _verify_partitions(store)


async def _verify_form(store: Store) -> None:
    found = await read_form(store.redis)
    while found is None:
        await set_form(store.scripts, None, Form(FORM, OPEN_TO))
        found = await read_form(store.redis)
    if words := refusal(found):
        raise StoreUnfit(words)


async def _verify_partitions(store: Store) -> None:
    # Read first: a Redis that is full for the moment must not keep processes from starting.
    if await store.redis.hget(keys.meta(), "partitions") is None:
        await store.redis.hsetnx(keys.meta(), "partitions", str(keys.PARTITIONS))
    found = int(await store.redis.hget(keys.meta(), "partitions"))
    if found != keys.PARTITIONS:
        raise StoreUnfit(
            f"This Redis's data is laid out in {found} partitions; this version uses {keys.PARTITIONS}."
        )


async def verify_master_key(store: Store, master: str) -> None:
    """Refuse an ENCRYPTION_KEY none of whose keys this database's secrets were sealed under. Raises StoreUnfit."""
    if await store.redis.hget(keys.meta(), "sealed") is None:
        await store.redis.hsetnx(keys.meta(), "sealed", new_word(master))
    try:
        rewrapped(master, (await store.redis.hget(keys.meta(), "sealed")).decode())
    except Unreadable:
        raise StoreUnfit("ENCRYPTION_KEY is not the one that this database was made with.") from None
