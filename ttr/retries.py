"""When a notification that failed is tried again. Pure."""

from ttr.channels.delivery import Delivered, Outcome

RETRY_SECONDS = (5, 15, 30, 60, 120, 300, 900, 1800)
"""Waits after the first, second, ... attempt; then hourly until a day has passed."""
_HOUR = 3_600
_GIVE_UP_MS = 24 * _HOUR * 1000
_JITTER = 0.2
_HINTS_TRUSTED = 3


def retry_at(outcome: Outcome, attempt: int, since: int, now: int, chance: float) -> int | None:
    """When to try again, None for never. `chance` in [0, 1) spreads the plan by 20 % either way, so that what
    failed together doesn't come back together. The service's own hint wins, at least a second, up to a last
    attempt when a day has passed `since`; from the fourth attempt on it can only lengthen the wait, so that a
    receiver that always says 0 isn't asked every second for a day.
    """
    if isinstance(outcome, Delivered) or outcome.permanent:
        return None
    planned = RETRY_SECONDS[attempt - 1] if attempt <= len(RETRY_SECONDS) else _HOUR
    planned_at = now + int(planned * 1000 * (1 - _JITTER + 2 * _JITTER * chance))
    end = since + _GIVE_UP_MS
    if planned_at > end:
        return None
    if outcome.retry_after_seconds is None:
        return planned_at
    hinted_at = now + max(int(outcome.retry_after_seconds * 1000), 1_000)
    return min(hinted_at if attempt <= _HINTS_TRUSTED else max(planned_at, hinted_at), end)
