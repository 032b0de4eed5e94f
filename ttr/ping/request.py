"""A ping's request and its answer, free of any server: what each door builds and sends."""

from dataclasses import dataclass


@dataclass(slots=True)  # frozen takes three times as long to make, of each ping
class PingRequest:
    """A request to a ping URL. `body` is cut to what is kept, `size` is what was sent, in bytes.

    `country` is the code of the country that a trusted proxy told, or "".
    """

    method: str
    path: str
    query: bytes
    user_agent: str
    accept: str
    address: str
    body: bytes = b""
    size: int = 0
    country: str = ""


@dataclass(frozen=True, slots=True)
class PingReply:
    """An answer; its headers besides Content-Length. `kind` is that of the signal that was recorded, "" if none was."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    kind: str = ""
