"""An account as it is after a quarter of a year: checks in every state, with the history that pages draw."""

import random
from dataclasses import dataclass, replace
from typing import Any

from tests.conftest import MASTER_KEY
from tests.lua.parts import FLAPS, draft
from ttr.domain.check import Check, CheckSettings
from ttr.domain.content import ContentRule
from ttr.domain.schedule import Schedule, next_due
from ttr.domain.status_page import Entry, Notice, StatusPage, StatusPageSettings
from ttr.now import now_ms
from ttr.store.channels import create_channel
from ttr.store.checks import create_check, pause_check
from ttr.store.deadlines import sweep, tick_clock
from ttr.store.ping_log import PingEntry
from ttr.store.pings import Kept, Plan, Target, record_ping
from ttr.store.redis import Store
from ttr.store.status_pages import create_status_page
from ttr.store.users import User, create_user

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
KEPT = Kept(100, 1_000_000, 100_000_000)
AGENTS = (
    "curl/8.5.0",
    "Wget/1.21.4",
    "python-requests/2.32.3",
    "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041",
)


@dataclass(frozen=True, slots=True)
class Job:
    """What a check watches, how often it fails, how long it runs, and how it stands at the end."""

    name: str
    slug: str
    tags: tuple[str, ...]
    schedule: Schedule
    grace: int
    lasts_ms: int = 0
    fails: float = 0.0
    days: int = 30
    end: str = "up"
    """up, late, down (overdue), failed, new, paused, running or flapping."""
    description: str = ""


def _every(seconds: int) -> Schedule:
    return Schedule("interval", seconds, None, "UTC")


def _cron(expression: str, tz: str = "Europe/Riga") -> Schedule:
    return Schedule("cron", None, expression, tz)


JOBS = (
    Job(
        "Nightly backup of the billing database",
        "backup-billing",
        ("backup", "production", "billing"),
        _cron("30 3 * * *"),
        1_800,
        840_000,
        0.04,
        90,
        "down",
        "Runbook: restore-drill.md. Wake the one on call; invoices go out at 08:00.",
    ),
    Job(
        "Invoices",
        "invoices",
        ("billing", "production"),
        _cron("0 8 * * 1-5", "Europe/Berlin"),
        3_600,
        95_000,
        0.02,
        60,
    ),
    Job("Certificate renewal", "certs", ("infrastructure",), _cron("17 4,16 * * *"), 7_200, 4_200, 0.0, 45),
    Job("Search index", "search-index", ("production",), _every(900), 300, 31_000, 0.03, 14, "late"),
    Job(
        "Data warehouse load",
        "warehouse",
        ("pipeline", "production"),
        _cron("0 1 * * *", "America/New_York"),
        5_400,
        5_400_000,
        0.05,
        90,
        "running",
    ),
    Job("Log rotation", "logrotate", ("infrastructure",), _cron("0 0 * * *"), 3_600, 1_900, 0.0, 30),
    Job("Thumbnail worker", "thumbnails", ("media",), _every(300), 120, 800, 0.01, 6),
    Job(
        "Import from the supplier (SFTP)",
        "supplier-import",
        ("pipeline", "partners"),
        _every(3_600),
        900,
        42_000,
        0.2,
        20,
        "failed",
        "Their side drops the connection at times; call them after the third failure.",
    ),
    Job("Weekly restore drill", "restore-drill", ("backup",), _cron("0 5 * * 0"), 7_200, 2_700_000, 0.0, 84),
    Job("Old mail exporter", "mail-export", ("legacy",), _every(3_600), 600, 12_000, 0.0, 10, "paused"),
    Job(
        "Certificate transparency watch, a name so long that it must break somewhere, "
        "and not the table that it stands in",
        "ct-watch",
        ("security", "infrastructure", "a-rather-long-tag-name"),
        _every(1_800),
        600,
        2_300,
        0.0,
        8,
    ),
    Job("Payroll", "payroll", ("billing",), _cron("0 6 28 * *", "Europe/Riga"), 14_400, 0, 0.0, 0, "new"),
    Job("Cache warm-up", "cache", ("production",), _every(120), 60, 350, 0.0, 1),
    Job("Sensor gateway", "sensors", ("edge",), _every(60), 30, 0, 0.0, 1, "flapping"),
    Job(
        "Snapshot to object storage",
        "snapshots",
        ("backup", "infrastructure"),
        Schedule("oncalendar", None, "Mon..Fri 02:15", "UTC"),
        3_600,
        380_000,
        0.0,
        40,
    ),
)


FEW = tuple(
    job for job in JOBS if job.slug in ("backup-billing", "invoices", "certs", "logrotate", "payroll")
)
"""What is quickly made: two have failed or are new, three are up."""


