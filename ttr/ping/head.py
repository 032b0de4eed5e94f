"""The head of a request for the fast door: read by httptools, or found too rare to be read here. Pure.

httptools does not stop at the end of a request, so it is fed exactly one head, whose end the door has found itself.
"""

from dataclasses import dataclass, field

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

METHODS = (b"GET", b"POST", b"HEAD", b"PUT")
"""Those of pings."""
_BEGINNINGS = tuple(method + path for method in METHODS for path in (b" /p/", b" /ping/"))
_LONGEST = max(map(len, _BEGINNINGS))
# What means work that only the server behind does: chunks, "100 Continue", another protocol.
_RARE = frozenset({b"transfer-encoding", b"expect", b"upgrade", b"http2-settings"})


class Rare(Exception):
    """A request that the door leaves to the server behind it, to answer or to refuse."""


def may_be_ping(begun: bytes) -> bool | None:
    """Whether a request is for a ping URL, by how it begins; None when that can't be told yet."""
    if begun.startswith(_BEGINNINGS):
        return True
    if len(begun) < _LONGEST and any(beginning.startswith(begun) for beginning in _BEGINNINGS):
        return None
    return False


@dataclass(slots=True)
class Head:
    """A request without its body. Names of headers are in lower case; `length` is what its body will have."""

    method: str = ""
    target: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    length: int = 0
    keeps_alive: bool = True


class HeadReader:
    """Reads one head after the other, of whatever connections: a parser takes longer to make than to use."""

    def __init__(self) -> None:
        self._renew()
        self._head = Head()
        self._ended = False

    def read(self, data: bytes) -> Head:
        """The head in `data`, which ends with the empty line. Raises Rare."""
        head = self._head = Head()
        self._ended = False
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._renew()
            raise Rare(str(error)) from None
        method = self._parser.get_method()
        if not self._ended or head.length or not head.keeps_alive:
            # It waits for more of this request, or for no other one.
            self._renew()
        if not self._ended or method not in METHODS:
            raise Rare("no request of ours")
        if not data.startswith(b"%b %b HTTP/1.1\r\n" % (method, head.target)):
            raise Rare("more than a blank between the words")
        head.method = method.decode()
        return head

    def on_url(self, piece: bytes) -> None:
        """httptools: a part of the target."""
        self._head.target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: a header."""
        self._head.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """httptools: the head is whole; only now it says whether the connection is to be kept. Raises Rare."""
        head = self._head
        hosts = 0
        for name, value in head.headers:
            if name in _RARE:
                raise Rare(name.decode())
            if name == b"host":
                hosts += 1
            elif name == b"content-length":
                head.length = _length(value)
        if hosts != 1 or self._parser.get_http_version() != "1.1":
            raise Rare("an old or a wrong request")
        head.keeps_alive = self._parser.should_keep_alive()
        self._ended = True

    def _renew(self) -> None:
        self._parser = HttpRequestParser(self)


def _length(text: bytes) -> int:
    if not (text.isdigit() and len(text) <= 15):
        raise Rare("no length")
    return int(text)
