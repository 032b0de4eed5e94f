"""Speaks to a server on a unix socket with nothing but a socket: does it listen, does it answer, who is it."""

import asyncio
import socket
from pathlib import Path
from urllib.parse import quote


def url_of(path: Path) -> str:
    """The REDIS_URL of a socket; characters that mean something in a URL are escaped."""
    return f"unix://{quote(str(path))}"


def postgres_url(path: Path) -> str:
    """The DATABASE_URL of the embedded Postgres's socket."""
    return f"postgresql://ttr@/postgres?host={quote(str(path.parent), safe='/')}"


def listens(path: Path) -> bool:
    """Whether a server listens on the socket; False for a stale file and for none."""
    with socket.socket(socket.AF_UNIX) as trial:
        trial.settimeout(1)
        try:
            trial.connect(str(path))
        except OSError:
            return False
        return True


async def ask(path: Path, command: str, within: float = 2.0) -> bytes | None:
    """One inline command's answer without its type mark, an error's too; None if none came in time."""
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_unix_connection(str(path))
            try:
                writer.write(command.encode() + b"\r\n")
                line = (await reader.readuntil(b"\r\n"))[:-2]
                if line.startswith(b"$"):
                    return await reader.readexactly(int(line[1:]))
                return line[1:]
            finally:
                writer.close()
    except (OSError, EOFError, ValueError):  # TimeoutError is an OSError
        return None


def fields(info: bytes) -> dict[str, str]:
    """The `name:value` lines of INFO."""
    pairs = (line.partition(":") for line in info.decode(errors="replace").splitlines() if ":" in line)
    return {name: value for name, _, value in pairs}