async def fill(store: Store, user: User, jobs: tuple[Job, ...] = JOBS) -> list[Check]:
    """The account's checks, as those jobs left them; and a channel of each kind that needs no message sent."""
    now = now_ms()
    await tick_clock(store, now)
    for name, kind, on in (
        ("Ops room", "slack", True),
        ("On call", "telegram", True),
        ("Old pager", "webhook", False),
    ):
        await create_channel(
            store,
            user,
            replace(
                draft(), kind=kind, name=name, enabled=on, default=on, destination=f"{kind}-0", address=name
            ),
            own_check=None,
            now=now - 90 * DAY,
            most=100,
        )
    made = [await _live_through(store, user, job, now) for job in jobs]
    while (await sweep(store, user.partition, now=now, pings_accepted=now, flap=FLAPS)).more:
        pass
    return made


async def _live_through(store: Store, user: User, job: Job, now: int) -> Check:
    dice = random.Random(job.slug)
    settings = CheckSettings(
        name=job.name,
        slug=job.slug,
        tags=job.tags,
        description=job.description,
        schedule=job.schedule,
        grace_seconds=job.grace,
        max_runtime_seconds=14_400 if job.end == "running" else None,
        notify_after_failures=3 if job.end == "failed" else None,
        notify_on_up=True,
        remind_every_minutes=60 if job.end == "down" else None,
        rule=ContentRule("done", "present", False) if job.slug == "certs" else None,
        post_only=False,
        channels=None,
    )
    born = now - max(job.days, 1) * DAY
    check = await create_check(store, user, settings, now=born, most=1_000)
    if job.days == 0:
        return check
    due, last = next_due(job.schedule, born), now
    if job.end == "down":
        last = now - 2 * DAY
    elif job.end == "late":
        last = now - 1_000 * 900 - MINUTE
    runs: list[int] = []
    while due is not None and due <= last:
        runs.append(due)
        due = next_due(job.schedule, due)
    if job.end == "late":
        runs = [last - 900_000 * i for i in range(300)][::-1]
    # Three hundred pings tell as much as fifty thousand.
    for run in runs[-300:]:
        lasts = int(job.lasts_ms * dice.lognormvariate(0, 0.25))
        if run + lasts >= now:
            continue
        if lasts:
            await _ping(store, user, check, run, "start", dice)
        failed = dice.random() < job.fails
        await _ping(store, user, check, run + lasts, "fail" if failed else "success", dice)
    if job.end == "failed":
        await _ping(
            store,
            user,
            check,
            now - 7 * MINUTE,
            "fail",
            dice,
            body=b"sftp: connection reset by peer\nexit 255\n",
        )
    elif job.end == "running":
        await _ping(store, user, check, now - 40 * MINUTE, "start", dice)
    elif job.end == "flapping":
        for i in range(8):
            await _ping(store, user, check, now - (9 - i) * 10_000, "success" if i % 2 else "fail", dice)
    elif job.end == "paused":
        check = await pause_check(store, user, str(check.id), now=now - 3 * DAY)
    return check


async def _ping(
    store: Store, user: User, check: Check, at: int, kind: str, dice: random.Random, body: bytes = b""
) -> None:
    plan = Plan(check.id, check.revision, check.settings.schedule, None, False)
    failed = kind == "fail"
    if kind == "success" and dice.random() < 0.1:
        body = b"done\nrows=12842 skipped=3\n<b>not bold</b>\n"
    await record_ping(
        store,
        Target(user.id, "", check.id, "", plan),
        PingEntry(
            at,
            kind,
            "POST" if body else "GET",
            reason="exit_status" if failed else "",
            detail="1" if failed else "",
            exit_status=1 if failed else None,
            address=f"198.51.100.{dice.randrange(1, 5)}",
            user_agent=dice.choice(AGENTS),
            size=len(body),
        ),
        request_id=f"{at:x}{kind}"[-16:],
        due=next_due(plan.schedule, at),
        body=body,
        kept=KEPT,
        flap=FLAPS,
    )


async def account_with_checks(store: Store, jobs: tuple[Job, ...] = JOBS) -> tuple[User, str]:
    """A new account, filled; and its access key."""
    user, auth_key = await create_user(store, now=now_ms() - 90 * DAY, master=MASTER_KEY)
    await fill(store, user, jobs)
    return user, auth_key


async def status_page(
    store: Store, user: User, checks: list[Check], slug: str, **settings: object
) -> StatusPage:
    """A page of the account with these checks in two groups, a notice and an introduction."""
    half = len(checks) // 2
    entries = (
        Entry("heading", "Every night"),
        *(Entry("check", str(check.id)) for check in checks[:half]),
        Entry("heading", "All day"),
        *(Entry("check", str(check.id)) for check in checks[half:]),
    )
    made = StatusPageSettings(
        name="Jobs of the warehouse",
        slug=slug,
        intro="What runs **by itself** here, and whether it still does. Something missing? "
        "[Write to us](mailto:operations@example.com).",
        notice=Notice("maintenance", "Backups run an hour later until Friday.", now_ms() - 3 * HOUR),
        entries=entries if checks else (),
    )
    changed: Any = settings
    return await create_status_page(store, user, replace(made, **changed), now=now_ms(), most=1_000)
