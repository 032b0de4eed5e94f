"""The log file of an embedded server: opened to be appended to, moved aside when it is long, read at its end."""

import os
from pathlib import Path

_LIMIT = 5_000_000


def open_log(log: Path) -> int:
    """Open it for a child's output; the descriptor, to be closed when the child has it."""
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def move_long(log: Path) -> None:
    """Keep one earlier log of up to 5 MB, and begin anew."""
    if log.exists() and log.stat().st_size > _LIMIT:
        log.replace(log.with_name(f"{log.name}.1"))


def last_lines(log: Path, count: int, *, after: int = 0) -> list[str]:
    """The last lines of what stands after so many bytes; none if there is no log."""
    text = log.read_bytes()[after:] if log.exists() else b""
    return text.decode(errors="replace").splitlines()[-count:]
