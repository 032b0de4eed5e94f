"""Many script calls over one connection: answers in order, and what happens when the connection or Redis does not."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError, ResponseError, TimeoutError

from tests.conftest import RedisServer, eventually, start_redis
from ttr.store import keys, pipelined
from ttr.store.pipelined import LostError, Pipelined
from ttr.store.redis import Store, open_store, wait_until_ready

PARTITION = 3


def always() -> bool:
    return True


def never() -> bool:
    return False


@pytest.fixture
def calls(store: Store) -> Pipelined:
    assert store.pipelined
    return store.pipelined


async def put(calls: Pipelined, user: int, may_repeat: Any = always) -> Any:
    """A command that answers at once: `put_event` would write; a check that is not there is only looked for."""
    return await calls.run("pause_check", PARTITION, [user, "", 0], may_repeat=may_repeat)


async def body(calls: Pipelined, check: int, may_repeat: Any = always) -> Any:
    """A ping's body: the command answers its number and what was sent."""
    return await calls.run("read_body", PARTITION, [check, check], may_repeat=may_repeat)


async def lay(store: Store, numbers: range) -> None:
    """Let each check have a body that says which it is."""
    for number in numbers:
        await store.redis.rpush(
            keys.bodies(PARTITION, number), number.to_bytes(4, "big") + f"of {number}".encode()
        )


async def connections(store: Store) -> list[dict[str, str]]:
    """Those that run scripts."""
    found: list[dict[str, str]] = await store.redis.client_list()
    return [one for one in found if one["cmd"] in ("evalsha", "fcall", "ping")]


async def test_each_of_many_gets_its_own_answer(store: Store, calls: Pipelined) -> None:
    await lay(store, range(1, 201))
    found = await asyncio.gather(*(body(calls, number) for number in range(1, 201)))
    assert [int(number) for number, _ in found] == list(range(1, 201))
    assert [said for _, said in found] == [f"of {number}".encode() for number in range(1, 201)]


