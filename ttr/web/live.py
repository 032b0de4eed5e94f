"""What a live section already shows: if nothing of it has changed, the answer is 204 and no check is read."""

import hashlib
from dataclasses import dataclass

from ttr import current
from ttr.domain.check import Check
from ttr.domain.shown import changes_at
from ttr.store.deadlines import read_ticks

POLL = "refresh"
"""The first trigger of a live section: static/js/live.js says `refresh` when a tab is shown again, and every few
seconds while the stream of changes is not there."""

SILENT_MS = 10_000


def digest(*values: object) -> str:
    """A word for what a fragment shows, where the account's version says too little; equal values, equal word."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Since:
    """The account's version, when time alone will change a shown status (ms), and whether the clock is silent."""

    version: int
    until: int | None
    silent: bool

    def __str__(self) -> str:
        return f"{self.version}-{self.until or 0}-{int(self.silent)}"


async def clock_is_silent(now: int) -> bool:
    """Whether nobody looks for overdue checks at the moment: the clock has not ticked for ten seconds."""
    _, clock = await read_ticks(current.store())
    return now - clock > SILENT_MS


def since(version: int, checks: list[Check], silent: bool, now: int) -> Since:
    """What a fragment that shows these checks as of `now` is worth."""
    return Since(version, changes_at(checks, now), silent)


def still_true(token: str, version: int, silent: bool, now: int) -> bool:
    """Whether a fragment with this token would look the same now; nonsense is never true."""
    parts = token.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 18 for part in parts):
        return False
    seen_version, until, was_silent = (int(part) for part in parts)
    return seen_version == version and was_silent == int(silent) and (until == 0 or now < until)
