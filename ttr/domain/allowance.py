"""How often somebody may do something: the zones with their limits, and the arithmetic of an allowance. Pure.

An allowance is one number: the microsecond at which it is whole again, if nothing more is taken from it. Each use
moves that moment on by one step; a use that would move it further than `count` steps ahead of now is refused and
moves nothing. That is the generic cell rate algorithm (GCRA). `scripts/lua/includes/allowance.lua` does the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ttr.domain.alert import human_duration

COUNT_MAX = 1_000_000
SECONDS_MAX = 86_400
CLOCKS_APART_MS = 2_000
"""Processes' clocks may differ by as much. An allowance that is further ahead than its whole span and this is the
work of a clock that was put back, or of a longer limit; it counts as whole, for nobody may be locked out by it."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` uses at once, and what is used comes back steadily, all of it within `seconds`."""

    zone: str
    count: int
    seconds: int

    @property
    def step(self) -> int:
        """Microseconds in which one use comes back, rounded up."""
        return -(-self.seconds * 1_000_000 // self.count)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What somebody has of a limit after asking for one use.

    `reset_ms` is the time until it is whole again, `retry_ms` that until the next use; 0 if this one was allowed.
    """

    limit: Limit
    allowed: bool
    remaining: int
    reset_ms: int
    retry_ms: int
    reserved: int = 0
    """How many uses must be left for others that matter more."""

    @property
    def retry_seconds(self) -> int:
        """What `Retry-After` says: whole seconds, at least one."""
        return max(1, _up(self.retry_ms, 1_000))

    @property
    def refusal(self) -> str:
        """Why a use was refused, in a sentence."""
        limit = self.limit
        every = human_duration(limit.seconds * 1_000)
        again = human_duration(self.retry_seconds * 1_000)
        less = ", less for those that change nothing" if self.reserved else ""
        return f"Too many {COUNTED[limit.zone]}: {limit.count} in {every} are allowed{less}; try again in {again}."


COUNTED: Mapping[str, str] = MappingProxyType(
    {
        "api-key": "calls with this access key",
        "api-address": "calls without a valid access key from this address",
        "new-account": "new accounts from this address",
        "login": "logins from this address",
        "page": "pages asked for from this address",
        "bulk": "imports, exports and bulk changes of this account",
        "account": "changes of this account itself",
        "slug": "slugs looked up by this account",
        "telegram": "logins by Telegram from this address",
        "telegram-bot": "messages of this Telegram account to the bot",
        "test": "tests of this account",
        "question": "addresses asked to confirm by this account",
        "admin-login": "logins as an admin, from this address or under this name",
        "admin-refresh": "renewals of admins' tokens from this address",
        "metrics": "scrapes from this address",
        "ping-check": "pings of this check",
        "ping-address": "pings from this address",
        "ping-unknown": "pings of unknown checks from this address",
        "public-address": "requests of public pages, badges and the summary from this address",
        "public": "requests of public pages and badges at the moment",
    }
)
"""What each zone counts, in the words of a refusal."""

DEFAULTS = (
    Limit("api-key", 600, 60),
    Limit("api-address", 60, 60),
    Limit("new-account", 20, 3_600),
    Limit("login", 20, 300),
    Limit("page", 600, 60),
    Limit("bulk", 30, 60),
    Limit("account", 20, 3_600),
    Limit("slug", 60, 60),
    Limit("telegram", 20, 300),
    Limit("telegram-bot", 5, 60),
    Limit("test", 30, 60),
    Limit("question", 20, 3_600),
    Limit("admin-login", 10, 60),
    Limit("admin-refresh", 30, 600),
    Limit("metrics", 120, 60),
    Limit("ping-check", 50, 1),
    Limit("ping-address", 500, 1),
    Limit("ping-unknown", 60, 60),
    Limit("public-address", 600, 60),
    Limit("public", 200, 1),
)
"""Every zone with its limit when the operator says nothing."""


def kept_for_signals(limit: Limit) -> int:
    """Of the uses of a limit those that pings which are only recorded must leave: half of them."""
    return limit.count // 2


def take(limit: Limit, whole_at: int, now: int, reserved: int = 0) -> tuple[Allowance, int]:
    """Ask for one use at `now` (ms) of an allowance that is whole at `whole_at` (microseconds; 0: it is whole).

    It is refused if fewer than `reserved` uses would be left. Returns the allowance and when it is whole now; a refused
    use leaves that as it was.
    """
    now_us, span = now * 1_000, limit.count * limit.step
    base = max(now_us, whole_at if whole_at <= now_us + span + CLOCKS_APART_MS * 1_000 else 0)
    left = now_us + span - base
    spare = left - limit.step * (1 + reserved)
    if spare < 0:
        ahead = _up(base - now_us, 1_000)
        return Allowance(limit, False, 0, ahead, _up(-spare, 1_000), reserved), whole_at
    after = base + limit.step
    left -= limit.step
    return Allowance(limit, True, left // limit.step, _up(after - now_us, 1_000), 0, reserved), after


def refused(limit: Limit, retry_ms: int, reserved: int = 0) -> Allowance:
    """The allowance of which the next use comes in `retry_ms`: all but that and the reserved ones take longer."""
    to_come = _up((limit.count - 1 - reserved) * limit.step, 1_000)
    return Allowance(limit, False, 0, retry_ms + to_come, retry_ms, reserved)


def parse_limits(text: str) -> tuple[Limit, ...]:
    """The limits in force under a setting: "off" for none, else `zone=count/seconds` or `zone=off`, comma separated.

    A zone that isn't named keeps its default, one that is off is missing in the answer. Raises ValueError with a
    sentence that names the bad entry.
    """
    if text.strip().lower() == "off":
        return ()
    found: dict[str, Limit | None] = {limit.zone: limit for limit in DEFAULTS}
    named: set[str] = set()
    for entry in (part.strip() for part in text.split(",")):
        if not entry:
            continue
        zone, _, value = (part.strip() for part in entry.partition("="))
        if zone not in found:
            raise ValueError(f"{zone!r} is no zone: {', '.join(found)}")
        if zone in named:
            raise ValueError(f"{zone!r} is named twice")
        named.add(zone)
        found[zone] = None if value.lower() == "off" else _limit(zone, value)
    return tuple(limit for limit in found.values() if limit is not None)


def _limit(zone: str, value: str) -> Limit:
    count, _, seconds = (part.strip() for part in value.partition("/"))
    if not all(part.isascii() and part.isdigit() and len(part) <= 7 for part in (count, seconds)):
        raise ValueError(
            f"{zone}={value} is not understood: write {zone}=600/60 for 600 in 60 s, or {zone}=off"
        )
    if not (1 <= int(count) <= COUNT_MAX and 1 <= int(seconds) <= SECONDS_MAX):
        raise ValueError(
            f"{zone}={value} is out of range: 1 to {COUNT_MAX:,} in 1 to {SECONDS_MAX:,} s, or {zone}=off"
        )
    return Limit(zone, int(count), int(seconds))


def _up(amount: int, unit: int) -> int:
    return -(-amount // unit)
