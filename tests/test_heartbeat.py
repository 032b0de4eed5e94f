"""What a process says of itself once a second, and that nothing keeps it from saying so."""

import asyncio
import threading
from typing import Any

import pytest

from tests.conftest import RedisServer, eventually
from ttr import __version__, heartbeat, meter
from ttr.domain.liveness import Judged, judge
from ttr.domain.metrics import ALERTS
from ttr.heartbeat import beating, beating_beside, turn
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.errors import StoreUnavailable
from ttr.store.processes import read_processes
from ttr.store.redis import Store


async def only(store: Store) -> Judged:
    """The one process there is."""
    (one,) = judge(await read_processes(store), now_ms()).processes
    return one


async def is_there(store: Store) -> bool:
    return bool(await read_processes(store))


async def test_a_process_is_there_at_once_says_who_it_is_and_is_gone_at_its_end(store: Store) -> None:
    before = now_ms()
    async with beating(store, "web", lambda: {"streams": 3}):
        await eventually(lambda: is_there(store))
        one = await only(store)
        assert (one.process.kind, one.process.version, one.state) == ("web", __version__, "well")
        assert before <= one.process.started_at <= one.process.beat_at <= now_ms()
        assert one.process.gauges["streams"] == 3
        assert one.process.gauges["rss_bytes"] > 1_000_000
        assert one.process.gauges["loop_lag_ms"] >= 0
    assert not await is_there(store)


async def test_it_goes_on_saying_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "_EVERY_SECONDS", 0.01)
    async with beating(store, "web"):
        await eventually(lambda: is_there(store))
        first = (await only(store)).process.beat_at

        async def later() -> bool:
            return (await only(store)).process.beat_at > first

        await eventually(later)


async def test_a_loop_that_said_for_how_long_it_may_be_quiet_is_stuck_after_that(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "_EVERY_SECONDS", 0.01)
    turn("of the one before")
    async with beating(store, "clock"):
        turn("watch")
        turn("archive", 0.05)

        async def is_stuck() -> bool:
            return any(one.stuck for one in judge(await read_processes(store), now_ms()).processes)

        await eventually(is_stuck)
        one = await only(store)
        assert (one.state, one.stuck) == ("stuck", ("archive",))
        assert one.process.loops.keys() == {"watch", "archive"}
        turn("archive", 60)

        async def is_well() -> bool:
            return not await is_stuck()

        await eventually(is_well)


@pytest.mark.parametrize("trouble", [StoreUnavailable("full"), RuntimeError("a fault of ours")])
async def test_counts_that_cannot_be_told_keep_no_beat_back(
    store: Store, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    async def fail(*_: Any) -> None:
        raise trouble

    monkeypatch.setattr(heartbeat, "flush", fail)
    async with beating(store, "web"):
        await eventually(lambda: is_there(store))


async def test_counts_that_take_for_ever_keep_no_beat_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "_EVERY_SECONDS", 0.01)
    released = asyncio.Event()

    async def hang(*_: Any) -> None:
        await released.wait()

    monkeypatch.setattr(heartbeat, "flush", hang)
    async with beating(store, "web"):
        await eventually(lambda: is_there(store))
        first = (await only(store)).process.beat_at

        async def later() -> bool:
            return (await only(store)).process.beat_at > first

        await eventually(later)
        released.set()


async def test_a_beat_that_fails_keeps_no_count_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(heartbeat, "say", fail)
    meter.start_anew()
    meter.count(ALERTS, "down")
    async with beating(store, "web"):

        async def told() -> bool:
            return bool(await store.redis.exists(keys.metrics()))

        await eventually(told)


async def test_a_process_without_an_event_loop_beats_in_a_thread(
    store: Store, redis_server: RedisServer
) -> None:
    done = threading.Event()

    def work() -> None:
        with beating_beside(redis_server.url, "worker", lambda: {"horse_pid": 7}):
            turn("rq")
            done.wait()

    working = asyncio.create_task(asyncio.to_thread(work))
    try:

        async def beats_with_its_loop() -> bool:
            return any("rq" in one.loops for one in await read_processes(store))

        await eventually(beats_with_its_loop)
        one = (await only(store)).process
        assert (one.kind, one.gauges["horse_pid"]) == ("worker", 7)
    finally:
        done.set()
        await working
    assert not await is_there(store)
