"""The embedded Redis loses nothing: not when it is killed, not when its parent is, not to a second start."""

import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.up.house import House, Up, alive, stand_in, until
from ttr.up import embedded_redis
from ttr.up.datadir import redis_place
from ttr.up.refusal import Refusal

WEB = stand_in("web", "web")
COUNTING = WEB + stand_in("count", "count")


def acknowledged(run: Up) -> int:
    """The highest count that a client was told; 0 if none yet."""
    return max((int(n) for n in re.findall(r"acknowledged (\d+)$", run.output, re.MULTILINE)), default=0)


def test_it_is_private_append_only_and_never_evicts(house: House) -> None:
    run = house.up(WEB)
    run.says("ttr is running at")
    client = house.redis()
    settings = client.config_get(
        "appendonly", "appendfsync", "maxmemory-policy", "save", "port", "unixsocketperm"
    )
    client.close()
    assert settings == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
        "port": "0",
        "unixsocketperm": "700",
    }
    modes = [
        stat.S_IMODE(path.stat().st_mode)
        for path in (house.data, house.data / "redis", house.data / "secrets")
    ]
    assert modes == [0o700] * 3
    assert run.stop() == 0
    assert not (house.data / "redis" / "redis.sock").exists()


def test_appendfsync_is_as_set_on_a_new_server_and_on_an_adopted_one(house: House) -> None:
    def mode() -> object:
        client = house.redis()
        try:
            return client.config_get("appendfsync")["appendfsync"]
        finally:
            client.close()

    run = house.up(WEB, REDIS_APPENDFSYNC="always")
    run.says("ttr is running at")
    assert mode() == "always"
    for wanted in ("everysec", "always"):
        run.process.kill()
        run.process.wait()
        run = house.up(WEB, REDIS_APPENDFSYNC=wanted)
        run.says("adopted: Valkey")
        assert mode() == wanted
    run.says("ttr is running at")  # before that, a Redis that dies is a start that is refused
    # One that dies is started as it was.
    os.kill(house.pid_of("redis"), signal.SIGKILL)
    run.says("started: Valkey")
    assert mode() == "always"
    assert run.stop() == 0


def test_a_mode_that_would_lose_more_is_no_setting(house: House) -> None:
    refused = house.ttr("up", REDIS_APPENDFSYNC="no")
    assert refused.returncode == 1
    assert "REDIS_APPENDFSYNC: Input should be 'everysec' or 'always'" in refused.stderr


def test_killed_it_is_started_again_with_its_data_and_clients_go_on(house: House) -> None:
    run = house.up(COUNTING)
    until(lambda: acknowledged(run) >= 20)
    first = house.pid_of("redis")
    counted = acknowledged(run)
    os.kill(first, signal.SIGKILL)
    run.says(rf"Redis \(pid {first}\) ended; starting it again")
    until(lambda: acknowledged(run) >= counted + 20)
    assert house.pid_of("redis") != first
    assert run.stop() == 0
    lines = [int(n) for n in re.findall(r"acknowledged (\d+)$", run.output, re.MULTILINE)]
    assert lines == sorted(set(lines))  # a lost increment would be counted twice


def test_a_start_after_a_killed_ttr_up_adopts_the_server_that_survived_it(house: House) -> None:
    run = house.up(COUNTING)
    until(lambda: acknowledged(run) >= 20)
    server = house.pid_of("redis")
    run.process.kill()
    run.process.wait()
    counted = acknowledged(run)
    again = house.up(COUNTING)
    again.says(rf"adopted: Valkey .*, pid {server}")
    until(lambda: acknowledged(again) >= counted + 5)
    assert house.pid_of("redis") == server
    assert "acknowledged 1\n" not in again.output
    # Adopted, it is watched over and stopped like one of our own.
    os.kill(server, signal.SIGKILL)
    again.says(rf"Redis \(pid {server}\) ended; starting it again")
    counted = acknowledged(again)
    until(lambda: acknowledged(again) >= counted + 20)
    second = house.pid_of("redis")
    assert again.stop() == 0
    assert not alive(second)


def test_an_adopted_server_is_stopped_with_everything_else(house: House) -> None:
    run = house.up(COUNTING)
    until(lambda: acknowledged(run) >= 5)
    server = house.pid_of("redis")
    run.process.kill()
    run.process.wait()
    again = house.up(WEB)
    again.says("ttr is running at")
    assert again.stop() == 0
    until(lambda: not alive(server))


def test_a_killed_ttr_up_and_a_killed_server_lose_nothing_that_was_acknowledged(house: House) -> None:
    run = house.up(COUNTING)
    until(lambda: acknowledged(run) >= 20)
    server = house.pid_of("redis")
    run.process.kill()
    os.kill(server, signal.SIGKILL)
    run.process.wait()
    counted = acknowledged(run)
    again = house.up(COUNTING)
    again.says(r"started: Valkey")
    assert until(lambda: acknowledged(again)) > counted  # type: ignore[operator]
    assert again.stop() == 0


