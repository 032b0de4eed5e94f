"""The embedded Postgres: found, its files made, started on them, adopted, kept alive, stopped.

It is the archive, not the database: when it can't be had, ttr runs without. As with the embedded Redis the server
itself holds a lock, `DATA/postgres/lock`, and is meant to outlive a killed `ttr up`; the next one adopts it. The
lock tells as well that no process of an earlier server is left, which its own `postmaster.pid` can't.
"""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ttr.up import locks
from ttr.up.children import Child, Children
from ttr.up.datadir import postgres_place, subfolder
from ttr.up.output import Output
from ttr.up.patience import GaveUp, Limits, Patience, describe_end
from ttr.up.postgres_programs import Programs, RunAs, find_programs, find_user
from ttr.up.probe import listens, postgres_url
from ttr.up.refusal import Refusal
from ttr.up.serverlog import last_lines, move_long, open_log

_INITDB_WITHIN = 60.0
# After a crash it reads what it wrote since the last checkpoint before it is ready: up to 256 MB, some seconds.
_READY_WITHIN = 60.0
_STEP = 0.02
# SIGINT ends every connection and writes all; SIGTERM would wait for clients. SIGQUIT leaves it to the next start.
_AFTER_QUIT = 0.5


class EmbeddedPostgres:
    """One server on one data directory. `start`, then `keep` until cancelled; `stop` must follow, always."""

    def __init__(self, data_dir: Path, children: Children, output: Output, limits: Limits) -> None:
        self._folder = subfolder(data_dir, "postgres")
        self._data = self._folder / "data"
        self.had_files = self._data.is_dir()
        """Whether an earlier run has made them."""
        self._log = self._folder / "postgres.log"
        self._log_began = 0
        self._children = children
        self._output = output
        self._limits = limits
        self._place = postgres_place(data_dir)
        self._socket = self._place.decide()
        self._lock: int | None = None
        self._child: Child | None = None
        self._pid: int | None = None
        self.description = ""

    @property
    def url(self) -> str:
        """Its DATABASE_URL."""
        return postgres_url(self._socket)

    @property
    def sessions(self) -> set[int]:
        """The session it leads if it is our child."""
        return {self._child.pid} if self._child else set()

    async def start(self) -> None:
        """Start the server, or adopt the one that runs on this directory; returns when it answers.

        The first time its files are made. Raises Refusal, with a text that goes on after "off: ", if it can't be.
        """
        try:
            await self._start()
        except OSError as error:
            raise Refusal(f"{error.filename or self._folder}: {error.strerror}") from None

    async def keep(self) -> None:
        """Start the server again whenever it dies; its clients reconnect by themselves.

        Returns when it dies too often, and says so.
        """
        loop = asyncio.get_running_loop()
        patience = Patience("postgres", self._limits)
        began = loop.time()
        while True:
            await self._death()
            try:
                delay = patience.delay_after(lived=loop.time() - began, now=loop.time())
            except GaveUp as reason:
                self._output.say(f"{reason}; it stays off until ttr is started again", "postgres")
                return
            self._output.say(
                f"Postgres (pid {self._pid}) ended; starting it again in {delay:.1f} s", "postgres"
            )
            await asyncio.sleep(delay)
            began = loop.time()
            try:
                await self.start()
            except Refusal as refusal:
                self._output.say(str(refusal), "postgres")

    async def stop(self, within: float) -> None:
        """Let the server end its connections and write everything; less politely after `within` seconds."""
        signals = {signal.SIGINT: within, signal.SIGQUIT: _AFTER_QUIT, signal.SIGKILL: 0.5}
        try:
            if self._child:
                await self._children.stop(self._child, signals)
                self._child = None
            elif self._lock is None and self._pid:
                await self._stop_adopted(self._pid, signals)
        finally:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None
        self._place.forget()

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        began: float | None = None
        if self._lock is None:
            self._pid = locks.read_pid(self._folder / "lock")
        while not (self._says_ready() and self._runs() and listens(self._socket)):
            # Looked at again each time: what holds the lock may be an `initdb` that a killed `ttr up` left behind.
            if self._child is None and self._take_lock():
                await self._launch_server()
                began = loop.time()
            began = began or loop.time()
            if self._child and self._child.ended.done():
                code = self._child.ended.result()
                self._child = None
                raise Refusal(f"it {describe_end(code)}: {self._complaint()}")
            if loop.time() - began > _READY_WITHIN:
                raise Refusal(f"it runs (pid {self._pid}) but does not answer; {self._log} says more")
            await asyncio.sleep(_STEP)
        adopted = self._child is None
        version = (self._data / "PG_VERSION").read_text(encoding="ascii").strip()
        self.description = f"Postgres {version}, embedded, in {self._folder}"
        self._output.say(
            f"{'adopted' if adopted else 'started'}: Postgres {version}, pid {self._pid}", "postgres"
        )

    async def _launch_server(self) -> None:
        programs = find_programs(_major_of(self._data))
        who = find_user(programs, self._folder)
        if who.ids:
            for folder in {self._folder, self._socket.parent}:
                os.chown(folder, *who.ids)
        move_long(self._log)
        if not self._data.is_dir():
            await self._make_files(programs, who)
        self._launch([programs.folder / "postgres", *_arguments(self._data, self._socket)], who)

    def _take_lock(self) -> bool:
        """Whether we may start a server: the lock is ours or can be had; else one runs already."""
        if self._lock is not None:
            return True
        self._lock = locks.take(self._folder / "lock")
        if self._lock is None:
            self._pid = locks.read_pid(self._folder / "lock") or self._pid
            return False
        if listens(self._socket):
            raise Refusal(
                f"a Postgres that ttr did not start listens on {self._socket}. Stop that one and start ttr again"
            )
        # What a killed server leaves names a pid that may be anybody's by now, and Postgres would take it for alive.
        for leftover in (self._data / "postmaster.pid", self._socket.with_name(f"{self._socket.name}.lock")):
            if not _is_postgres(_first_number(leftover)):
                leftover.unlink(missing_ok=True)
        return True

    async def _make_files(self, programs: Programs, who: RunAs) -> None:
        """Make the cluster beside its place and move it there when it is whole."""
        unfinished = self._folder / "data.unfinished"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        self._output.say("making the files of the embedded Postgres, once", "postgres")
        self._launch(
            [
                *(programs.folder / "initdb", "-D", unfinished, "-U", "ttr"),
                *("--auth-local=trust", "--auth-host=reject"),
                *("--encoding=UTF8", "--locale=C", "--no-instructions"),
            ],
            who,
        )
        child = self._child
        if child is None:
            return
        try:
            code = await asyncio.wait_for(asyncio.shield(child.ended), _INITDB_WITHIN)
        except TimeoutError:
            raise Refusal(
                f"making its files took more than {_INITDB_WITHIN:.0f} s; {self._log} says more"
            ) from None
        self._child = None
        if code != 0:
            raise Refusal(f"initdb {describe_end(code)}: {self._complaint()}")
        unfinished.rename(self._data)

    def _launch(self, command: Sequence[str | Path], who: RunAs) -> None:
        if self._lock is None:
            raise RuntimeError("a server is started only under its lock")
        log = open_log(self._log)
        self._log_began = os.fstat(log).st_size
        try:
            self._child = self._children.start(
                [*who.prefix, *command],
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                output=log,
                locks=[self._lock],
                cwd=Path("/"),
                ids=who.ids,
            )
        finally:
            os.close(log)
        self._pid = self._child.pid
        locks.write_pid(self._lock, self._child.pid)

    def _runs(self) -> bool:
        """Whether a server holds the lock: one that ttr did not start is not taken for ours."""
        return self._child is not None or (self._lock is None and locks.is_held(self._folder / "lock"))

    def _says_ready(self) -> bool:
        """Whether the server itself has noted so, where `pg_ctl` looks as well."""
        try:
            lines = (self._data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0].strip() == str(self._pid) and lines[7].strip() == "ready"

    async def _death(self) -> None:
        if self._child:
            await asyncio.shield(self._child.ended)
            self._child = None
            return
        # Not our child if adopted: the lock is let go of when all its processes are dead.
        while locks.is_held(self._folder / "lock"):  # noqa: ASYNC110
            await asyncio.sleep(0.2)

    async def _stop_adopted(self, pid: int, signals: dict[signal.Signals, float]) -> None:
        loop = asyncio.get_running_loop()
        for number, patience in signals.items():
            # It holds the lock, so its pid is its own; unless it is one of another pid namespace.
            if _is_postgres(pid):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
            until = loop.time() + patience
            while loop.time() < until:
                if not locks.is_held(self._folder / "lock"):
                    return
                await asyncio.sleep(_STEP)

    def _complaint(self) -> str:
        """The last line of its log that says why it ended, and where the rest is."""
        lines = last_lines(self._log, 20, after=self._log_began)
        fatal = [match[0] for line in lines if (match := re.search(r"(FATAL|PANIC|error): .*", line))]
        why = (fatal or lines or ["it said nothing"])[-1].strip()
        return f"{why} (the rest is in {self._log})"


