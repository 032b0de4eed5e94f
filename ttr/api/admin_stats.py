"""GET /api/v1/admin/stats: how the installation does, in numbers."""

from typing import Annotated, Literal

from pydantic import Field
from quart import Response, jsonify
from typing_extensions import TypedDict

from ttr import __version__, current
from ttr.api.admin_auth import admin_caller
from ttr.api.describe import Moment, operation
from ttr.domain.liveness import judge
from ttr.domain.moments import iso
from ttr.installation import Figures, installation
from ttr.now import now_ms
from ttr.store.archive_state import ArchiveState
from ttr.store.processes import read_processes


class CheckSumsJson(TypedDict):
    """Checks of all accounts; the four statuses add up to `total`."""

    total: int
    up: int
    down: int
    new: int
    paused: int
    late: Annotated[int, Field(description="Past due and inside their grace; up or new.")]
    running: Annotated[int, Field(description="With a run that has started and not ended.")]


class DeliverySumsJson(TypedDict):
    """Alerts on their way."""

    waiting: Annotated[int, Field(description="Events that wait for a channel.")]
    addresses: Annotated[int, Field(description="Addresses with unfinished deliveries.")]
    failed: Annotated[
        int | None,
        Field(description="Given up within the last week, as of the last snapshot; null without Postgres."),
    ]


class SnapshotJson(TypedDict):
    """How far Postgres is behind."""

    at: Annotated[Moment | None, Field(description="What was acknowledged before it is in Postgres.")]
    lag_seconds: float | None


class GapSumsJson(TypedDict):
    """Times in which this installation was blind, which count in nobody's uptime."""

    known: Annotated[int, Field(description="Of the last 100 days, where most are.")]
    last_from: Moment | None
    last_to: Moment | None
    moving: Annotated[bool, Field(description="Whether deadlines are still being moved because of one.")]


class AdminStatsJson(TypedDict):
    """How the installation does. What is told of jobs is null while their queue is away."""

    broker_status: Annotated[Literal["ok", "away"], Field(description="Of the job queue's Redis.")]
    workers_online: Annotated[int, Field(description="Workers that take jobs; a silent or stuck one is not.")]
    total_queued: Annotated[int | None, Field(description="Jobs that wait for a worker.")]
    total_active: Annotated[int | None, Field(description="Jobs that are being worked on.")]
    total_reserved: Annotated[
        int | None, Field(description="Jobs that a worker has taken and not yet begun.")
    ]
    total_failed: Annotated[int | None, Field(description="Jobs that broke off.")]
    as_of: Annotated[Moment, Field(description="When this was counted.")]
    accounts: int
    checks: CheckSumsJson
    channels: int
    status_pages: int
    deliveries: DeliverySumsJson
    clock: Annotated[Literal["ok", "silent"], Field(description="Whether overdue checks are looked for.")]
    postgres: Literal["ok", "away", "refused", "off"]
    snapshot: SnapshotJson | None
    gaps: GapSumsJson
    version: str
    uptime_seconds: Annotated[int, Field(description="Of the web process that answers.")]


@operation("The installation in numbers", tag="Admin", answers={200: AdminStatsJson}, admin=True)
async def show() -> Response:
    """What there is in all accounts and how its parts do. Counted anew at most every 4 s, more seldom where there are
    many accounts; `as_of` says when.
    """
    await admin_caller()
    counted = installation()
    figures, now = await counted.figures(), now_ms()
    workers = judge(await read_processes(current.store()), now).workers_online
    answer = jsonify(stats(figures, workers=workers, now=now, started_at=counted.started_at))
    answer.headers["Cache-Control"] = "no-store"
    return answer


def stats(figures: Figures, *, workers: int, now: int, started_at: int) -> AdminStatsJson:
    """The figures as JSON."""
    sums, jobs, watch, archive = figures.sums, figures.jobs, figures.watch, figures.archive
    return {
        "broker_status": "ok" if jobs else "away",
        "workers_online": workers,
        "total_queued": jobs.waiting if jobs else None,
        "total_active": jobs.started if jobs else None,
        "total_reserved": jobs.taken if jobs else None,
        "total_failed": jobs.failed if jobs else None,
        "as_of": iso(figures.at),
        "accounts": sums.accounts,
        "checks": {
            "total": sums.checks,
            "up": sums.up,
            "down": sums.down,
            "new": sums.new,
            "paused": sums.paused,
            "late": sums.late,
            "running": sums.running,
        },
        "channels": sums.channels,
        "status_pages": sums.status_pages,
        "deliveries": {
            "waiting": sums.alerts_waiting,
            "addresses": figures.addresses,
            "failed": figures.failed,
        },
        "clock": "silent" if figures.clock_is_silent else "ok",
        "postgres": archive.state if archive else "off",
        "snapshot": _snapshot(archive, figures.at) if archive else None,
        "gaps": {
            "known": watch.gaps,
            "last_from": iso(watch.gap[0]) if watch.gap else None,
            "last_to": iso(watch.gap[1]) if watch.gap else None,
            "moving": watch.moving,
        },
        "version": __version__,
        "uptime_seconds": (now - started_at) // 1_000,
    }


def _snapshot(archive: ArchiveState, at: int) -> SnapshotJson:
    saved = archive.saved_at
    return {
        "at": iso(saved) if saved else None,
        "lag_seconds": round((at - saved) / 1_000, 1) if saved else None,
    }
