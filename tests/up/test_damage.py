"""What becomes of the embedded Redis when its file is torn or damaged, or its disk is full."""

import os
import re
import resource
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.disk import fill_disk, free_disk
from tests.up.house import House, stand_in, until
from tests.up.test_embedded_redis import acknowledged
from ttr.up.embedded_redis import find_server

WEB = stand_in("web", "web")
COUNTING = WEB + stand_in("count", "count")


def filled(house: House) -> Path:
    """A killed embedded Redis with a hundred keys, each a command of its own; its file."""
    run = house.up(WEB)
    run.says("ttr is running at")
    client = house.redis()
    for number in range(100):
        client.set(f"key-{number:02}", "x" * 100)
    assert client.waitaof(1, 0, 30_000)[0] == 1
    client.close()
    server = house.pid_of("redis")
    run.process.kill()
    run.process.wait()
    os.kill(server, signal.SIGKILL)
    (file,) = (house.data / "redis" / "appendonlydir").glob("*.incr.aof")
    return file


def kept(house: House) -> int:
    """How many of the keys are there after a start."""
    run = house.up(WEB)
    run.says("ttr is running at")
    client = house.redis()
    count = sum(client.exists(f"key-{number:02}") for number in range(100))
    client.close()
    assert run.stop() == 0
    return count


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        (lambda data: data[:-1], 99),
        (lambda data: data[:-130], 99),
        (lambda data: data[:-200], 98),
        (lambda data: data + b"*3\r\n$3\r\nSET\r\n$6\r\nkey", 100),
    ],
    ids=["a byte short", "a command short", "more than a command short", "a command begun"],
)
def test_a_torn_end_loses_the_torn_command_and_nothing_before(
    house: House, damage: Callable[[bytes], bytes], left: int
) -> None:
    file = filled(house)
    file.write_bytes(damage(file.read_bytes()))
    assert kept(house) == left


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        (lambda data: data + bytes(4096), 100),
        (lambda data: data + b"\x00\xffgarbage", 100),
        (lambda data: data.replace(b"$6\r\nkey-50", b"$9\r\nkey-50"), 50),
    ],
    ids=["zeros at the end", "garbage at the end", "in the middle"],
)
def test_a_damaged_file_is_refused_with_the_commands_that_mend_it(
    house: House, damage: Callable[[bytes], bytes], left: int
) -> None:
    file = filled(house)
    damaged = damage(file.read_bytes())
    file.write_bytes(damaged)
    refused = house.ttr("up")
    assert refused.returncode == 1
    assert f"Its append-only file {file} is damaged" in refused.stderr
    assert "ttr restore" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert file.read_bytes() == damaged
    seen = house.ttr("doctor")
    assert seen.returncode == 1
    assert f"Its append-only file {file} is damaged" in seen.stdout

    # The commands do what is said of them, as they stand there.
    copy, mend = re.findall(r"^  ((?:cp|bash) .*)$", refused.stderr, re.MULTILINE)
    subprocess.run(copy, shell=True, check=True)
    assert (house.data / "redis.damaged" / "appendonlydir" / file.name).read_bytes() == damaged
    subprocess.run(mend, shell=True, check=True, input=b"y\n", stdout=subprocess.DEVNULL)
    assert kept(house) == left


def test_a_damaged_base_file_can_only_be_replaced_and_that_is_said(house: House) -> None:
    file = filled(house)
    (base,) = file.parent.glob("*.base.rdb")
    base.write_bytes(b"nonsense" + base.read_bytes()[8:])
    refused = house.ttr("up")
    assert refused.returncode == 1
    assert f"{base} is damaged" in refused.stderr
    assert (
        "Such a file can't be mended: put a copy of the folder from your backup in its place"
        in refused.stderr
    )
    assert "exec -a" not in refused.stderr


def test_with_always_a_full_disk_ends_redis_and_room_brings_it_back(house: House) -> None:
    # A limit on the size of files stands for a full disk; like that one it must be an error, not a signal.
    server = house.folder / "server"
    server.write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec {shlex.quote(find_server())} \"$@\"\n")
    server.chmod(0o755)
    run = house.up(COUNTING, server=server, limits={"deaths_per_minute": 2}, REDIS_APPENDFSYNC="always")
    until(lambda: acknowledged(run) >= 20)
    first = house.pid_of("redis")
    # What it starts has this limit as well.
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    fill_disk(first, house.data / "redis", room=200)
    run.says("There is no room on the disk of .*redis; Redis starts when there is")
    counted = acknowledged(run)
    assert not re.search("started: Valkey", run.output.partition("There is no room")[2])
    free_disk(run.process.pid)
    run.says(rf"Redis \(pid {first}\) ended; starting it again")
    until(lambda: acknowledged(run) >= counted + 20)
    assert run.stop() == 0
    told = [int(n) for n in re.findall(r"acknowledged (\d+)$", run.output, re.MULTILINE)]
    assert told == sorted(set(told))  # a lost increment would be counted twice


@pytest.mark.parametrize("command", ["up", "doctor"])
def test_without_any_room_a_command_says_so(house: House, command: str) -> None:
    (house.data / "redis").mkdir(parents=True)
    limited = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", sys.executable, "-m", "ttr", command]
    refused = subprocess.run(
        limited, env=house.env(), cwd=house.folder, capture_output=True, text=True, timeout=20
    )
    assert refused.returncode == 1
    assert f"ttr {command}: There is no room on a disk" in refused.stderr
    assert "Traceback" not in refused.stderr
