"""How soon a dead process is started again, and when that is given up."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds.

    The longest delay is so much shorter than a minute that a process that always dies at once passes
    `deaths_per_minute`: with 0.4 s doubling to 5 s its eleventh death comes after 36 s and eleven starts.
    """

    first_delay: float = 0.4
    longest_delay: float = 5.0
    steady_after: float = 30.0
    deaths_per_minute: int = 10
    grace: float = 8.0


class GaveUp(Exception):
    """A process died too often; the text says which and how often."""


class Patience:
    """The deaths of one process."""

    def __init__(self, name: str, limits: Limits) -> None:
        self._name = name
        self._limits = limits
        self._delay = limits.first_delay
        self._deaths: deque[float] = deque()

    def delay_after(self, *, lived: float, now: float) -> float:
        """Seconds to wait before the next start, after a death at `now` (monotonic) after `lived` seconds.

        The delay doubles with each death and begins anew after a life of `steady_after`.
        Raises GaveUp after more than `deaths_per_minute` deaths within the last minute.
        """
        self._deaths.append(now)
        while self._deaths[0] <= now - 60:
            self._deaths.popleft()
        if len(self._deaths) > self._limits.deaths_per_minute:
            raise GaveUp(f"{self._name} died {len(self._deaths)} times within a minute")
        if lived >= self._limits.steady_after:
            self._delay = self._limits.first_delay
        delay = self._delay
        self._delay = min(delay * 2, self._limits.longest_delay)
        return delay


def describe_end(code: int) -> str:
    """An exit code in words; a negative one is the number of the signal that ended it."""
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
