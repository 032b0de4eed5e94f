"""A web process that misbehaves: takes requests on loopback, remembers each, and answers as it is told."""

import re
import socket
import threading
from collections.abc import Callable
from typing import Self

from tests.ports import free_port

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nOK"
Act = Callable[[socket.socket], None]


class Upstream:
    """A server on a port of its own, from `listen` on; `act` gets each connection after its request."""

    def __init__(self, act: Act | None = None) -> None:
        self.port = free_port()
        self.seen: list[bytes] = []
        """The requests that came, heads and bodies."""
        self._act = act or (lambda connection: connection.sendall(ANSWER))
        self._socket: socket.socket | None = None
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket:
            self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
        for thread in self._threads:
            thread.join(10)

    @property
    def address(self) -> str:
        """Where it listens, as a proxy names it."""
        return f"127.0.0.1:{self.port}"

    def listen(self) -> Self:
        """Take connections from now on."""
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self._start(self._accept)
        return self

    def _accept(self) -> None:
        assert self._socket
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._start(lambda connection=connection: self._serve(connection))

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(10)
            try:
                if request := _read(connection):
                    self.seen.append(request)
                    self._act(connection)
            except OSError:
                return

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()


def _read(connection: socket.socket) -> bytes:
    """One request with its body; less of it, or nothing, when no more comes."""
    request = b""
    while more := connection.recv(65_536):
        request += more
        head, end, body = request.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if end and len(body) >= (int(length[1]) if length else 0):
            break
    return request