def _major_of(data: Path) -> int | None:
    """The version that made these files; None if there are none yet. Raises Refusal if that can't be read."""
    if not data.is_dir():
        return None
    try:
        return int((data / "PG_VERSION").read_text(encoding="ascii"))
    except (OSError, ValueError):
        raise Refusal(
            f"{data} is no data folder of Postgres. Move it away to begin an empty one, or put back what was there"
        ) from None


def _first_number(path: Path) -> int | None:
    try:
        word = path.read_text(encoding="utf-8", errors="replace").split(maxsplit=1)[0]
    except (OSError, IndexError):
        return None
    return int(word) if word.isdigit() else None


def _is_postgres(pid: int | None) -> bool:
    """Whether a living process is a Postgres, as far as can be told: where there is no /proc, any may be.

    A zombie isn't; Postgres itself takes it for alive, and where nobody collects them it would wait for ever.
    """
    if not pid:
        return False
    if not Path("/proc/self/stat").exists():
        return True
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")
    except OSError:
        return False
    return name.partition("(")[2].startswith("postgres") and rest.split()[0] not in "ZX"


def _arguments(data: Path, socket: Path) -> list[str]:
    settings = (
        "listen_addresses=",
        "unix_socket_permissions=0700",
        "shared_buffers=16MB",
        "max_connections=20",
        "max_wal_size=256MB",
        "log_checkpoints=off",
    )
    return ["-D", str(data), "-k", str(socket.parent), *(word for line in settings for word in ("-c", line))]
