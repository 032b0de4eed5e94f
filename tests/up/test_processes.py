"""What `ttr up` does with the processes of its Procfile: restarts, gives up, ends all of them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.up.house import HERE, House, alive, stand_in, until

WEB = stand_in("web", "web")


def test_a_killed_process_is_started_again(house: House) -> None:
    run = house.up(WEB)
    run.says("ttr is running at")
    first = house.pid_of("web")
    os.kill(first, signal.SIGKILL)
    run.says(rf"web \(pid {first}\) was killed by signal 9; starting it again in 0.4 s")
    until(lambda: house.pid_of("web") != first and alive(house.pid_of("web")))
    assert run.stop() == 0


def test_a_killed_process_is_noticed_although_its_horse_lives_on_and_the_horse_may_finish(
    house: House,
) -> None:
    run = house.up(WEB + stand_in("worker", "horse"))
    horse = int(run.says(r"horse (\d+)")[1])
    os.kill(house.pid_of("worker"), signal.SIGKILL)
    run.says(r"worker .* was killed by signal 9", within=3)
    assert alive(horse)
    until(lambda: run.output.count("worker | horse") == 2)
    assert run.stop() == 0
    assert not alive(horse)


def test_a_process_that_dies_too_often_takes_all_down_with_exit_code_1(house: House) -> None:
    run = house.up(WEB + stand_in("worker", "crash"), limits={"first_delay": 0.01, "longest_delay": 0.02})
    assert run.process.wait(30) == 1
    assert "worker died 11 times within a minute. Stopping everything" in run.output
    assert not alive(house.pid_of("web"))
    assert not alive(house.pid_of("redis"))


def test_sigterm_ends_all_in_time_although_children_and_grandchildren_ignore_it(house: House) -> None:
    run = house.up(WEB + stand_in("worker", "deaf", "horse"))
    horse = int(run.says(r"horse (\d+)")[1])
    until(lambda: run.output.count("deaf\n") == 2)
    pids = [house.pid_of(name) for name in ("web", "worker", "worker1", "redis")]
    assert run.stop(signal.SIGTERM, within=10) == 0
    assert not [pid for pid in (*pids, horse) if alive(pid)]


def test_sigint_ends_all_with_exit_code_0(house: House) -> None:
    run = house.up(WEB)
    run.says("ttr is running at")
    pids = [house.pid_of(name) for name in ("web", "redis")]
    assert run.stop(signal.SIGINT) == 0
    assert not [pid for pid in pids if alive(pid)]


def test_a_second_ctrl_c_kills_at_once(house: House) -> None:
    run = house.up(WEB + stand_in("worker", "deaf"), limits={"grace": 60.0})
    run.says("worker | deaf")
    run.process.send_signal(signal.SIGINT)
    run.says("ttr +. stopping")
    deaf = house.pid_of("worker")

    def ended() -> bool:
        run.process.send_signal(signal.SIGINT)
        return run.process.poll() is not None

    until(ended)
    assert run.process.returncode == 130
    assert not alive(deaf)


def test_a_second_sigterm_hurries_nothing(house: House) -> None:
    run = house.up(stand_in("worker", "deaf"), limits={"grace": 1.0})
    run.says("worker | deaf")
    run.process.send_signal(signal.SIGTERM)
    run.says("ttr +. stopping")
    assert run.stop(signal.SIGTERM) == 0
    assert "killing worker, which did not end in time" in run.output


def test_processes_that_a_killed_ttr_up_left_are_ended_before_new_ones_start(house: House) -> None:
    run = house.up(WEB + stand_in("worker", "deaf"))
    run.says("ttr is running at")
    run.says("worker | deaf")
    old = house.pid_of("worker")
    run.process.kill()
    run.process.wait()
    assert alive(old)
    again = house.up(WEB, limits={"grace": 0.5})
    again.says(rf"ending what an earlier ttr up left running: .*worker \(pid {old}\)")
    again.says("ttr is running at")
    assert not alive(old)
    assert again.stop() == 0


def test_output_that_nobody_reads_blocks_nothing(house: House) -> None:
    (house.folder / "Procfile").write_text(WEB + stand_in("worker", "flood"))
    env = house.env()
    command = [sys.executable, str(HERE / "drive.py"), str(house.folder / "Procfile"), "{}"]
    process = subprocess.Popen(command, env=env, cwd=house.folder, stdout=subprocess.PIPE)
    try:
        until(
            lambda: (
                (house.data / "run" / "worker.lock").exists() and (house.data / "run/worker.lock").read_text()
            )
        )
        worker = house.pid_of("worker")
        before = _cpu(worker)
        until(lambda: _cpu(worker) > before + 20)  # it writes on: its pipe is still emptied
        started = time.monotonic()
        process.terminate()
        assert process.wait(10) == 0
        assert time.monotonic() - started < 10
    finally:
        process.kill()
        process.communicate()


def _cpu(pid: int) -> int:
    """User and system time in ticks of 10 ms."""
    numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(numbers[11]) + int(numbers[12])
