"""Who runs where: the server has a core to itself; Redis and the load share the next, unless there is a third."""

import os
from collections.abc import Callable
from pathlib import Path

_ALL = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
_PLACES = {
    "server": 0,
    "redis": 1,
    "load": 2,
    # What asks Redis itself stands where the server would.
    "redis-load": 0,
}


ENOUGH = len(_ALL) > 2
"""Whether server, Redis and load have a core each."""


def on(who: str) -> Callable[[], None] | None:
    """What a child runs before its program, to stay on the core of `who`; None on a machine with a single core."""
    core = _core(who)
    return None if core is None else lambda: os.sched_setaffinity(0, {core})


def pin(pid: int, who: str) -> None:
    """Move a process that runs, with its threads."""
    core = _core(who)
    if core is not None:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


def _core(who: str) -> int | None:
    if len(_ALL) < 2:
        return None
    return _ALL[min(_PLACES[who], len(_ALL) - 1)]
