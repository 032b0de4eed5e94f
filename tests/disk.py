"""A disk that is full for one server: a limit on the size of its files, which works without any rights."""

import resource
from pathlib import Path


def fill_disk(pid: int, folder: Path, *, room: int = 0) -> None:
    """Leave a server of `start_redis` room for `room` bytes more of its append-only file in `folder`."""
    (file,) = (folder / "appendonlydir").glob("*.incr.aof")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (file.stat().st_size + room, _hard_limit(pid)))


def free_disk(pid: int) -> None:
    """Let a server write again."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (_hard_limit(pid), _hard_limit(pid)))


def _hard_limit(pid: int) -> int:
    return resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
