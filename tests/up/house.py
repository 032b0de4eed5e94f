"""A `ttr up` as a process of its own, on a directory, port and Procfile of the test's own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import redis

from tests import starting
from ttr.up.datadir import redis_place
from ttr.up.locks import is_held

HERE = Path(__file__).parent
SETTINGS = (
    "HOST",
    "PORT",
    "TTR_",
    "REDIS_",
    "QUEUE_REDIS_URL",
    "DATABASE_URL",
    "EMBEDDED_POSTGRES",
    "SECRET_KEY",
    "ENCRYPTION_KEY",
    "PUBLIC_URL",
)


def stand_in(name: str, *kinds: str) -> str:
    """Procfile lines `name: exec python stand_in.py kind`."""
    return "".join(
        f"{name}{n or ''}: exec {sys.executable} {HERE}/stand_in.py {kind}\n" for n, kind in enumerate(kinds)
    )


def until(what: Callable[[], object], within: float = 15.0) -> object:
    """Ask again and again until the answer is truthy, and return it; fail after `within` seconds."""
    deadline = time.monotonic() + within
    while not (answer := what()):
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.02)
    return answer


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _is_free(lock: Path) -> bool:
    return not is_held(lock)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Up:
    """One run of `ttr up`, with what it printed."""

    def __init__(self, folder: Path, env: Mapping[str, str], command: Sequence[str]) -> None:
        """`command`: a program, or what `tests/starting.py` takes."""
        self.log = folder / f"output-{time.monotonic_ns()}"
        self.process: subprocess.Popen[bytes] | starting.Started
        with self.log.open("wb") as output:
            if command[0].endswith(".py"):
                self.process = starting.start(command, env=env, cwd=folder, stdout=output, stderr=output)
                return
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                cwd=folder,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def says(self, pattern: str, within: float = 15.0) -> re.Match[str]:
        """Wait until a line of the output matches, and return the match."""

        def found() -> re.Match[str] | None:
            match = re.search(pattern, self.output, re.MULTILINE)
            assert match or self.process.poll() is None, f"it ended:\n{self.output}"
            return match

        match = until(found, within)
        assert isinstance(match, re.Match)
        return match

    def stop(self, number: int = signal.SIGTERM, within: float = 10.5) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(within)


class House:
    """Starts `ttr up` in one folder as often as a test wants, and leaves nothing behind.

    Without Postgres, unless a test says `EMBEDDED_POSTGRES="on"`: each start of one takes the better part of a second.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.runs: list[Up] = []

    def env(self, **settings: str) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
        own = {"TTR_DATA_DIR": str(self.data), "PORT": str(self.port), "EMBEDDED_POSTGRES": "off"}
        return {**plain, "PYTHONPATH": str(HERE.parent.parent), **own, **settings}

    def up(
        self,
        procfile: str,
        *,
        limits: Mapping[str, float] | None = None,
        server: Path | None = None,
        **settings: str,
    ) -> Up:
        """Start it; `limits` as in `ttr.up.patience.Limits`, `server` instead of the Redis that is found."""
        path = self.folder / "Procfile"
        path.write_text(procfile)
        command = [str(HERE / "drive.py"), str(path), json.dumps(limits or {})]
        command += [str(server)] if server else []
        self.runs.append(Up(self.folder, self.env(**settings), command))
        return self.runs[-1]

    def ttr(self, *arguments: str, piped: bytes = b"", **settings: str) -> "subprocess.CompletedProcess[str]":
        """Run a `ttr` command that is expected to end by itself; it reads `piped`."""
        command = ["-m", "ttr", *arguments]
        return starting.run(command, env=self.env(**settings), cwd=self.folder, piped=piped)

    def take(self, data: Path) -> None:
        """Have the data of another one that has been stopped."""
        subprocess.run(["cp", "-a", data, self.data], check=True)  # whoever owns them

    def redis(self) -> redis.Redis:
        """A client of the embedded Redis."""
        return redis.Redis(unix_socket_path=str(redis_place(self.data).known()))

    def pid_of(self, name: str) -> int:
        """The pid of a process of the Procfile, or of `redis` or `postgres`, by its lock file."""
        own = f"{name}/lock" if name in ("redis", "postgres") else f"run/{name}.lock"
        return int((self.data / own).read_text())

    def close(self) -> None:
        for run in self.runs:
            if run.process.poll() is None:
                run.process.terminate()
                try:
                    run.process.wait(11)
                except subprocess.TimeoutExpired:
                    run.process.kill()
                    run.process.wait()
        # What a killed run left behind; a pid in a lock that nobody holds may be anyone's.
        for path in [*self.data.glob("run/*.lock"), *self.data.glob("*/lock")]:
            if path.exists() and is_held(path):
                os.killpg(int(path.read_text()), signal.SIGKILL)
                until(partial(_is_free, path))


@contextmanager
def data_of(kind: type[House], lives: Callable[[House], object]) -> Iterator[Path]:
    """The data directory of a house in which something has happened and nothing runs any more, for `House.take`."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        house = kind(Path(folder))
        try:
            lives(house)
        finally:
            house.close()
        yield house.data
