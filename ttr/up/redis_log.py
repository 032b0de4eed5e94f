"""What the embedded Redis says in its log when it ends, and what to do about it."""

import re
import shlex
from pathlib import Path

from ttr.up.room import can_grow

_SHOWN = 5
# A start that fails says why within some 20 lines; the log is kept below 5 MB and read only then.
_READ = 40
_DAMAGED = re.compile(r"Bad file format reading the append only file (\S+?):")


def end_of_log(folder: Path, server: str) -> str:
    """Why the server of `folder` (DATA/redis) ended if that is known and what to do, and its last lines."""
    log = folder / "redis.log"
    lines = _last_run(log.read_text(encoding="utf-8", errors="replace").splitlines()) if log.exists() else []
    shown = [f"The end of {log}:", *(f"  {line}" for line in lines[-_SHOWN:])]
    return "\n".join([*_remedy(lines, folder, server), *shown])


def _last_run(lines: list[str]) -> list[str]:
    """The last lines that one process wrote: each begins with `pid:`, except where a crash report stands."""
    if not lines:
        return []
    pid = next((line.partition(":")[0] for line in reversed(lines) if re.match(r"\d+:", line)), "")
    tail = lines[-_READ:]
    first = next((n for n, line in enumerate(tail) if line.startswith(f"{pid}:")), 0)
    return tail[first:]


def _remedy(lines: list[str], folder: Path, server: str) -> list[str]:
    for line in lines:
        if damaged := _DAMAGED.search(line):
            return _repair(folder, folder / "appendonlydir" / damaged[1], server)
    if not can_grow(folder):  # then the log could not grow either, and says nothing of it
        return [f"There is no room on the disk of {folder}: make room, and it starts again with all it had."]
    return []


def _repair(folder: Path, file: Path, server: str) -> list[str]:
    quoted = shlex.quote(str(folder))
    keep = f"  cp -a {quoted} {shlex.quote(f'{folder}.damaged')}"
    said = [
        f"Its append-only file {file} is damaged. Redis does not guess what stood there, and nothing was changed.",
        "First keep a copy:",
        keep,
    ]
    restore = (
        "put a copy of the folder from your backup in its place, or move it away and run `ttr restore`, which fills "
        "an empty Redis from the snapshots in Postgres"
    )
    if file.suffix != ".aof":
        return [*said, f"Such a file can't be mended: {restore}."]
    # The server is its own checker when it is called by that name; the wheel has no other.
    checker = Path(server).name.replace("-server", "-check-aof")
    mend = f'  bash -c \'exec -a {checker} "$0" --fix "$1"\' {shlex.quote(server)} {shlex.quote(str(file))}'
    return [
        *said,
        "Then cut the file off where the damage begins; what was written after that is lost, and it says how many "
        "bytes that is before it asks:",
        mend,
        f"If that is too much, {restore}.",
    ]
