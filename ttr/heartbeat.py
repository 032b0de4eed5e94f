"""What a process tells Redis once a second: that it lives, which of its loops go round, and what it has counted.

Two loops, so that neither waits for the other. What is said is judged in `ttr/domain/liveness.py`.

It also asks in which form the data is. Where a newer version has closed it to this one, or it is older data by now, the
process stops as by SIGTERM: what is under way is finished, and nothing in an old form is written behind a migration's
back.
"""

import asyncio
import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from ttr import __version__
from ttr.domain.liveness import SILENT_MS, Kind, Process
from ttr.now import now_ms
from ttr.store.errors import StoreUnavailable, StoreUnfit
from ttr.store.form import FORM, OPEN_TO, Form, read_form, refusal, set_form
from ttr.store.metrics import flush
from ttr.store.processes import forget_the_dead, say, say_goodbye
from ttr.store.redis import Store, open_store, store_trouble
from ttr.store.restoring import read_progress

log = logging.getLogger(__name__)

PATIENCE_SECONDS = SILENT_MS / 1000
_EVERY_SECONDS = 1.0
_FORGET_EVERY = 30
_BEGIN_SECONDS = 10.0
_GOODBYE_SECONDS = 3.0

Gauges = Callable[[], Mapping[str, int]]

_turns: dict[str, tuple[float, float]] = {}
"""Loop -> when it last went round (s, monotonic), and for how long it may be quiet from then on (s)."""
_forms: list[Form] = []
"""The form that the data was in when last looked at; empty before that."""
_kept_out: list[str] = []
"""Why this process must not work on the data any more; empty while it may."""
# A horse has none of its worker's loops.
os.register_at_fork(after_in_child=_turns.clear)


def turn(loop: str, quiet_seconds: float = PATIENCE_SECONDS) -> None:
    """Every endless loop says this each time it goes round: for how long it may be quiet now. From any thread."""
    _turns[loop] = (time.monotonic(), quiet_seconds)


def data_form() -> Form | None:
    """The form that the data was in a second ago; None where nobody has looked yet."""
    return _forms[0] if _forms else None


def refuse_if_kept_out() -> None:
    """Said at the end of a process: raises StoreUnfit if it stopped because the data is closed to it."""
    if _kept_out:
        raise StoreUnfit(_kept_out[0])


@asynccontextmanager
async def beating(store: Store, kind: Kind, gauges: Gauges = dict) -> AsyncIterator[None]:
    """Tell it from now on while the block runs; at its end take leave, and tell what was counted last."""
    _turns.clear()
    _forms.clear()
    stop = asyncio.Event()
    heart = _Heart(store, kind, gauges)
    tasks = {asyncio.create_task(_repeat(act, stop)) for act in (heart.beat, lambda: _count(store))}
    try:
        yield
    finally:
        stop.set()
        # No cancellation: redis-py swallows one in ten.
        await asyncio.wait(tasks)
        await heart.stop()
        await _count(store)


@contextmanager
def beating_beside(url: str, kind: Kind, gauges: Gauges, *, cluster: bool = False) -> Iterator[None]:
    """The same for a process that has no event loop: a thread gets one."""
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def beat() -> None:
        stop = asyncio.Event()
        async with open_store(url, cluster=cluster, connections=4) as store, beating(store, kind, gauges):
            begun.set_result((asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(beat()), name="heartbeat", daemon=True)
    thread.start()
    loop, stop = begun.result(_BEGIN_SECONDS)
    try:
        yield
    finally:
        with suppress(RuntimeError):  # it is over already
            loop.call_soon_threadsafe(stop.set)
        thread.join(_GOODBYE_SECONDS)


async def _repeat(act: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    while not stop.is_set():
        await act()
        with suppress(TimeoutError):
            async with asyncio.timeout(_EVERY_SECONDS):
                await stop.wait()


class _Heart:
    """A process, under an id that is its own."""

    def __init__(self, store: Store, kind: Kind, gauges: Gauges) -> None:
        self._store, self._kind, self._gauges = store, kind, gauges
        self._id = secrets.token_hex(8)
        self._host = socket.gethostname()
        self._started_at = now_ms()
        self._beats = 0
        self._expected = asyncio.get_running_loop().time()

    async def beat(self) -> None:
        """Say how this process does; now and then take those off that died."""
        loop = asyncio.get_running_loop()
        lag = max(0.0, loop.time() - self._expected)
        with _survived("the heartbeat"):
            await say(self._store, self._process(int(lag * 1000)))
            if self._beats % _FORGET_EVERY == 0:
                await forget_the_dead(self._store, now_ms())
            self._beats += 1
        with _survived("the form of the data"):
            await self._look_at_form()
        self._expected = loop.time() + _EVERY_SECONDS

    async def _look_at_form(self) -> None:
        try:
            with store_trouble():
                form = await read_form(self._store.redis)
        except StoreUnfit:
            return  # somebody wrote there by hand: the next start says so
        if form is None:
            if _forms and not await read_progress(self._store):
                # A mark never goes away: this Redis was emptied, and what is made from now on is ours.
                await set_form(self._store.scripts, None, Form(FORM, OPEN_TO))
            return
        _forms[:] = [form]
        # Older data as well: a file from before an upgrade was put under us, and only a migration makes it ours.
        if (words := refusal(form)) and not _kept_out:
            _kept_out.append(words)
            log.error("This process stops. %s", _kept_out[0])
            os.kill(os.getpid(), signal.SIGTERM)

    async def stop(self) -> None:
        """Take leave."""
        with _survived("the last heartbeat"):
            await say_goodbye(self._store, self._id)

    def _process(self, lag_ms: int) -> Process:
        now, moment, turns = now_ms(), time.monotonic(), dict(_turns)
        return Process(
            id=self._id,
            kind=self._kind,
            host=self._host,
            pid=os.getpid(),
            version=__version__,
            started_at=self._started_at,
            beat_at=now,
            loops={name: now - int((moment - at) * 1000) for name, (at, _) in turns.items()},
            patience={name: int(quiet * 1000) for name, (_, quiet) in turns.items()},
            gauges={"loop_lag_ms": lag_ms, **_memory(), **self._gauges()},
            form=FORM,
        )


async def _count(store: Store) -> None:
    with _survived("what was counted"):
        await flush(store, now_ms())


@contextmanager
def _survived(what: str) -> Iterator[None]:
    try:
        yield
    except StoreUnavailable as error:
        log.debug("%s waits: %s", what, error)
    except Exception:
        log.exception("%s could not be told", what)


def _memory() -> dict[str, int]:
    """What this process holds of the machine's memory; nothing where the system does not say."""
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return {"rss_bytes": pages * os.sysconf("SC_PAGE_SIZE")}
    return {}
