"""Which limits pings are under."""

from dataclasses import dataclass

from ttr.domain.allowance import Limit


@dataclass(frozen=True, slots=True)
class PingLimits:
    """The limits of one check's pings, of one address's, and of its pings to paths that nobody has; None for none."""

    check: Limit | None = None
    address: Limit | None = None
    unknown: Limit | None = None
