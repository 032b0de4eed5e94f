"""The word that stands for a check's state, and until when time alone leaves it. Pure."""

from typing import Literal

from ttr.domain.check import Check

Shown = Literal["new", "up", "late", "down", "paused"]


def shown_status(check: Check, now: int) -> Shown:
    """The word a page shows. Past its deadline and not yet declared down is late as well."""
    if check.status in ("new", "up") and check.deadline is not None and check.deadline <= now:
        return "late"
    return "late" if check.late_at(now) else check.status


def changes_at(checks: list[Check], now: int) -> int | None:
    """The next instant at which time alone changes a shown status, in ms; None when none will."""
    instants = [
        instant
        for check in checks
        if check.status in ("new", "up")
        for instant in (check.due, check.deadline)
        if instant is not None and instant > now
    ]
    return min(instants, default=None)