async def test_what_a_turn_asks_leaves_in_one_write_on_one_connection(
    store: Store, calls: Pipelined, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lay(store, range(1, 101))
    await body(calls, 1)
    (line,) = calls._lines.values()
    written = list[bytes]()
    write = line._transport.write

    class Told:
        def write(self, data: bytes) -> None:
            written.append(data)
            write(data)

        def abort(self) -> None: ...

    monkeypatch.setattr(line, "_transport", Told())
    await asyncio.gather(*(body(calls, number) for number in range(1, 41)))
    assert [len(data) > pipelined._CHUNK_BYTES for data in written] == [False]
    written.clear()
    # More than a chunk leaves while the rest is still asked for.
    await asyncio.gather(*(body(calls, number) for number in range(1, 101)))
    assert [len(data) > pipelined._CHUNK_BYTES for data in written] == [True, True, False]


async def test_an_error_is_its_askers_alone(store: Store, calls: Pipelined) -> None:
    await lay(store, range(1, 4))
    await store.redis.set(keys.bodies(PARTITION, 2), "no list")
    found = await asyncio.gather(*(body(calls, number) for number in (1, 2, 3)), return_exceptions=True)
    assert isinstance(found[1], ResponseError)
    assert "WRONGTYPE" in str(found[1])
    assert [found[0][1], found[2][1]] == [b"of 1", b"of 3"]


async def test_whoever_stops_waiting_leaves_the_others_their_answers(store: Store, calls: Pipelined) -> None:
    await lay(store, range(1, 31))
    await body(calls, 1)
    tasks = [asyncio.create_task(body(calls, number)) for number in range(1, 31)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    for at, answer in enumerate(found):
        if at % 3:
            assert answer[1] == f"of {at + 1}".encode()
        else:
            assert isinstance(answer, asyncio.CancelledError)


async def test_a_redis_that_has_forgotten_the_commands_gets_them_again(
    store: Store, calls: Pipelined
) -> None:
    await lay(store, range(1, 11))
    await body(calls, 1)
    await store.redis.script_flush()
    await store.redis.function_flush()
    found = await asyncio.gather(*(body(calls, number, never) for number in range(1, 11)))
    assert [said for _, said in found] == [f"of {number}".encode() for number in range(1, 11)]


class Frozen:
    """A Redis that a test may stop and let go on."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server

    def freeze(self) -> None:
        self.server.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.server.process.send_signal(signal.SIGCONT)


@pytest.fixture
async def own() -> AsyncIterator[tuple[Store, Frozen]]:
    """A store on a Redis of its own."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        server = start_redis(Path(folder))
        async with open_store(server.url) as store:
            await wait_until_ready(store)
            await lay(store, range(1, 11))
            yield store, Frozen(server)
        server.process.send_signal(signal.SIGCONT)
        server.process.kill()
        server.process.wait(10)


async def under_way(calls: Pipelined, count: int, may_repeat: Any) -> list["asyncio.Task[Any]"]:
    """Calls that wait for their answers."""
    tasks = [asyncio.create_task(body(calls, number, may_repeat)) for number in range(1, count + 1)]

    async def all_wait() -> bool:
        return sum(len(line._waiting) for line in calls._lines.values()) == count

    await eventually(all_wait)
    return tasks


async def test_an_answer_that_was_lost_is_asked_for_once_more_if_that_does_no_harm(
    own: tuple[Store, Frozen],
) -> None:
    store, redis = own
    calls = store.pipelined
    assert calls
    await body(calls, 1)
    for may_repeat in (always, never):
        redis.freeze()
        tasks = await under_way(calls, 5, may_repeat)
        (line,) = calls._lines.values()
        line._transport.abort()
        await asyncio.sleep(0)
        redis.thaw()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        if may_repeat is always:
            assert [answer[1] for answer in found] == [f"of {number}".encode() for number in range(1, 6)]
        else:
            assert [type(answer) for answer in found] == [LostError] * 5
        # The next one makes a connection anew.
        assert (await body(calls, 7))[1] == b"of 7"


async def test_a_stuck_redis_is_given_up_after_a_while_and_not_asked_twice(
    own: tuple[Store, Frozen], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelined, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(pipelined, "_LOOK_SECONDS", 0.1)
    store, redis = own
    calls = store.pipelined
    assert calls
    await body(calls, 1)
    redis.freeze()
    tasks = await under_way(calls, 5, always)
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in found] == [TimeoutError] * 5
    redis.thaw()
    monkeypatch.setattr(pipelined, "ANSWER_SECONDS", 5.0)
    assert (await body(calls, 7))[1] == b"of 7"


async def test_no_more_waits_than_may_and_what_waits_is_answered(
    own: tuple[Store, Frozen], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, redis = own
    calls = store.pipelined
    assert calls
    await body(calls, 1)
    redis.freeze()
    monkeypatch.setattr(pipelined, "CALLS_MOST", 4)
    tasks = await under_way(calls, 4, always)
    with pytest.raises(ConnectionError, match="too many"):
        await body(calls, 5)
    monkeypatch.setattr(pipelined, "CALLS_MOST", 100)
    monkeypatch.setattr(pipelined, "BYTES_MOST", 100)
    with pytest.raises(ConnectionError, match="too many"):
        await body(calls, 6)
    redis.thaw()
    assert len(await asyncio.gather(*tasks)) == 4
    monkeypatch.setattr(pipelined, "BYTES_MOST", 1_000)
    assert (await body(calls, 7))[1] == b"of 7"


async def test_while_redis_is_gone_nobody_waits_long_and_many_make_one_attempt() -> None:
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        server = start_redis(Path(folder))
        async with open_store(server.url) as store:
            await lay(store, range(1, 11))
            calls = store.pipelined
            assert calls
            await body(calls, 1)
            server.process.kill()
            server.process.wait(10)
            (Path(folder) / "redis.sock").unlink()
            made = list[str]()
            connection = calls._nodes.connection

            def counted(node: str) -> Any:
                made.append(node)
                return connection(node)

            calls._nodes.connection = counted
            found = await asyncio.gather(*(body(calls, 1) for _ in range(50)), return_exceptions=True)
            assert all(isinstance(answer, ConnectionError) for answer in found)
            assert len(made) <= 2
            server = start_redis(Path(folder))

            async def back() -> bool:
                try:
                    return (await body(calls, 1))[1] == b"of 1"
                except (ConnectionError, ResponseError):
                    return False

            await eventually(back)
        server.process.kill()
        server.process.wait(10)


async def test_a_quiet_connection_is_tried_and_replaced_when_it_is_dead(
    own: tuple[Store, Frozen], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelined, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(pipelined, "_QUIET_SECONDS", 0.1)
    monkeypatch.setattr(pipelined, "ANSWER_SECONDS", 0.3)
    store, redis = own
    calls = store.pipelined
    assert calls
    await body(calls, 1)
    (line,) = calls._lines.values()
    heard = line._heard

    async def tried() -> bool:
        return line._heard > heard + 0.2

    await eventually(tried)
    assert not line.over
    redis.freeze()

    async def given_up() -> bool:
        return line.over

    await eventually(given_up)
    redis.thaw()
    assert (await body(calls, 2))[1] == b"of 2"


async def test_at_the_end_whoever_waits_is_told(own: tuple[Store, Frozen]) -> None:
    store, redis = own
    calls = store.pipelined
    assert calls
    await body(calls, 1)
    redis.freeze()
    tasks = await under_way(calls, 3, never)
    await calls.close()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in found] == [LostError] * 3
    redis.thaw()


async def test_after_the_end_no_connection_is_made(own: tuple[Store, Frozen]) -> None:
    store, redis = own
    calls = store.pipelined
    assert calls
    await body(calls, 1)
    redis.freeze()
    tasks = await under_way(calls, 3, always)
    await calls.close()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in found] == [LostError] * 3
    assert not calls._lines
    redis.thaw()


async def test_what_may_be_repeated_is_asked_when_it_is_repeated(own: tuple[Store, Frozen]) -> None:
    store, redis = own
    calls = store.pipelined
    assert calls
    await body(calls, 1)
    redis.freeze()
    asked = list[int]()

    def may_repeat() -> bool:
        asked.append(1)
        # Between the loss and the repeat others were sent.
        return len(asked) == 1

    (task,) = await under_way(calls, 1, may_repeat)
    (line,) = calls._lines.values()
    line._transport.abort()
    await asyncio.sleep(0)
    redis.thaw()
    with pytest.raises(LostError):
        await task
    assert len(asked) == 2


async def test_a_connection_that_is_given_up_answers_what_waits_and_takes_no_more(
    own: tuple[Store, Frozen],
) -> None:
    store, redis = own
    calls = store.pipelined
    assert calls
    await body(calls, 1)
    redis.freeze()
    tasks = await under_way(calls, 3, never)
    (line,) = calls._lines.values()
    line.retire()
    assert line.over
    redis.thaw()
    assert [said for _, said in await asyncio.gather(*tasks)] == [b"of 1", b"of 2", b"of 3"]
    assert (await body(calls, 4, never))[1] == b"of 4"
    assert [*calls._lines.values()] != [line]


async def test_calls_larger_than_a_sockets_room_arrive(store: Store, calls: Pipelined) -> None:
    await lay(store, range(1, 2))
    found = await asyncio.gather(
        *(calls.run("read_body", PARTITION, [1, 1, b"x" * 300_000], may_repeat=always) for _ in range(40))
    )
    assert [said for _, said in found] == [b"of 1"] * 40
