"""Looks at the machine's process table to find what our children have left behind."""

import os
import subprocess
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One living process; zombies are not in the table."""

    pid: int
    parent: int
    session: int


def relatives(sessions: Collection[int], spared: Collection[int]) -> set[int]:
    """The pids of our descendants and of all members of `sessions`, without those in a session of `spared`
    and what descends from these: each process of a Postgres leads a session of its own.

    On Linux an orphan becomes our child again, so descendants are all. Elsewhere it goes to process 1 but
    stays in the session of the child it came from. What shares our own session was not started here.
    """
    table = list(_table())
    own_session = os.getsid(0)
    family = {os.getpid()}
    found: set[int] = set()
    while True:
        more = {
            row.pid
            for row in table
            if (row.parent in family or row.session in sessions) and row.session not in spared
        } - family
        if not more:
            break
        family |= more
    for row in table:
        if row.pid in family and row.session != own_session:
            found.add(row.pid)
    return found


def members(session: int) -> set[int]:
    """The pids of a session's living processes."""
    return {row.pid for row in _table() if row.session == session}


def _table() -> Iterator[Row]:
    proc = Path("/proc/self/stat")
    return _from_proc() if proc.exists() else _from_ps()


def _from_proc() -> Iterator[Row]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                # The name before the last bracket may hold anything; then state, parent, group, session.
                text = Path(entry.path, "stat").read_text(encoding="utf-8", errors="replace")
                state, parent, _, session = text.rpartition(")")[2].split()[:4]
                if state not in "ZX":
                    yield Row(int(entry.name), int(parent), int(session))


def _from_ps() -> Iterator[Row]:
    listing = subprocess.run(
        ["/bin/ps", "-axo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True, timeout=5
    )
    for line in listing.stdout.splitlines():
        pid, parent, state = line.split()[:3]
        if not state.startswith("Z"):
            with suppress(OSError):  # it has ended since
                yield Row(int(pid), int(parent), os.getsid(int(pid)))
