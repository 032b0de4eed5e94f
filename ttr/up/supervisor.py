"""Keeps the processes of the Procfile running, and ends them and all that they have started."""

import asyncio
import os
import signal
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Never

from ttr.up import locks
from ttr.up.children import Child, Children
from ttr.up.output import Output
from ttr.up.patience import Limits, Patience, describe_end
from ttr.up.processes import members, relatives
from ttr.up.procfile import Process
from ttr.up.refusal import Refusal

# For what is left when the processes themselves are gone: between SIGTERM and SIGKILL, and after that.
_ORPHANS_GRACE = 0.7
_AFTER_KILL = 0.5


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every process is started with."""

    children: Children
    output: Output
    run_dir: Path
    limits: Limits


class Supervisor:
    """The running processes. `keep` starts and restarts until it is cancelled; `end` must follow, always."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._with = surroundings
        self._running: dict[str, Child] = {}
        self._left_sessions: set[int] = set()
        self._open: list[int] = []

    async def keep(self, process: Process, env: Mapping[str, str]) -> Never:
        """Start the process in the environment `env`, and again whenever it ends, later each time.

        Raises GaveUp when it dies too often, and Refusal if something holds its lock.
        """
        loop = asyncio.get_running_loop()
        output = self._with.output
        patience = Patience(process.name, self._with.limits)
        pipe = output.listen(process.name)
        self._open.append(pipe)
        lock = locks.take(self._with.run_dir / f"{process.name}.lock")
        if lock is None:
            raise Refusal(f"Another process holds {self._with.run_dir / process.name}.lock.")
        self._open.append(lock)
        while True:
            began = loop.time()
            child = self._with.children.start(
                ["/bin/sh", "-c", process.command],
                env=env,
                output=pipe,
                locks=[lock],
                die_with_us=True,
            )
            self._running[process.name] = child
            locks.write_pid(lock, child.pid)
            code = await asyncio.shield(child.ended)
            del self._running[process.name]
            self._remember_orphans(child)
            delay = patience.delay_after(lived=loop.time() - began, now=loop.time())
            output.say(
                f"{process.name} (pid {child.pid}) {describe_end(code)}; starting it again in {delay:.1f} s"
            )
            await asyncio.sleep(delay)

    async def run(self, process: Process, env: Mapping[str, str], within: float) -> str | None:
        """Run a command that ends by itself; None if it did well, else what became of it."""
        pipe = self._with.output.listen(process.name)
        self._open.append(pipe)
        child = self._with.children.start(
            ["/bin/sh", "-c", process.command], env=env, output=pipe, die_with_us=True
        )
        self._running[process.name] = child
        await asyncio.wait([child.ended], timeout=within)
        in_time = child.ended.done()
        for number, patience in ((signal.SIGTERM, _ORPHANS_GRACE), (signal.SIGKILL, _AFTER_KILL)):
            if not child.ended.done():
                _signal_groups([child], number)
                await asyncio.wait([child.ended], timeout=patience)
        del self._running[process.name]
        if not in_time:
            return f"took more than {within:.0f} s"
        code = child.ended.result()
        return describe_end(code) if code else None

    async def end(self, *, hurry: asyncio.Event, spared: Collection[int]) -> None:
        """End everything: SIGTERM to all groups, SIGKILL after the grace or when `hurry` is set.

        The orphans come last, so that a job whose worker is finishing it is not killed under it. Sessions in
        `spared` (the embedded servers) are left alone.
        """
        running = list(self._running.values())
        _signal_groups(running, signal.SIGTERM)
        await _wait_ended(running, self._with.limits.grace, hurry)
        stubborn = [name for name, child in self._running.items() if not child.ended.done()]
        if stubborn:
            self._with.output.say(f"killing {', '.join(stubborn)}, which did not end in time")
        _signal_groups(running, signal.SIGKILL)
        await _wait_ended(running, _AFTER_KILL, None)
        self._left_sessions |= {child.pid for child in running}
        await self._end_orphans(hurry, spared)
        for descriptor in self._open:
            os.close(descriptor)

    async def _end_orphans(self, hurry: asyncio.Event, spared: Collection[int]) -> None:
        loop = asyncio.get_running_loop()
        for number, patience in ((signal.SIGTERM, _ORPHANS_GRACE), (signal.SIGKILL, _AFTER_KILL)):
            if number == signal.SIGTERM and hurry.is_set():
                continue
            until = loop.time() + patience
            signalled: set[int] = set()
            while True:
                # Looked at again each time: what dies may leave children of its own to us.
                left = relatives(self._left_sessions, spared)
                if not left:
                    return
                for pid in left - signalled:
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, number)
                signalled |= left
                if loop.time() >= until:
                    break
                await asyncio.sleep(0.02)

    def _remember_orphans(self, child: Child) -> None:
        # On Linux they are our children now. Elsewhere their session is the only trace of them.
        if sys.platform != "linux" and members(child.pid):
            self._left_sessions.add(child.pid)


def _signal_groups(children: Collection[Child], number: int) -> None:
    for child in children:
        # A group may outlive its leader; macOS answers EPERM for a group of zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)


async def _wait_ended(children: Collection[Child], within: float, hurry: asyncio.Event | None) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while any(not child.ended.done() for child in children) and loop.time() < until:
        if hurry and hurry.is_set():
            return
        await asyncio.sleep(0.02)
