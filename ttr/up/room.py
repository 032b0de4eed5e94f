"""Room on a disk: how much there is, and whether a file can grow."""

import shutil
import tempfile
from pathlib import Path

from ttr.domain.finding import Finding

_LEAST = 1_000_000_000
_LEAST_SHARE = 0.05
# As much as tells that a write of Redis will fit; a quota or a limit on file sizes shows in it as well.
_TRIAL = 1_000_000


def can_grow(folder: Path) -> bool:
    """Whether a file of 1 MB can be written in `folder` now; it never has a name."""
    try:
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(bytes(_TRIAL))
            trial.flush()
    except OSError:
        return False
    return True


def look_at_room(folder: Path) -> Finding:
    """The free space for `folder`. Raises OSError if it can't be had."""
    usage = shutil.disk_usage(folder)
    return judge_room(str(folder), free=usage.free, total=usage.total)


def judge_room(folder: str, *, free: int, total: int) -> Finding:
    """A warning below 1 GB or 5 % of the disk, whichever is smaller; bytes."""
    told = f"{free / 1e9:,.1f} of {total / 1e9:,.1f} GB are free for {folder}"
    if free < min(_LEAST, total * _LEAST_SHARE):
        return Finding(
            "warning",
            "disk",
            f"{told}. Make room: when the disk is full, pings get 503. Rewriting a file takes as much again.",
        )
    return Finding("ok", "disk", f"{told}.")
