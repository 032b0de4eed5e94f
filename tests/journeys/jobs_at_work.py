"""The owner's jobs during a kill test: they ping as good scripts do, until somebody makes them fall silent."""

import http.client
import threading
from collections import Counter
from collections.abc import Iterable
from typing import Self

from tests.journeys.client import Account, call

_PAUSE = 0.4
_RETRY = 0.1


class JobsAtWork:
    """A thread that pings every check that isn't silent about twice a second, and again until it is taken."""

    def __init__(self, account: Account, slugs: Iterable[str]) -> None:
        self._account = account
        self._lock = threading.Lock()
        self._working = list(slugs)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.taken: Counter[str] = Counter()
        """Pings answered 200."""
        self.unknown: Counter[str] = Counter()
        """Pings without that answer, which may have been stored or not."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def fall_silent(self, slug: str) -> None:
        """No ping of this check begins after this returns, and none is under way."""
        with self._lock:
            self._working.remove(slug)

    def come_back(self, slug: str) -> None:
        """Ping it again from now on."""
        with self._lock:
            self._working.append(slug)

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                slugs = list(self._working)
            for slug in slugs:
                while not self._stop.is_set() and not self._ping(slug):
                    self._stop.wait(_RETRY)
            self._stop.wait(_PAUSE)

    def _ping(self, slug: str) -> bool:
        """Whether there is nothing more to do for this job."""
        with self._lock:
            if slug not in self._working:
                return True
            try:
                status, _ = call(self._account.port, "GET", f"/p/{self._account.user_slug}/{slug}")
            except (OSError, http.client.HTTPException):
                status = 0
            if status == 200:
                self.taken[slug] += 1
            else:
                self.unknown[slug] += 1
            return status == 200
