"""The stream of a page: which of the checks it shows have changed, and whether its lists or its account have.

It says what to fetch, never what it looks like: what is fetched is judged by its own view. Events: `check-<id>`,
`checks`, `account`, and `alive`, by which a browser tells a stream that is held up on the way.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from urllib.parse import urlencode

from quart import Response, request

from ttr import current
from ttr.security_headers import PAGES, secure
from ttr.store.changes import ROWS_MOST, Changes, News, Watcher
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store
from ttr.store.sessions import session_user
from ttr.web.security import session_id, visitor

ACCOUNT_STREAMS = 50
"""Open streams of an account in one process; the next is refused with 429, and its page asks by itself."""
STREAMS = 2_000
"""Open streams of a process; the next is refused with 503."""
ALIVE_SECONDS = 10.0
LIFE_SECONDS = 1_800.0
"""A stream ends after half an hour; the browser opens another one, perhaps at another process."""
LOOK_SECONDS = 30.0
"""So often it is asked whether the session still is, also while there is news all the time."""
_APART_SECONDS = 0.25
"""After a first change, which leaves at once, further ones leave together so far apart."""
_BUSY_APART_SECONDS = 1.0
_MANY = 20
"""More changed rows than this leave as one change of the list."""
_RETRY_SECONDS = "30"


def stream_query(rows: Iterable[int], whole: bool, account: bool) -> str:
    """The question of a stream for these checks, for lists, for the account."""
    fields = {"rows": ",".join(map(str, sorted(set(rows))[:ROWS_MOST]))}
    return urlencode(fields | ({"whole": 1} if whole else {}) | ({"account": 1} if account else {}), safe=",")


def stream_name(query: str) -> str:
    """A short name that differs when the question does."""
    return hashlib.sha256(query.encode()).hexdigest()[:12]


FILTERS = {"stream_name": stream_name}
GLOBALS = {"stream_query": stream_query}


async def show() -> Response:
    """The stream; 401 without a session, 429 or 503 when there are too many."""
    user = await visitor()
    if user is None:
        return _refuse(401, "Log in first.")
    changes = current.changes()
    if changes.ended.is_set() or changes.count() >= STREAMS:
        return _refuse(503, "Too many pages are open here.")
    if changes.count(user.id) >= ACCOUNT_STREAMS:
        return _refuse(429, "Too many pages of this account are open.")
    seen = _number(request.headers.get("Last-Event-ID") or request.args.get("since", ""))
    rows = frozenset(
        number for text in request.args.get("rows", "").split(",")[:ROWS_MOST] if (number := _number(text))
    )
    whole, account = "whole" in request.args, "account" in request.args
    session = session_id()
    response = Response(_events(changes, current.store(), session, user.id, seen, (rows, whole, account)))
    response.timeout = None
    secure(response, PAGES)
    response.content_type = "text/event-stream; charset=utf-8"
    response.headers["X-Accel-Buffering"] = "no"
    return response


async def _events(
    changes: Changes,
    store: Store,
    session: str,
    user_id: int,
    seen: int,
    wants: tuple[frozenset[int], bool, bool],
) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    rows, whole, account = wants
    ends, looked, apart = loop.time() + LIFE_SECONDS, loop.time(), _APART_SECONDS
    with changes.watch(user_id, rows, whole=whole, account=account) as watcher:
        yield _event("alive", seen)
        while not changes.ended.is_set() and loop.time() < ends:
            quiet = not await _woken(watcher)
            if changes.ended.is_set():
                return
            news, before = watcher.take(), seen
            seen = max(seen, news.version)
            if news.sessions or news.missed or loop.time() - looked >= LOOK_SECONDS:
                looked = loop.time()
                try:
                    user = await session_user(store, session)
                except StoreUnavailable:
                    user = None
                    if not _is_left():
                        yield _event("alive", seen)
                        continue
                if _is_left():
                    return
                if user is None or user.id != user_id:
                    return
                if (news.missed and user.version != before) or (quiet and user.version > seen):
                    news = News(user.version, set(rows), whole, account)
                    seen = user.version
            if quiet and not news:
                yield _event("alive", seen)
                continue
            if told := _told(watcher, news, seen):
                yield told
                busy = len(news.checks) > _MANY
                apart = _BUSY_APART_SECONDS if busy and apart > 0 else _APART_SECONDS
                with suppress(TimeoutError):
                    async with asyncio.timeout(apart):
                        await changes.ended.wait()


def _is_left() -> bool:
    """Whether the client went while Redis was asked: redis-py swallows a cancellation while it connects."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _woken(watcher: Watcher) -> bool:
    """Whether something came before the next sign of life is due."""
    with suppress(TimeoutError):
        async with asyncio.timeout(ALIVE_SECONDS):
            return await watcher.woken.wait()
    return False


def _told(watcher: Watcher, news: News, version: int) -> bytes:
    """The events for what has come; a list that is fetched anew brings its rows along."""
    whole = news.whole or (watcher.whole and len(news.checks) > _MANY)
    names = ["checks"] if whole else [f"check-{number}" for number in sorted(news.checks)]
    if news.account:
        names.append("account")
    return b"".join(_event(name, version) for name in names)


def _event(name: str, version: int) -> bytes:
    head = f"id: {version}\n" if version else ""
    return f"{head}event: {name}\ndata: 1\n\n".encode()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else 0


def _refuse(status: int, sentence: str) -> Response:
    response = secure(Response(sentence, status), PAGES)
    response.content_type = "text/plain; charset=utf-8"
    if status != 401:
        response.headers["Retry-After"] = _RETRY_SECONDS
    return response