def test_a_second_start_on_the_directory_refuses_and_touches_nothing(house: House) -> None:
    run = house.up(COUNTING)
    until(lambda: acknowledged(run) >= 5)
    server = house.pid_of("redis")
    second = house.ttr("up", "--port", "1")
    assert second.returncode == 1
    assert f"{house.data} is in use by another `ttr up` (pid {run.process.pid})" in second.stderr
    counted = acknowledged(run)
    until(lambda: acknowledged(run) >= counted + 20)
    assert house.pid_of("redis") == server
    assert run.stop() == 0
    assert "no redis" not in run.output


def test_a_server_that_ttr_did_not_start_is_not_pushed_aside(house: House) -> None:
    folder = house.data / "redis"
    folder.mkdir(parents=True)
    foreign = subprocess.Popen(
        [
            embedded_redis.find_server(),
            "--port",
            "0",
            "--unixsocket",
            str(folder / "redis.sock"),
            "--dir",
            str(folder),
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        until((folder / "redis.sock").exists)
        refused = house.ttr("up")
        assert refused.returncode == 1
        assert "A Redis that ttr did not start listens on" in refused.stderr
        assert foreign.poll() is None
    finally:
        foreign.terminate()
        foreign.wait()


def test_a_server_that_ends_at_once_shows_the_end_of_its_log(house: House) -> None:
    (house.data / "redis" / "appendonlydir").mkdir(parents=True)
    (house.data / "redis" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    refused = house.ttr("up")
    assert refused.returncode == 1
    assert "The embedded Redis ended with exit code 1. The end of" in refused.stderr
    assert "appendonly.aof.manifest" in refused.stderr or "AOF" in refused.stderr


@pytest.mark.parametrize(("name", "short"), [("long-" * 24, True), ("s '\"?#%25ü", False)])
def test_any_folder_will_do(house: House, name: str, short: bool) -> None:
    # A folder of the test's own is too long for a socket by itself when many tests run at once.
    with tempfile.TemporaryDirectory(prefix="ttr-") as base:
        house.data = Path(base) / name
        run = house.up(COUNTING)
        run.says("acknowledged 5$")
        run.says("ttr is running at")
        socket = redis_place(house.data).known()
        assert socket is not None
        assert len(os.fsencode(socket)) <= 100
        assert (house.data not in socket.parents) == short
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert run.stop() == 0


def test_a_noted_short_folder_of_someone_else_is_not_used(tmp_path: Path) -> None:
    data = tmp_path / ("long-" * 24)
    (data / "redis").mkdir(parents=True)
    open_to_all = tmp_path / "trap"
    open_to_all.mkdir(mode=0o755)
    (data / "redis" / "socket-dir").write_text(str(open_to_all))
    assert redis_place(data).known() is None


def test_without_a_server_program_the_error_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.2.14 sha=0 malloc=libc bits=64 build=0'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(Refusal, match=r"redis-server is 6\.2\..*set REDIS_URL"):
        embedded_redis.find_server()
    old.write_text("#!/bin/sh\necho 'Redis server v=7.0.15 sha=0 malloc=libc bits=64 build=0'\n")
    assert embedded_redis.find_server() == str(old)


def test_a_server_that_redis_url_names_is_used_and_none_is_started(house: House, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    socket = other / "r.sock"
    server = subprocess.Popen(
        [
            embedded_redis.find_server(),
            "--port",
            "0",
            "--unixsocket",
            str(socket),
            "--dir",
            str(other),
            "--save",
            "",
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        until(socket.exists)
        run = house.up(COUNTING, REDIS_URL=f"unix://{socket}", REDIS_APPENDFSYNC="always")
        run.says("REDIS_APPENDFSYNC is for an embedded Redis; the one of REDIS_URL has its own")
        run.says("acknowledged 5$")
        run.says("Redis     the one of REDIS_URL")
        assert run.stop() == 0
        assert not (house.data / "redis").exists()
        assert server.poll() is None
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(other)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [(["--maxmemory-policy", "allkeys-lru"], "Set maxmemory-policy noeviction"), (None, "does not answer")],
)
def test_an_unfit_or_absent_redis_is_refused_at_once(
    house: House, options: list[str] | None, sentence: str
) -> None:
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        socket = Path(folder) / "r.sock"
        command = [embedded_redis.find_server(), "--port", "0", "--unixsocket", str(socket), "--dir", folder]
        server = None
        if options is not None:
            server = subprocess.Popen([*command, "--save", "", *options], stdout=subprocess.DEVNULL)
            until(socket.exists)
        try:
            run = house.up(COUNTING, REDIS_URL=f"unix://{socket}")
            assert run.process.wait(20) == 1
            assert sentence in run.output
            assert "Traceback" not in run.output
        finally:
            if server:
                server.terminate()
                server.wait()
