"""Somebody else's server: takes webhooks on loopback, remembers every one, and misbehaves when told to."""

import json
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from ttr.now import now_ms


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request: `at` in ms UTC, `key` its Idempotency-Key."""

    at: int
    path: str
    key: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver says to one request. With `hang` it says nothing until the receiver is let go."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False
    body: bytes = b""


class Receiver:
    """A server on a port of its own; `with` starts and stops it."""

    def __init__(self) -> None:
        self.delay = 0.0
        """Seconds that every answer takes."""
        self._changed = threading.Condition()
        self._arrivals: list[Arrival] = []
        self._answered: list[Arrival] = []
        self._scripted: dict[str, deque[Answer]] = defaultdict(deque)
        self._at_once = self._most_at_once = 0
        self._let_go = threading.Event()
        self._server: _Server | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self._let_go.set()
        self.refuse()

    @property
    def most_at_once(self) -> int:
        """The greatest number of requests that were open at the same time."""
        with self._changed:
            return self._most_at_once

    def url(self, path: str) -> str:
        """The address of `path` here."""
        return f"http://127.0.0.1:{self._port}{path}"

    def answer(self, path: str, *answers: Answer) -> None:
        """Say these to the next requests for `path`; after them every one gets 204 again."""
        with self._changed:
            self._scripted[path].extend(answers)

    def refuse(self) -> None:
        """Refuse connections from now on."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def listen(self) -> None:
        """Take connections, on the same port as before."""
        self._server = _Server(self, self._port)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def arrivals(self, path: str | None = None) -> list[Arrival]:
        """The requests so far, oldest first; those for `path` if it is given."""
        with self._changed:
            return [arrival for arrival in self._arrivals if path in (None, arrival.path)]

    def answered(self) -> list[Arrival]:
        """The requests whose sender was still there for the answer."""
        with self._changed:
            return list(self._answered)

    def wait(self, path: str, count: int, within: float = 20) -> list[Arrival]:
        """The requests for `path` as soon as there are `count`; fails after `within` seconds."""
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self.arrivals(path)) >= count, within)
            found = self.arrivals(path)
        assert enough, f"{len(found)} requests for {path} instead of {count} within {within} s"
        return found

    def stays_at(self, path: str, count: int, seconds: float) -> None:
        """Watch for `seconds` that `path` gets no more than `count` requests, and has that many in the end."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.arrivals(path)) > count, seconds)
            found = self.arrivals(path)
        assert len(found) == count, [(arrival.key, arrival.body.get("message")) for arrival in found]

    def take(self, arrival: Arrival) -> Answer:
        """Remember a request and choose its answer; called by the server's threads."""
        with self._changed:
            self._arrivals.append(arrival)
            self._at_once += 1
            self._most_at_once = max(self._most_at_once, self._at_once)
            self._changed.notify_all()
            scripted = self._scripted[arrival.path]
            answer = scripted.popleft() if scripted else Answer()
        self._let_go.wait(None if answer.hang else self.delay)
        return answer

    def done(self, arrival: Arrival, *, sender_stayed: bool) -> None:
        """One request less is open."""
        with self._changed:
            self._at_once -= 1
            if sender_stayed:
                self._answered.append(arrival)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Two hundred alerts may connect within a millisecond.
    request_queue_size = 512

    def __init__(self, receiver: Receiver, port: int) -> None:
        self.receiver = receiver
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A sender that was killed is no error here."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        """Take one webhook."""
        raw = self.rfile.read(int(self.headers["Content-Length"] or 0))
        receiver = self.server.receiver
        key, headers = self.headers["Idempotency-Key"], dict(self.headers.items())
        arrival = Arrival(now_ms(), self.path, key, json.loads(raw), headers)
        answer = receiver.take(arrival)
        stayed = self._sender_is_there()
        try:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
            stayed = False
        finally:
            receiver.done(arrival, sender_stayed=stayed)

    def _sender_is_there(self) -> bool:
        try:
            return bool(self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def log_message(self, *_: object) -> None:
        """Say nothing on the terminal."""
