"""Checks in every state, of no account: what the patterns page draws its rows, charts and logs from. Pure."""

from collections.abc import Sequence

from ttr.channels import KINDS
from ttr.domain.check import Check, CheckSettings, Run, Status, Tag
from ttr.domain.content import ContentRule
from ttr.domain.flip import Flip
from ttr.domain.schedule import Schedule
from ttr.domain.uptime import DAY_MS, Spent
from ttr.store.channels import Channel
from ttr.store.check_list import Counts
from ttr.store.ping_log import PingEntry
from ttr.store.recent_runs import RUNS, RecentPing

_MINUTE, _HOUR = 60_000, 3_600_000
_LONG = "A name so long that it must break somewhere, and not the table that it stands in, nor the phone it is read on"
COUNTS = Counts(
    total=1_208,
    new=1,
    up=1_203,
    down=2,
    paused=2,
    late=0,
    running=1,
    tags=3,
    mean_interval_seconds=4_000.0,
    mean_duration_seconds=63.5,
    queued=4,
)


def pattern_checks(now: int) -> list[Check]:
    """Down, down and flapping, late, running, up, new and paused, as of `now` (ms)."""
    hour = Schedule("interval", 3_600, None, "UTC")
    nightly = Schedule("cron", None, "30 3 * * *", "Europe/Riga")
    past, soon = now - 10 * _MINUTE, now + 20 * _MINUTE
    return [
        _check(1, "Nightly backup", nightly, "down", now, past, None, told=(1, 2), reason="exit_status"),
        _check(2, _LONG, hour, "down", now, past, None, told=(), reason="overdue", flaps=True),
        _check(3, "Search index", hour, "up", now, past, soon, told=(1,), due=past),
        _check(4, "Warehouse load", nightly, "up", now, past, soon, told=(1,), runs=True),
        _check(5, "Invoices", nightly, "up", now, past, soon, told=(1, 3)),
        _check(6, "Payroll", nightly, "new", now, None, soon, told=(3,)),
        _check(7, "Mail export", hour, "paused", now, past, None, told=(2,)),
    ]


def pattern_channels() -> dict[int, Channel]:
    """Two that are on, and one that is off."""
    named = zip(KINDS, ("Ops", "On call", "Old pager"), strict=False)
    return {number: _channel(number, kind, name) for number, (kind, name) in enumerate(named, 1)}


def pattern_runs() -> list[RecentPing]:
    """As many pings as a strip shows, two of them failures."""
    return [RecentPing("fail" if n in (7, 21) else "success", 4_000 + n * 700 % 9_000) for n in range(RUNS)]


def pattern_log(now: int) -> tuple[list[PingEntry], list[Flip]]:
    """Pings of every kind, and changes of status; newest first."""
    kinds = ("success", "start", "fail", "log", "ignored", "success", "start", "success")
    pings = [
        PingEntry(
            now - n * _HOUR,
            kind,
            "POST" if n % 2 else "GET",
            reason="exit_status" if kind == "fail" else "",
            detail="2" if kind == "fail" else "",
            exit_status=2 if kind == "fail" else None,
            address="198.51.100.7",
            user_agent="curl/8.5.0",
            size=812 if n == 2 else 0,
            number=40 - n,
            duration_ms=(30_000 + 9_000 * n) if kind in ("success", "fail") else None,
        )
        for n, kind in enumerate(kinds)
    ]
    flips = [
        Flip(2, now - _HOUR // 2, "down", "up", 90 * _MINUTE),
        Flip(1, now - 2 * _HOUR, "up", "down", 9 * _HOUR, "exit_status", "2"),
    ]
    return pings, flips


def pattern_days(now: int) -> Sequence[tuple[int, Spent]]:
    """Ninety days: at first nothing, then up, with days that were partly and wholly down, a pause, and our own gap."""
    today = now // DAY_MS
    spent = [Spent(up=DAY_MS)] * 90
    spent[:20] = [Spent()] * 20
    spent[40], spent[41] = Spent(up=DAY_MS - 2 * _HOUR, down=2 * _HOUR), Spent(down=DAY_MS)
    spent[60], spent[75] = Spent(paused=DAY_MS), Spent(blind=DAY_MS)
    return [(today - 89 + n, one) for n, one in enumerate(spent)]


def _check(
    number: int,
    name: str,
    schedule: Schedule,
    status: Status,
    now: int,
    pinged: int | None,
    deadline: int | None,
    *,
    told: tuple[int, ...],
    due: int | None = None,
    reason: str = "",
    runs: bool = False,
    flaps: bool = False,
) -> Check:
    settings = CheckSettings(
        name=name,
        slug=f"pattern-{number}",
        tags=("production", "backup"),
        description="",
        schedule=schedule,
        grace_seconds=1_800,
        max_runtime_seconds=7_200 if runs else None,
        notify_after_failures=3 if number == 1 else None,
        notify_on_up=True,
        remind_every_minutes=60 if number == 1 else None,
        rule=ContentRule("done", "present", False) if number == 1 else None,
        post_only=number == 1,
        channels=None,
    )
    return Check(
        id=number,
        uuid=f"00000000-0000-4000-8000-00000000000{number}",
        user_id=0,
        settings=settings,
        tags=(Tag(1, "production"), Tag(2, "backup")),
        channels=told,
        own_channels={},
        created_at=now - 90 * DAY_MS,
        revision="1",
        status=status,
        status_since=now - 25 * _MINUTE,
        last_ping=pinged,
        last_start=None,
        last_duration_ms=None if pinged is None else 63_000,
        failure_count=int(status == "down"),
        ping_count=0 if pinged is None else 40,
        alerted=status == "down",
        due=due or deadline,
        deadline=deadline,
        runs=(Run("", now - _MINUTE),) if runs else (),
        has_body=number == 1,
        reason=reason,
        reason_detail="2" if reason == "exit_status" else "",
        flapping_until=now + _MINUTE if flaps else None,
        flip_count=6 if flaps else 0,
    )


def _channel(number: int, kind: str, name: str) -> Channel:
    return Channel(
        id=number,
        user_id=0,
        kind=kind,
        name=name,
        settings={},
        has=frozenset(),
        enabled=number != 3,
        default=number == 1,
        own_check=None,
        destination="",
        checks=7,
        created_at=0,
        last_status=None,
        last_message=None,
        last_at=None,
        off_reason=None,
        off_at=None,
        confirmed="",
        sealed="",
        revision="1",
    )
