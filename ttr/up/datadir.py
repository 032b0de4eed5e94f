"""The data directory: made private, its sub-folders, and where the embedded servers listen.

```
DATA/lock                  held by the one `ttr up` of this directory, names its pid
DATA/run/<process>.lock    held by a process of the Procfile, names its pid
DATA/secrets/              generated secrets, one a file, 0600
DATA/redis/                append-only files, log, `lock` (held by the server itself) and socket
DATA/postgres/             `data` (the cluster), log, `lock` (held by the server itself) and socket
DATA/*/socket-dir          only if DATA's path is too long for a socket: the short folder used instead
```
"""

import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ttr.up.refusal import Refusal

# A socket address holds 108 bytes on Linux and 104 on macOS, with the closing NUL.
LONGEST_SOCKET_PATH = 100


def make_private(folder: Path) -> Path:
    """Make `folder` with mode 0700 if it is missing, and return it; an existing one keeps its mode.

    Folders above it that are missing get the mode that the umask gives, existing ones are never touched.
    Raises Refusal if it can't be made, isn't a folder or can't be written to.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Refusal(f"The folder {folder} can't be made: {error.strerror}.") from None
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        owner = folder.stat().st_uid
        raise Refusal(
            f"The folder {folder} belongs to user id {owner}, and user id {os.geteuid()} can't write to it. "
            "Choose another with --data-dir, or give this one to the user that runs ttr."
        )
    return folder


def subfolder(data_dir: Path, name: str) -> Path:
    """Make `DATA/name` with mode 0700, also when DATA is a mounted folder that others may read."""
    folder = make_private(data_dir / name)
    status = folder.stat()
    if stat.S_IMODE(status.st_mode) != 0o700 and status.st_uid == os.geteuid():
        folder.chmod(0o700)
    return folder


@dataclass(frozen=True, slots=True)
class SocketPlace:
    """Where a server whose files are in `folder` listens: there, or in a short private folder noted there."""

    folder: Path
    name: str
    unfit: str = ""
    """A character that the way there must not have."""

    def known(self) -> Path | None:
        """The path of the socket; None if that was never decided."""
        direct = self.folder / self.name
        if len(os.fsencode(direct)) <= LONGEST_SOCKET_PATH and not (self.unfit and self.unfit in str(direct)):
            return direct
        short = self._noted_short_dir()
        return short / self.name if short else None

    def decide(self) -> Path:
        """The path the server shall listen on: in a short private folder if its own will not do."""
        known = self.known()
        if known:
            return known
        # TMPDIR itself may be long: macOS gives some 50 bytes, a test run many more.
        parent = tempfile.gettempdir()
        fits = len(os.fsencode(parent)) < 70 and not (self.unfit and self.unfit in parent)
        short = Path(tempfile.mkdtemp(prefix="ttr-", dir=parent if fits else "/tmp"))  # noqa: S108
        self._note.write_text(str(short), encoding="utf-8")
        return short / self.name

    def forget(self) -> None:
        """Remove the short folder after a clean stop; without one, or with something in it, do nothing."""
        short = self._noted_short_dir()
        if short:
            with suppress(OSError):
                short.rmdir()
                self._note.unlink()

    @property
    def _note(self) -> Path:
        return self.folder / "socket-dir"

    def _noted_short_dir(self) -> Path | None:
        """The noted folder, only if it is still private: anyone may make a folder of that name in /tmp."""
        try:
            short = Path(self._note.read_text(encoding="utf-8").strip())
            status = short.lstat()
            owner = self.folder.stat().st_uid
        except OSError:
            return None
        private = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o700
        return short if private and status.st_uid == owner else None


def redis_place(data_dir: Path) -> SocketPlace:
    """Of the embedded Redis."""
    return SocketPlace(data_dir / "redis", "redis.sock")


def postgres_place(data_dir: Path) -> SocketPlace:
    """Of the embedded Postgres, which takes a comma for the end of a host's name."""
    return SocketPlace(data_dir / "postgres", ".s.PGSQL.5432", unfit=",")
