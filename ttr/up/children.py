"""Starts processes and collects the exit of every one, also of orphans that the kernel hands to us."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Child:
    """A started process; `ended` becomes its exit code, or minus the number of the signal that ended it."""

    pid: int
    ended: asyncio.Future[int]


class Children:
    """Every process started here leads a session, and so a process group, of its own.

    Collecting is by `waitpid(-1)` at SIGCHLD: the threads and pid descriptors that asyncio uses for the same
    would leave the orphans as zombies. So one of these a process.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends: dict[int, asyncio.Future[int]] = {}
        self._loop.add_signal_handler(signal.SIGCHLD, self._collect)
        if sys.platform == "linux":
            _prctl(_PR_SET_CHILD_SUBREAPER, 1)

    def start(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        output: int,
        locks: Sequence[int] = (),
        die_with_us: bool = False,
        cwd: Path | None = None,
        ids: tuple[int, int] | None = None,
    ) -> Child:
        """Start `command` with stdout and stderr at the descriptor `output`, holding the descriptors `locks`.

        With `ids` it runs as that user and group. With `die_with_us` Linux sends it SIGTERM when this process dies,
        however; elsewhere it has no effect.
        Raises OSError if it can't be run.
        """
        with_us = _die_with(os.getpid()) if die_with_us and sys.platform == "linux" else None
        popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            cwd=cwd,
            user=ids[0] if ids else None,
            group=ids[1] if ids else None,
            extra_groups=[] if ids else None,
            pass_fds=locks,
            start_new_session=True,
            umask=0o077,
            preexec_fn=with_us,  # safe: this process has one thread
        )
        ended: asyncio.Future[int] = self._loop.create_future()
        self._ends[popen.pid] = ended
        # The status is collected below, so Popen must not wait for a pid that may be someone else's by then.
        popen.returncode = 0
        return Child(popen.pid, ended)

    async def stop(self, child: Child, signals: Mapping[signal.Signals, float]) -> None:
        """Send one signal after the other, each with its seconds of patience, until the process has ended."""
        for number, patience in signals.items():
            with suppress(ProcessLookupError):
                os.kill(child.pid, number)
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(child.ended), patience)
                return

    def close(self) -> None:
        """Stop collecting."""
        self._loop.remove_signal_handler(signal.SIGCHLD)

    def _collect(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            ended = self._ends.pop(pid, None)
            if ended and not ended.done():
                ended.set_result(os.waitstatus_to_exitcode(status))


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _die_with(parent: int) -> Callable[[], None]:
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: the child of a fork should do little

    def in_child() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:  # it died before the call, and its signal is not coming
            os._exit(1)

    return in_child
