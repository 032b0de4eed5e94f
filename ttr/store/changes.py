"""What changes in accounts that somebody watches: one subscription of this process, handed on to each watcher.

Scripts publish each change (`scripts/lua/includes/changed.lua`); nothing is kept for who does not listen. When a
subscription begins, or begins again after Redis was away, watchers hear that they may have missed something.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from ttr.now import now_ms
from ttr.store import keys
from ttr.store.redis import UNAVAILABLE, Store

log = logging.getLogger(__name__)

ROWS_MOST = 100
"""Check numbers that one watcher remembers; of more changes it hears as of a change of the whole list."""
_LISTEN_SECONDS = 15.0
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


class Changes:
    """The process's subscription; opened when the first watcher comes, closed by `close`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._watchers: dict[int, set[Watcher]] = {}
        self._looks: dict[int, tuple[asyncio.Event, asyncio.Task[None]]] = {}
        self._wanted = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._pubsub: Any = None
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
        """End all, and give the connection back."""
        self.end()
        tasks = [task for _, task in self._looks.values()] + [self._listening] * (self._listening is not None)
        while pending := [task for task in tasks if task and not task.done()]:
            for task in pending:  # again: redis-py swallows a cancellation now and then
                task.cancel()
            await asyncio.wait(pending, timeout=0.5)

    def _all(self) -> list[Watcher]:
        return [watcher for watchers in self._watchers.values() for watcher in watchers]

    def _is_heard(self, partition: int) -> bool:
        return self._pubsub is not None and keys.changes(partition).encode() in self._heard

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

    async def _listen_once(self) -> None:
        self._heard = set()
        pubsub = self._pubsub = self._store.redis.pubsub()
        asked: set[str] = set()
        subscribing: asyncio.Task[None] | None = None
        try:
            await self._follow_once(pubsub, asked)
            subscribing = asyncio.create_task(self._follow(pubsub, asked))
            while not subscribing.done():
                message = await pubsub.get_message(timeout=_LISTEN_SECONDS)
                if message is not None:
                    self._receive(message)
            await subscribing
        finally:
            self._pubsub = None
            if subscribing is not None:
                subscribing.cancel()
            with suppress(Exception):
                await pubsub.aclose()

    async def _follow(self, pubsub: Any, asked: set[str]) -> None:
        """Subscribe to the partitions of watched accounts as they come and go."""
        while True:
            await self._wanted.wait()
            await self._follow_once(pubsub, asked)

    async def _follow_once(self, pubsub: Any, asked: set[str]) -> None:
        self._wanted.clear()
        wanted = {keys.changes(keys.partition_of(user_id)) for user_id in self._watchers}
        # One stays, for a subscription without any channel ends.
        for channel in wanted - asked or (() if asked else (keys.changes(0),)):
            await pubsub.ssubscribe(channel)
            asked.add(channel)
        for channel in asked - wanted if wanted else ():
            await pubsub.sunsubscribe(channel)
            asked.discard(channel)
            self._heard.discard(channel.encode())

    def _receive(self, message: dict[str, Any]) -> None:
        if message["type"] == "ssubscribe":
            self._heard.add(message["channel"])
            for watcher in self._all():
                if keys.changes(keys.partition_of(watcher.user_id)).encode() == message["channel"]:
                    watcher.news.missed = True
                    watcher.woken.set()
        elif message["type"] == "smessage":
            user, version, check, kinds = message["data"].decode().split(" ")
            self._tell(int(user), int(version), int(check), kinds)

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
            if wait > _LATE_LOOK_MS:
                await asyncio.sleep(_LATE_LOOK_MS / 1_000)
                wait -= _LATE_LOOK_MS
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait / 1_000):
                        await stale.wait()
            else:
                await asyncio.sleep(wait / 1_000)
