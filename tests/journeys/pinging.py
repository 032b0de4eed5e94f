"""Several clients that ping at the same time; each ping is counted as taken or not, with its moment."""

import http.client
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from tests.journeys.client import Account


@dataclass(frozen=True, slots=True)
class Job:
    """A check as its client knows it."""

    account: Account
    slug: str


class Pingers:
    """A thread and a connection for each client; each pings its own jobs in turn, without a pause, and never again
    when a ping was not taken."""

    def __init__(self, clients: Sequence[Sequence[Job]]) -> None:
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(jobs,), daemon=True) for jobs in clients]
        self.taken: dict[Job, list[float]] = defaultdict(list)
        """When each ping was answered 200, s (monotonic)."""
        self.refused: Counter[tuple[Job, int]] = Counter()
        """Pings answered otherwise, by status; 0 for no answer. They may have been stored or not."""
        self.refused_at: list[tuple[float, Job]] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def not_taken(self, job: Job) -> int:
        """How many pings of a job were not answered 200."""
        return sum(count for (of, _), count in self.refused.items() if of == job)

    def since(self, job: Job, moment: float) -> int:
        """How many pings of a job were taken since then (s, monotonic)."""
        with self._lock:
            return sum(at >= moment for at in self.taken[job])

    def _run(self, jobs: Sequence[Job]) -> None:
        connections: dict[int, http.client.HTTPConnection] = {}
        turn = 0
        while not self._stop.is_set():
            job = jobs[turn % len(jobs)]
            turn += 1
            port = job.account.port
            connection = connections.get(port)
            if connection is None:
                connection = connections[port] = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            try:
                connection.request("GET", f"/p/{job.account.user_slug}/{job.slug}")
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 0
            now = time.monotonic()
            with self._lock:
                if status == 200:
                    self.taken[job].append(now)
                else:
                    self.refused[job, status] += 1
                    self.refused_at.append((now, job))
            if status != 200:
                self._stop.wait(0.05)
        for connection in connections.values():
            connection.close()
