"""How fast messages may leave for one destination: the rules, and what an owner is shown of them. Pure.

The bucket itself changes in `take_token.lua` and `report_send.lua`; this reads it the same way.
"""

import math
from dataclasses import dataclass
from typing import Protocol

SENT_WINDOW_MS = 60_000
"""The window of `sent_per_minute`."""
CLOCK_SLACK_MS = 60_000


class RateSettings(Protocol):
    """The operator's settings that decide the rules; rates are messages per second, times are seconds."""

    @property
    def rc_start_rps(self) -> float: ...
    @property
    def rc_rps_min(self) -> float: ...
    @property
    def rc_rps_max(self) -> float: ...
    @property
    def rc_burst_max(self) -> float: ...
    @property
    def rc_ai_step(self) -> float: ...
    @property
    def rc_md_factor(self) -> float: ...
    @property
    def rc_md_soft(self) -> float: ...
    @property
    def rc_backoff_base(self) -> float: ...
    @property
    def rc_backoff_max(self) -> float: ...
    @property
    def rc_backoff_level_max(self) -> int: ...
    @property
    def rc_drip_rps(self) -> float | None: ...
    @property
    def rc_assumed_limit_per_min(self) -> float: ...
    @property
    def rc_state_ttl_seconds(self) -> int: ...


@dataclass(frozen=True, slots=True)
class RateRules:
    """What every bucket keeps to. Rates are messages per second; always drip <= start <= cap and burst >= 1."""

    cap: float
    drip: float
    """The rate that is kept in any case."""
    start: float
    burst: float
    """Most tokens, and those of a destination that is new."""
    step: float
    """Added to the rate by a success."""
    hard: float
    """The rate's factor after the service said "too many"."""
    soft: float
    """The rate's factor after a 5xx or no answer."""
    backoff_base_ms: float
    backoff_max_ms: float
    """The first and the longest back-off when the service names none."""
    level_max: int
    assumed_per_minute: float
    """The services' limit that is assumed."""
    ttl_ms: int
    """How long an unused bucket is remembered."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A destination's state as of `at`; times are milliseconds UTC, `rps` messages per second."""

    tokens: float
    max_tokens: float
    rps: float
    at: int
    backoff_until: int = 0


def rules(settings: RateSettings) -> RateRules:
    """The rules of these settings.

    The rate never exceeds the services' assumed limit, and where the settings contradict each other the cap wins:
    a least or a first rate above it is lowered to it.
    """
    cap = min(settings.rc_rps_max, settings.rc_assumed_limit_per_min / 60)
    least = settings.rc_drip_rps if settings.rc_drip_rps is not None else max(1 / 60, settings.rc_rps_min)
    drip = min(cap, least)
    return RateRules(
        cap=cap,
        drip=drip,
        start=min(cap, max(drip, settings.rc_start_rps)),
        burst=settings.rc_burst_max,
        step=settings.rc_ai_step,
        hard=settings.rc_md_factor,
        soft=settings.rc_md_soft,
        backoff_base_ms=settings.rc_backoff_base * 1000,
        backoff_max_ms=settings.rc_backoff_max * 1000,
        level_max=settings.rc_backoff_level_max,
        assumed_per_minute=settings.rc_assumed_limit_per_min,
        ttl_ms=settings.rc_state_ttl_seconds * 1000,
    )


def fresh(rules: RateRules, now: int) -> Bucket:
    """The bucket of a destination that nothing is known of: full, at the first rate."""
    return Bucket(rules.burst, rules.burst, rules.start, now)


def refilled(rules: RateRules, stored: Bucket, now: int) -> Bucket:
    """The bucket at `now` and as the rules allow it, which may have changed since it was stored.

    A clock that goes backwards refills nothing; one that goes back by more than a minute was wrong before, so a
    back-off that still runs keeps what was left of it.
    """
    most = max(1.0, min(rules.burst, stored.max_tokens))
    rate = min(rules.cap, max(rules.drip, stored.rps))
    tokens = max(0.0, min(most, stored.tokens + max(0, now - stored.at) / 1000 * rate))
    until, back = stored.backoff_until, stored.at - now
    if back > CLOCK_SLACK_MS and until > stored.at:
        until -= back
    return Bucket(tokens, most, rate, max(stored.at, now), until)


def snapshot(
    rules: RateRules, stored: Bucket, *, waiting: int, sent_per_minute: int, now: int
) -> dict[str, object]:
    """What API and pages show of a destination's rate at `now`.

    `limited` says whether a message that came now would wait, `retry_after_seconds` how long (0 when it would
    not): for the end of the back-off, or for its turn behind the `waiting` others.
    """
    bucket = refilled(rules, stored, now)
    backoff_ms = max(0, bucket.backoff_until - now)
    turn_ms = max(0, math.ceil(round((waiting + 1 - bucket.tokens) / bucket.rps * 1000, 6)))
    reason = "backoff" if backoff_ms else "rate_limited" if turn_ms else None
    return {
        "enabled": True,
        "limited": reason is not None,
        "limited_reason": reason,
        "retry_after_seconds": (backoff_ms or turn_ms) / 1000,
        "current_rps": round(bucket.rps, 4),
        "min_rps": round(rules.drip, 4),
        "current_rps_per_minute": round(bucket.rps * 60, 2),
        "min_rps_per_minute": round(rules.drip * 60, 2),
        "assumed_limit_per_minute": rules.assumed_per_minute,
        "sent_per_minute": sent_per_minute,
        "tokens": round(bucket.tokens, 3),
        "max_tokens": round(bucket.max_tokens, 3),
        "backoff_seconds_remaining": backoff_ms / 1000,
        "waiting": waiting,
    }
