"""What the pages say about checks and times: status words, lengths, what is expected next. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from ttr.domain.alert import human_duration
from ttr.domain.check import Check
from ttr.domain.moments import iso
from ttr.domain.schedule import describe, wall_time
from ttr.domain.shown import shown_status
from ttr.store.ping_log import PingEntry


@dataclass(frozen=True, slots=True)
class Expectation:
    """The next thing to happen to a check, and when (ms UTC)."""

    label: str
    at: int


def expectation(check: Check, now: int) -> Expectation | None:
    """What comes next: the ping, the alert, or the end of a run; None for a check that waits for nothing."""
    match shown_status(check, now):
        case "paused":
            return None
        case "down":
            return Expectation("went down", check.status_since)
        case "late":
            if check.deadline is None:
                return None
            return Expectation("alert" if check.deadline > now else "overdue", check.deadline)
    if check.running and check.settings.max_runtime_seconds is not None and check.deadline is not None:
        return Expectation("run must end", check.deadline)
    return None if check.due is None else Expectation("due", check.due)


def fault(check: Check) -> str:
    """Why a check is down, in a few words; "" when it isn't."""
    return why(check.reason, check.reason_detail)


def why(reason: str, detail: str) -> str:
    """A reason of `ttr.domain.alert.Reason` in a few words; "" for none."""
    match reason:
        case "overdue":
            return "no ping in time"
        case "over_runtime":
            return f"still running after {human_duration(int(detail or 0) * 1000)}"
        case "exit_status":
            return f"exit status {detail}"
        case "signal":
            return f"ended by signal {detail}"
        case "content":
            return detail or "its content broke its rule"
        case "fail":
            return f"it said so: {detail}" if detail else "the job said so"
    return ""


def length(ms: int) -> str:
    """A length of time in at most two units: "850 ms", "45 s", "12 min", "2 h 14 min", "3 d 4 h"."""
    if ms < 1000:
        return f"{max(0, ms)} ms"
    seconds = ms // 1000
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3_600:
        return f"{seconds // 60} min"
    # static/js/times.js ticks with the same words.
    big, unit, size, small, small_size = (
        (seconds // 3_600, "h", 3_600, "min", 60)
        if seconds < 86_400
        else (seconds // 86_400, "d", 86_400, "h", 3_600)
    )
    rest = seconds % size // small_size
    return f"{big} {unit} {rest} {small}" if rest else f"{big} {unit}"


def exact_length(ms: int) -> str:
    """How long a run took: "850 ms", "12.3 s", "4 min 12 s", "2 h 14 min"."""
    if 1_000 <= ms < 60_000:
        return f"{ms / 1000:.1f} s"
    if 60_000 <= ms < 3_600_000:
        minutes, seconds = divmod(ms // 1000, 60)
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    return length(ms)


def relative(ms: int, now: int) -> str:
    """An instant as seen from `now`: "12 min ago", "in 2 h 14 min", "now" within a second."""
    if abs(now - ms) < 1000:
        return "now"
    return f"{length(now - ms)} ago" if ms < now else f"in {length(ms - now)}"


def exact(ms: int, tz: str) -> str:
    """An instant on the wall of a zone."""
    return wall_time(ms, tz)


def size(count: int) -> str:
    """Bytes for people: "812 bytes", "12.3 kB", "1.2 MB"."""
    if count < 1_000:
        return f"{count} byte{'' if count == 1 else 's'}"
    return f"{count / 1_000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def ping_detail(entry: PingEntry) -> str:
    """What a log line adds to its kind: the exit status, a signal's name, the content rule's sentence."""
    match entry.reason:
        case "exit_status":
            return f"exit status {entry.detail}"
        case "signal":
            return f"signal {entry.detail}"
    if entry.kind == "ignored":
        return "this check accepts POST only"
    if entry.detail:
        return entry.detail
    return "exit status 0" if entry.exit_status == 0 else ""


FILTERS: dict[str, Callable[..., object]] = {
    "fault": fault,
    "iso": iso,
    "describe": describe,
    "duration": length,
    "exact_length": exact_length,
    "relative": relative,
    "exact": exact,
    "size": size,
    "ping_detail": ping_detail,
    "shown_status": shown_status,
    "expectation": expectation,
}
