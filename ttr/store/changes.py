"""What changes in accounts that somebody watches: one subscription of this process to each node, handed on to each
watcher.

Scripts publish each change (`scripts/lua/includes/changed.lua`); nothing is kept for who does not listen. When a
subscription begins, or begins again after Redis was away, watchers hear that they may have missed something. When one
ends or is not answered, or a partition has moved to another node, all begin again: that is rare, and watchers then only
compare versions.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import ConnectionError

from ttr.now import now_ms
from ttr.store import keys
from ttr.store.redis import UNAVAILABLE, Store

log = logging.getLogger(__name__)

ROWS_MOST = 100
"""Check numbers that one watcher remembers; of more changes it hears as of a change of the whole list."""
_QUIET_SECONDS = 5.0
"""A node that has said nothing for so long is asked whether it is there."""
_ANSWER_SECONDS = 5.0
_AGAIN_SECONDS = 0.25
_LATE_LOOK_MS = 1_000
"""So often at most an account's next due time is looked up."""
_LATE_IDLE_MS = 60_000


@dataclass(slots=True)
class News:
    """What has changed since it was last asked for."""

    version: int = 0
    """The account's, as of the newest change; 0 when none was told."""
    checks: set[int] = field(default_factory=set)
    whole: bool = False
    """Membership, order or counters of lists."""
    account: bool = False
    """Channels, deliveries or slugs."""
    sessions: bool = False
    """A session may have ended."""
    missed: bool = False
    """Changes may have gone by unheard: compare versions."""

    def __bool__(self) -> bool:
        return bool(self.checks or self.whole or self.account or self.sessions or self.missed)


@dataclass(slots=True, eq=False)
class Watcher:
    """One who wants to hear of an account's changes: of some checks, of the lists, of the account."""

    user_id: int
    rows: frozenset[int]
    whole: bool
    account: bool
    news: News = field(default_factory=News)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, version: int, check: int, kinds: str) -> None:
        """Note a change, if it is of interest. The memory it takes has a bound."""
        news = self.news
        news.version = max(news.version, version)
        if check in self.rows:
            news.checks.add(check)
        news.whole |= self.whole and "w" in kinds
        news.account |= self.account and "a" in kinds
        news.sessions |= "s" in kinds
        if news:
            self.woken.set()

    def take(self) -> News:
        """What has come since the last time."""
        news, self.news = self.news, News()
        self.woken.clear()
        return news


@dataclass(slots=True, eq=False)
class _Line:
    """A subscription to one node."""

    pubsub: Any
    asked: set[str] = field(default_factory=set)
    listening: asyncio.Task[None] | None = None


