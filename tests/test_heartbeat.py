"""What a process says of itself once a second, and that nothing keeps it from saying so."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import RedisServer, eventually
from ttr import __version__, heartbeat, meter
from ttr.domain.liveness import Judged, judge
from ttr.domain.metrics import ALERTS
from ttr.heartbeat import beating, beating_beside, data_form, refuse_if_kept_out, turn
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.errors import StoreUnavailable, StoreUnfit
from ttr.store.form import FORM, OPEN_TO, UNMARKED, Form, read_form, set_form
from ttr.store.processes import read_processes
from ttr.store.redis import Store
from ttr.store.restoring import note_progress


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


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """What the process would have sent to itself; it beats a hundred times a second."""
    sent: list[int] = []
    monkeypatch.setattr(heartbeat, "_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(os, "kill", lambda _, number: sent.append(number))
    yield sent
    heartbeat._kept_out.clear()


async def is_marked(store: Store, form: Form | None) -> bool:
    return await read_form(store.redis) == form and data_form() in (form, Form(FORM, OPEN_TO))


async def test_a_process_that_the_data_is_closed_to_stops_once_and_says_why(
    store: Store, signals: list[int]
) -> None:
    async with beating(store, "web"):
        await eventually(lambda: is_marked(store, Form(FORM, OPEN_TO)))
        refuse_if_kept_out()
        await set_form(store.scripts, Form(FORM, OPEN_TO), Form(FORM + 1, FORM))
        await eventually(lambda: knows(Form(FORM + 1, FORM)))
        assert signals == [], "it is open to this one"
        await set_form(store.scripts, Form(FORM + 1, FORM), Form(FORM + 1, FORM + 1))
        await eventually(lambda: knows(Form(FORM + 1, FORM + 1)))
    assert signals == [signal.SIGTERM]
    with pytest.raises(StoreUnfit, match="Run the newer ttr everywhere"):
        refuse_if_kept_out()


async def knows(form: Form) -> bool:
    return data_form() == form


async def test_a_redis_that_is_emptied_under_it_is_marked_again(store: Store, signals: list[int]) -> None:
    async with beating(store, "web"):
        await eventually(lambda: knows(Form(FORM, OPEN_TO)))
        await store.redis.flushall()
        await eventually(lambda: is_marked(store, Form(FORM, OPEN_TO)))
    assert signals == []


async def test_older_data_that_is_put_under_it_is_not_marked_and_stops_it(
    store: Store, signals: list[int]
) -> None:
    """A Redis that comes back with a file from before an upgrade: only a migration makes it this form's."""
    async with beating(store, "web"):
        await eventually(lambda: knows(Form(FORM, OPEN_TO)))
        await store.redis.set(keys.sequence("user"), 1)  # so that at no moment nothing is there
        await store.redis.delete(keys.meta())
        await eventually(lambda: knows(Form(UNMARKED, UNMARKED)))
    assert signals == [signal.SIGTERM]
    assert await read_form(store.redis) == Form(UNMARKED, UNMARKED)
    with pytest.raises(StoreUnfit, match="Run `ttr migrate`"):
        refuse_if_kept_out()


async def test_a_redis_that_is_being_restored_is_left_to_the_restore(
    store: Store, signals: list[int]
) -> None:
    async with beating(store, "worker"):
        await eventually(lambda: knows(Form(FORM, OPEN_TO)))
        await note_progress(store, {"done": 0})
        await store.redis.delete(keys.meta())
        first = (await only(store)).process.beat_at

        async def later() -> bool:
            return (await only(store)).process.beat_at > first

        await eventually(later)
    assert await store.redis.exists(keys.meta()) == 0
    assert signals == []


async def test_data_that_never_had_a_mark_gets_none_from_it(store: Store, signals: list[int]) -> None:
    await store.redis.delete(keys.meta())
    async with beating(store, "bot"):
        await eventually(lambda: is_there(store))
        first = (await only(store)).process.beat_at

        async def later() -> bool:
            return (await only(store)).process.beat_at > first

        await eventually(later)
    assert await store.redis.exists(keys.meta()) == 0
    assert signals == []
