"""Processes of ttr for tests that start very many of them.

To import what `ttr web` needs takes a second of a processor, `ttr clock` and `ttr worker` half a second each, before
they begin with what a test looks at. So one process of the test run imports everything once (`tests/starter.py`), and
the others are its forks, which run what they are told from the first line of its `__main__`, with the environment,
folder, standard streams and session of a process of their own. In the tests of the wheel, of `make run`, of the files
of a deployment, and wherever `ttr up` starts the lines of the Procfile, each is started by Python anew.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO

from tests.starter import HEAD, TOLD

_ROOT = Path(__file__).parent.parent
_one_by_one = threading.Lock()


class Started:
    """A process that was started, with as much of `subprocess.Popen` as tests use."""

    def __init__(self, pid: int, end: int, arguments: Sequence[str]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._end = end
        self._arguments = arguments

    def poll(self) -> int | None:
        """Its exit code when it has ended."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code once it has ended. Raises TimeoutExpired after `timeout` seconds."""
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(list(self._arguments), timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _look(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._end], [], [], seconds)[0]:
            told = os.read(self._end, TOLD.size)
            os.close(self._end)
            assert told, "the starter has died"
            (self.returncode,) = TOLD.unpack(told)
        return self.returncode


def start(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    stdin: int | IO[bytes] | None = None,
    stdout: int | IO[bytes],
    stderr: int | IO[bytes],
) -> Started:
    """Start what `python ARGUMENTS` would, in a session of its own: `-m ttr web`, or a file. Without `stdin` it has
    none."""
    order = json.dumps({"arguments": list(arguments), "environment": dict(env), "folder": str(cwd)}).encode()
    told, end = os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    streams = [
        one if isinstance(one, int) else one.fileno()
        for one in (nothing if stdin is None else stdin, stdout, stderr)
    ]
    with _one_by_one:
        control = _starter()
        socket.send_fds(control, [HEAD.pack(len(order))], [*streams, end])
        control.sendall(order)
    for descriptor in (nothing, end):
        os.close(descriptor)
    pid = os.read(told, TOLD.size)
    assert pid, "the starter has died"
    return Started(TOLD.unpack(pid)[0], told, arguments)


def run(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    piped: bytes = b"",
    timeout: float = 60,
) -> "subprocess.CompletedProcess[str]":
    """Start what ends by itself, and give what it wrote. It reads `piped`."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(piped)
        given.seek(0)
        process = start(arguments, env=env, cwd=cwd, stdin=given, stdout=out, stderr=err)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
            process.wait()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
        return subprocess.CompletedProcess(list(arguments), code, *texts)


@cache
def _starter() -> socket.socket:
    """How the process that forks is told; it ends with this one."""
    ours, its = socket.socketpair()
    with its:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.starter", str(its.fileno()), "ttr"],
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