class Changes:
    """The process's subscription; opened when the first watcher comes, closed by `close`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._watchers: dict[int, set[Watcher]] = {}
        self._looks: dict[int, tuple[asyncio.Event, asyncio.Task[None]]] = {}
        self._wanted = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._heard = set[bytes]()
        self.ended = asyncio.Event()
        """Set when the process is about to stop: every stream ends."""

    def count(self, user_id: int | None = None) -> int:
        """Watchers of an account, or of all."""
        if user_id is not None:
            return len(self._watchers.get(user_id, ()))
        return sum(map(len, self._watchers.values()))

    @contextmanager
    def watch(self, user_id: int, rows: frozenset[int], *, whole: bool, account: bool) -> Iterator[Watcher]:
        """A watcher for the time of the block; it may have missed something from the start."""
        watcher = Watcher(user_id, rows, whole, account)
        self._watchers.setdefault(user_id, set()).add(watcher)
        if user_id not in self._looks:
            stale = asyncio.Event()
            self._looks[user_id] = stale, asyncio.create_task(self._look_for_late(user_id, stale))
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        self._wanted.set()
        if self._is_heard(keys.partition_of(user_id)):
            watcher.news.missed = True
            watcher.woken.set()
        try:
            yield watcher
        finally:
            left = self._watchers[user_id]
            left.discard(watcher)
            if not left:
                del self._watchers[user_id]
                self._looks.pop(user_id)[1].cancel()
                self._wanted.set()

    def end(self) -> None:
        """Let every stream end, now and from now on."""
        self.ended.set()
        for watcher in self._all():
            watcher.woken.set()

    async def close(self) -> None:
        """End all, and give the connections back."""
        self.end()
        tasks = [task for _, task in self._looks.values()] + [self._listening] * (self._listening is not None)
        await _end([task for task in tasks if task])

    def _all(self) -> list[Watcher]:
        return [watcher for watchers in self._watchers.values() for watcher in watchers]

    def _is_heard(self, partition: int) -> bool:
        return keys.changes(partition).encode() in self._heard

    async def _listen(self) -> None:
        while not self.ended.is_set():
            try:
                await self._listen_once()
            except UNAVAILABLE as error:
                log.warning("no changes are heard: %s", error)
            except Exception:
                # Without it no page hears anything any more, so nothing may end it.
                log.exception("the subscription to changes")
            await asyncio.sleep(_AGAIN_SECONDS)
            await self._store.nodes.learn()

    async def _listen_once(self) -> None:
        await self._store.redis.primaries()  # so that it is known who serves what
        lines: dict[Any, _Line] = {}
        broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def stopped(task: asyncio.Task[None]) -> None:
            if not broken.done() and not task.cancelled() and (error := task.exception()):
                broken.set_exception(error)

        following = asyncio.create_task(self._follow(lines, stopped))
        following.add_done_callback(stopped)
        try:
            await broken
        finally:
            self._heard = set()
            await _end([following, *(line.listening for line in lines.values() if line.listening)])
            for line in lines.values():
                with suppress(Exception):
                    await line.pubsub.aclose()

    async def _follow(self, lines: dict[Any, _Line], stopped: Callable[[asyncio.Task[None]], None]) -> None:
        """Subscribe to the partitions of watched accounts as they come and go."""
        while True:
            self._wanted.clear()
            wanted: dict[Any, set[str]] = {}
            for partition in {keys.partition_of(user_id) for user_id in self._watchers}:
                wanted.setdefault(self._store.redis.serving(partition), set()).add(keys.changes(partition))
            for client in wanted.keys() | lines.keys():
                line = lines.get(client) or lines.setdefault(client, _Line(client.pubsub()))
                await self._subscribe(line, wanted.get(client, set()))
                if line.listening is None:
                    line.listening = asyncio.create_task(self._hear(line))
                    line.listening.add_done_callback(stopped)
            await self._wanted.wait()

    async def _subscribe(self, line: _Line, wanted: set[str]) -> None:
        for channel in wanted - line.asked:
            line.asked.add(channel)
            await line.pubsub.ssubscribe(channel)
        # One stays, for a subscription without any channel ends.
        for channel in line.asked - wanted if wanted else ():
            line.asked.discard(channel)
            self._heard.discard(channel.encode())
            await line.pubsub.sunsubscribe(channel)

    async def _hear(self, line: _Line) -> None:
        while True:
            message = await line.pubsub.get_message(timeout=_QUIET_SECONDS)
            if message is None:
                # A node that hangs, or whose machine is gone, ends no connection: pages would hear nothing any more,
                # while another node has long taken its place.
                await line.pubsub.ping()
                message = await line.pubsub.get_message(timeout=_ANSWER_SECONDS)
                if message is None:
                    raise ConnectionError("a subscription is not answered")
            self._receive(line, message)

    def _receive(self, line: _Line, message: dict[str, Any]) -> None:
        if message["type"] == "ssubscribe":
            self._heard.add(message["channel"])
            for watcher in self._all():
                if keys.changes(keys.partition_of(watcher.user_id)).encode() == message["channel"]:
                    watcher.news.missed = True
                    watcher.woken.set()
        elif message["type"] == "smessage":
            user, version, check, kinds = message["data"].decode().split(" ")
            self._tell(int(user), int(version), int(check), kinds)
        elif message["type"] == "sunsubscribe" and message["channel"].decode() in line.asked:
            raise ConnectionError(f"{message['channel'].decode()} has moved to another node")

    def _tell(self, user_id: int, version: int, check: int, kinds: str) -> None:
        watchers = self._watchers.get(user_id)
        if watchers is None:
            return
        for watcher in watchers:
            watcher.hear(version, check, kinds)
        self._looks[user_id][0].set()

    async def _look_for_late(self, user_id: int, stale: asyncio.Event) -> None:
        """Tell of checks that become late, which nothing writes down: their due time comes."""
        key = keys.by_due(keys.partition_of(user_id), user_id)
        looked = now_ms() - _LATE_LOOK_MS
        while True:
            stale.clear()
            now, wait = now_ms(), _LATE_LOOK_MS
            try:
                late = await self._store.redis.zrange(
                    key, f"({looked}", now, byscore=True, offset=0, num=ROWS_MOST
                )
                following = await self._store.redis.zrange(
                    key, f"({now}", "+inf", byscore=True, offset=0, num=1, withscores=True
                )
                looked = now
                for member in late:
                    self._tell(user_id, 0, int(member), "w")
                stale.clear()
                wait = min(_LATE_IDLE_MS, max(1, int(following[0][1]) - now)) if following else _LATE_IDLE_MS
            except UNAVAILABLE as error:
                log.warning("nobody is told who is late: %s", error)
            except Exception:
                # It is begun once for all who watch the account.
                log.exception("the look for who is late")
            if wait > _LATE_LOOK_MS:
                await asyncio.sleep(_LATE_LOOK_MS / 1_000)
                wait -= _LATE_LOOK_MS
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait / 1_000):
                        await stale.wait()
            else:
                await asyncio.sleep(wait / 1_000)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:  # again: redis-py swallows a cancellation now and then
            task.cancel()
        await asyncio.wait(pending, timeout=0.5)
