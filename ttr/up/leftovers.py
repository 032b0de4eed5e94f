"""Ends the processes that a killed `ttr up` left behind, before new ones are started.

On Linux they got a SIGTERM when it died and are finishing their work; elsewhere they run on, on its port.
"""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

from ttr.up import locks
from ttr.up.output import Output

_AFTER_KILL = 2.0


async def end_leftovers(run_dir: Path, output: Output, grace: float) -> None:
    """SIGTERM, and SIGKILL after `grace` seconds, to the group of each process whose lock here is held.

    The lock is held by that very process, so its pid is not someone else's by now. What can't be ended (an
    orphan of an earlier life of the process) is left alone, and its lock file replaced.
    """
    held = _held(run_dir)
    if not held:
        return
    names = ", ".join(f"{path.stem} (pid {locks.read_pid(path)})" for path in held)
    output.say(f"ending what an earlier ttr up left running: {names}")
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, _AFTER_KILL)):
        for path in held:
            _signal_leader(locks.read_pid(path), number)
        until = asyncio.get_running_loop().time() + patience
        while held and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.05)
            held = _held(run_dir)
    for path in held:
        output.say(f"something that {path.stem} left behind still runs; it is left alone")
        path.unlink()


def _held(run_dir: Path) -> list[Path]:
    return [path for path in sorted(run_dir.glob("*.lock")) if locks.is_held(path)]


def _signal_leader(pid: int | None, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if pid and os.getsid(pid) == pid != os.getsid(0):
            os.killpg(pid, number)
