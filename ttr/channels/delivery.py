"""What became of one attempt to notify: a closed vocabulary for retries, rate control and log."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ttr.domain.alert import one_line

DETAIL_MAX = 200
RETRY_AFTER_MAX_SECONDS = 86_400.0

FailureReason = Literal[
    "dns_failed",
    "refused_address",
    "connect_failed",
    "timeout",
    "tls_failed",
    "redirected",
    "rate_limited",
    "server_error",
    "rejected",
    "gone",
    "bad_settings",
    "response_broken",
]


@dataclass(frozen=True, slots=True)
class Delivered:
    """The service took the notification; `detail` is like "HTTP 200".

    `hold_seconds`: the service asks to be left alone that long, though it took this one. `settings`: open settings
    that changed on the way and are to be stored (a Telegram group that became a supergroup has a new id).
    """

    detail: str
    status: int | None = None
    hold_seconds: float | None = None
    settings: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed. `permanent`: another one would fail the same way, so none is made.

    `detail` is shown to the channel's owner: it holds no secret, and is cut to one line of 200 characters
    here. `retry_after_seconds` is the service's own hint, brought into 0 to 86,400. `status` is the HTTP (or
    SMTP) status, if there was one. The reason "gone" turns the channel off: nothing will ever arrive there.
    """

    reason: FailureReason
    detail: str
    permanent: bool
    retry_after_seconds: float | None = None
    status: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", one_line(self.detail, DETAIL_MAX))
        if self.retry_after_seconds is not None:
            within = min(max(self.retry_after_seconds, 0.0), RETRY_AFTER_MAX_SECONDS)
            object.__setattr__(self, "retry_after_seconds", within)


Outcome = Delivered | Failed
