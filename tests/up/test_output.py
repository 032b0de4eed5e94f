"""What children say is shown under their names, whole, and never holds anything up."""

import os
from pathlib import Path

from ttr.up.output import Output


async def test_lines_stand_under_their_names_and_a_last_line_needs_no_end(tmp_path: Path) -> None:
    target = os.open(tmp_path / "out", os.O_RDWR | os.O_CREAT)
    output = Output(target, names=["web", "worker"], colour=False)
    web, worker = output.listen("web"), output.listen("worker")
    os.write(web, b"one\ntwo\r\nthr")
    os.write(worker, b"x" * 200 + b"\xff\n")
    os.write(web, b"ee")
    await output.close(within=1)
    for descriptor in (web, worker, target):
        os.close(descriptor)
    lines = (tmp_path / "out").read_bytes().splitlines()
    assert sorted(lines) == [
        b"web    | one",
        b"web    | three",
        b"web    | two",
        b"worker | " + b"x" * 200 + b"\xff",
    ]


async def test_colour_is_only_where_it_is_wanted(tmp_path: Path) -> None:
    target = os.open(tmp_path / "out", os.O_RDWR | os.O_CREAT)
    output = Output(target, names=["web"], colour=True)
    output.say("hello", "web")
    await output.close(within=1)
    os.close(target)
    assert (tmp_path / "out").read_bytes() == b"\x1b[36mweb | \x1b[0mhello\n"


async def test_a_reader_that_stalls_costs_a_bounded_memory_and_is_told_what_it_missed() -> None:
    reading, writing = os.pipe()
    output = Output(writing, names=["web"], colour=False)
    for _ in range(3_000):
        output.say("x" * 1_000, "web")  # 3 MB, of which 1 MB may wait and the pipe holds 64 KB
    seen = b""
    os.set_blocking(reading, False)
    for _ in range(100_000):
        try:
            seen += os.read(reading, 65_536)
        except BlockingIOError:
            if not output.waiting:
                break
            await output.flushed(within=0.01)
    output.say("back", "web")
    await output.close(within=1)
    seen += os.read(reading, 65_536)
    os.close(reading)
    os.close(writing)
    kept = seen.count(b"x" * 1_000)
    assert 900 < kept < 1_200
    assert f"... {3_000 - kept} lines were dropped: nobody read them\nweb | back\n".encode() in seen


async def test_a_reader_that_is_gone_stops_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    output = Output(writing, names=["web"], colour=False)
    output.say("into the void", "web")
    await output.close(within=1)
    os.close(writing)
    assert not output.waiting
