"""Lock files, held by an open file: the kernel lets go when the last holder is dead, however it died.

A lock that is handed to a child (`pass_fds`) lives as long as either of them.
"""

import fcntl
import os
from pathlib import Path


def take(path: Path) -> int | None:
    """Lock the file and return its descriptor, to be kept open; None if another process holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def is_held(path: Path) -> bool:
    """Whether some process holds this lock now."""
    handle = take(path)
    if handle is None:
        return True
    os.close(handle)
    return False


def write_pid(handle: int, pid: int) -> None:
    """Name `pid` as the holder, for messages and for `read_pid`."""
    text = f"{pid}\n".encode()
    os.pwrite(handle, text, 0)  # before it is cut: a reader in between must not find it empty
    os.ftruncate(handle, len(text))


def read_pid(path: Path) -> int | None:
    """The pid named in a lock file; None if there is none."""
    try:
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
    return int(text) if text.isascii() and text.isdigit() else None
