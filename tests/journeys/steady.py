"""A steady load on a whole installation, and how much memory each of its processes has while it goes on."""

import asyncio
import http.client
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.journeys.client import Account, sign_up
from tests.journeys.receiver import Receiver
from tests.journeys.stack import Stack, children
from ttr.now import now_ms
from ttr.store.access_keys import user_by_key
from ttr.store.redis import open_store
from ttr.store.sessions import open_session
from ttr.web.security import SESSION_COOKIE

CHECKS = 40
BODY = b"x" * 500
_PINGERS = 4
_LOOK_SECONDS = 5.0


@dataclass
class Load:
    """Pings from kept connections, owners who look at lists and pages, streams that open and close, and jobs that fail
    and recover, each of which is told to a receiver. `done` counts what was answered well, `failed` what was not."""

    stack: Stack
    receiver: Receiver
    pings_a_second: float
    done: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Make the account and begin."""
        account = sign_up(self.stack.port)
        for number in range(CHECKS):
            hook = self.receiver.url("/hook") if number % 8 == 0 else ""
            account.add(f"job-{number}", hook, interval_seconds=3_600)
        work = [lambda number=number: self._ping(account, number) for number in range(_PINGERS)]
        work += [
            lambda: self._flap(account),
            lambda: self._look(account),
            lambda: self._listen(account),
        ]
        for each in work:
            thread = threading.Thread(target=each, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End it and wait for what is under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _ping(self, account: Account, first: int) -> None:
        pause = _PINGERS / self.pings_a_second
        due = time.monotonic()
        with _Connection(self.stack.port) as connection:
            number = first
            while not self._stop.is_set():
                number += _PINGERS
                path = f"/p/{account.user_slug}/job-{number % CHECKS}"
                self._count("ping", connection.ask("POST" if number % 3 else "GET", path, body=BODY) == 200)
                due += pause
                self._stop.wait(max(0, due - time.monotonic()))

    def _flap(self, account: Account) -> None:
        # Slower than what counts as flapping, of five checks in turn.
        with _Connection(self.stack.port) as connection:
            turn = 0
            while not self._stop.wait(5.0):
                path = f"/p/{account.user_slug}/job-{turn % 5 * 8}/fail"
                self._count("fail", connection.ask("GET", path) == 200)
                turn += 1

    def _look(self, account: Account) -> None:
        with _Connection(self.stack.port) as connection:
            while not self._stop.wait(0.2):
                key = {"X-Auth-Key": account.auth_key}
                for path in ("/api/v1/checks", "/api/v1/checks/job-1", "/health", "/"):
                    answer = connection.ask("GET", path, headers=key if path.startswith("/api") else {})
                    self._count("look", answer == 200)
                bad = connection.ask("POST", "/api/v1/checks", body=b"{}", headers=key)
                self._count("refusal", bad == 400)

    def _listen(self, account: Account) -> None:
        cookie = {"Cookie": f"{SESSION_COOKIE}={log_in(self.stack, account)}"}
        while not self._stop.is_set():
            stream = http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=20)
            try:
                stream.request("GET", "/events", headers=cookie)
                answer = stream.getresponse()
                self._count("stream", answer.status == 200 and bool(answer.read(1)))
                self._stop.wait(1.0)
            finally:
                stream.close()
            with _Connection(self.stack.port) as connection:
                self._count("page", connection.ask("GET", "/dashboard", headers=cookie) == 200)

    def _count(self, what: str, well: bool) -> None:
        with self._counting:
            (self.done if well else self.failed)[what] += 1


class _Connection:
    """A kept connection, made anew when it was closed."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def __enter__(self) -> "_Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> int:
        """The answer's status; 0 when there was none."""
        try:
            self._http.request(method, path, body or None, dict(headers or {}))
            answer = self._http.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            self._http.close()
            return 0


def log_in(stack: Stack, account: Account) -> str:
    """The cookie of a session of the account."""
    return asyncio.run(_log_in(stack, account))


async def _log_in(stack: Stack, account: Account) -> str:
    async with open_store(stack.redis_url) as store:
        user = await user_by_key(store, account.auth_key)
        assert user
        return await open_session(store, user, now_ms())


def memory(stack: Stack) -> dict[str, int]:
    """Resident bytes of each process by its name; of a worker's sending process under "horse"."""
    pids = {name: stack.pid(name) for name in stack.names}
    horses = [pid for name in stack.names if name.startswith("worker") for pid in children(pids[name])]
    found = {name: _resident(pid) for name, pid in pids.items()}
    return found | {"horse": max((_resident(pid) for pid in horses), default=0)}


def watch(stack: Stack, seconds: float, look_every: float = _LOOK_SECONDS) -> list[dict[str, int]]:
    """What memory they had, look by look, for so long."""
    until = time.monotonic() + seconds
    seen = []
    while time.monotonic() < until:
        seen.append(memory(stack))
        time.sleep(look_every)
    return seen


def _resident(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0
