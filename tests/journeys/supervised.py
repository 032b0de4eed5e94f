"""The whole product as people start it, `ttr up`: whatever a test kills, its supervisor starts again."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

from tests.journeys.client import healthy, until
from tests.journeys.stack import environment, kill_if_ttr
from tests.ports import free_port
from ttr.up.locks import is_held


class Supervised:
    """One `ttr up` with its embedded Redis and the settings given; `with` starts it and leaves nothing behind."""

    def __init__(self, **settings: str) -> None:
        self._settings = settings
        self.folder = Path(tempfile.mkdtemp(prefix="ttr-"))
        self.port = free_port()
        self._data = self.folder / "data"
        self._log = self.folder / "up.log"
        self._up: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            with self._log.open("wb") as log:
                self._up = subprocess.Popen(
                    [sys.executable, "-m", "ttr", "up"],
                    env=environment(
                        TTR_DATA_DIR=str(self._data),
                        PORT=str(self.port),
                        EMBEDDED_POSTGRES="off",
                        # Its checks fail and recover by turns, sometimes six times within two minutes.
                        FLAP_THRESHOLD_CHANGES="0",
                        **self._settings,
                    ),
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            until(lambda: healthy(self.port), 30)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def pid(self, name: str) -> int:
        """The id of `redis` or of a process of the Procfile, as its lock file has it."""
        return int(self._lock(name).read_text())

    def close(self) -> None:
        """End it and remove its folder; prints what it said last."""
        if self._up:
            self._up.terminate()
            try:
                self._up.wait(15)
            except subprocess.TimeoutExpired:
                self._up.kill()
                self._up.wait()
        for name in ("web", "clock", "worker", "redis"):
            if self._lock(name).exists() and is_held(self._lock(name)):
                kill_if_ttr(self.pid(name))
        if self._log.exists():
            print("--- ttr up", *self._log.read_text(errors="replace").splitlines()[-200:], sep="\n")
        shutil.rmtree(self.folder)

    def kill(self, name: str) -> None:
        """End a process by SIGKILL."""
        os.kill(self.pid(name), signal.SIGKILL)

    def _lock(self, name: str) -> Path:
        return self._data / ("redis/lock" if name == "redis" else f"run/{name}.lock")
