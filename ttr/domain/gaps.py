"""Times in which we were blind: the clock was silent, or no web process could take pings. Pure."""

from collections.abc import Iterable

BLIND_AFTER_MS = 2_000
"""Silence of the clock or of every web process that counts as a time in which we were blind. Both tick twice
a second, so three ticks in a row are missing."""

Gap = tuple[int, int]
"""From when to when, ms UTC; the end lies outside."""


def blind_ms(gaps: Iterable[Gap], since: int) -> int:
    """How many ms of the time since `since` lie in one of these or in several."""
    sum_ms, seen = 0, since
    for start, end in sorted(gaps):
        sum_ms += max(0, end - max(start, seen))
        seen = max(seen, end)
    return sum_ms
