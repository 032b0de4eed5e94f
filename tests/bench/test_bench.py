"""The benchmarks still run: each is there, and a small round through all of it counts every ping once."""

import asyncio
import importlib
from pathlib import Path

import pytest

from tests.bench import bare, doors, load, record, requests
from tests.bench.__main__ import names
from ttr.now import now_ms


@pytest.mark.parametrize("name", names())
def test_each_benchmark_can_be_imported_and_is_documented(name: str) -> None:
    assert asyncio.iscoroutinefunction(importlib.import_module(f"tests.bench.{name}").run)
    document = Path(__file__).parents[2] / "docs" / "benchmarks.md"
    assert f"`{name}`" in document.read_text(encoding="utf-8")


@pytest.mark.timeout(300)  # starting servers takes 2 s, and a minute on a machine with eight times its load
async def test_every_ping_of_a_small_round_is_counted_once() -> None:
    """All in one test: starting servers for each worker of a spread run takes longer than the pings."""
    async with doors.stand("plain", "fast", checks=24) as stand:
        for server in stand.servers:
            for close in (False, True):
                run = await stand.ping(server, seconds=0.1, close=close, connections=4)
                _all_counted(run, server)
                assert run.p50 <= run.p99 <= run.max
        for make in (requests.mixed, requests.post(3_000)):
            _all_counted(await stand.ping("fast", make, seconds=0.1, connections=4), make)
        planned = await stand.ping("fast", seconds=0.5, rate=40, connections=4)
        _all_counted(planned, "planned")
        assert planned.acknowledged + planned.others == 40  # half a second of warming included
        command = await stand.command("fast")
        _all_counted(await stand.ask_redis(command, seconds=0.1), "without a server")
        if bare.has_redis_benchmark():
            # With so few checks its numbers repeat now and then: one call in 10,000 is taken for a repeat.
            assert (await stand.redis_benchmark(command, 300)).counted >= 297


def _all_counted(run: doors.Run, what: object) -> None:
    assert run.acknowledged > 0, what
    # A machine that stands still for 5 s makes a 503 of a ping that is stored.
    assert run.acknowledged <= run.counted <= run.acknowledged + run.others, what
    assert run.others <= run.acknowledged / 4, what


async def test_a_stall_makes_all_late_that_were_planned_meanwhile() -> None:
    stalls = iter([1.0])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(next(stalls, 0))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        asked = [[(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", b"")]]
        wanted = load.Load(f"127.0.0.1:{port}", asked, seconds=1, warm_seconds=0, rate=100)
        answered = await load.run(wanted)
    assert answered.statuses["200"] == 100
    # Half of them had half a second to wait; if only those sent counted, one of a hundred would be late.
    assert answered.p50 > 250


async def test_what_is_not_answered_is_lost_and_said() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        turns = [[(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", b"")]] * 3
        answered = await load.run(load.Load(f"127.0.0.1:{port}", turns, seconds=0.1, warm_seconds=0))
    assert (answered.statuses.total(), answered.lost) == (0, 3)


@pytest.mark.parametrize(
    ("counted", "others", "told"),
    [
        (10, 0, "10 acknowledged = counted in Redis"),
        (9, 0, "10 acknowledged, 9 COUNTED IN REDIS, 0 refused or unanswered"),
        (11, 0, "10 acknowledged, 11 COUNTED IN REDIS, 0 refused or unanswered"),
        (11, 2, "10 acknowledged = counted in Redis, 2 REFUSED OR UNANSWERED, 1 of them counted"),
        (13, 2, "10 acknowledged, 13 COUNTED IN REDIS, 2 refused or unanswered"),
    ],
)
def test_a_lost_or_doubled_ping_is_shouted(counted: int, others: int, told: str) -> None:
    assert doors.kept(doors.Run(1, 1, 1, 1, 1, 1, 10, counted, others)) == told


def test_results_replace_those_of_the_same_benchmark_alone() -> None:
    text = f"Before\n\n{record.BEGIN}{record.END}\nBehind\n"
    for name, line in (("pings", "pings: 1/s"), ("bodies", "bodies: 2/s"), ("pings", "pings: 3/s")):
        text = record.put(text, record.Results(name, now_ms(), 4.2, [line]))
    assert text.startswith("Before\n")
    assert text.endswith("\nBehind\n")
    assert text.index("# bodies, ") < text.index("\n2/s\n") < text.index("# pings, ") < text.index("\n3/s\n")
    assert "1/s" not in text
    assert "\n\n\n" not in text
    with pytest.raises(ValueError, match="results"):
        record.put("nothing", record.Results("pings", 0, 1, []))
