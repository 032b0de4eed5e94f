"""/api/v1/checks/stats: the account's checks in numbers."""

from typing import Annotated

from pydantic import Field
from quart import Response
from typing_extensions import TypedDict

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import private
from ttr.api.describe import operation
from ttr.api.etag import account_tag, tagged, unchanged
from ttr.now import now_ms
from ttr.store.check_list import check_counts
from ttr.store.users import User


class CheckStats(TypedDict):
    """An account's checks in numbers; the four statuses add up to `total_checks`."""

    total_checks: int
    up_count: int
    down_count: int
    new_count: int
    paused_count: Annotated[int, Field(description="Paused checks are in no other status.")]
    late_count: Annotated[int, Field(description="Past due and inside their grace; up or new.")]
    running_count: Annotated[int, Field(description="With a run that has started and not ended.")]
    overdue_count: Annotated[int, Field(description="The same as late_count.")]
    active_count: Annotated[int, Field(description="All that are not paused.")]
    tags_count: int
    avg_interval_seconds: Annotated[
        float | None, Field(description="Of the checks with an interval; null when there are none.")
    ]
    avg_duration_seconds: Annotated[
        float | None, Field(description="Of each check's last run that was timed; null when there is none.")
    ]
    user_queued_notifications: Annotated[int, Field(description="Events that wait for a channel.")]


@operation("Checks in numbers", tag="Checks", answers={200: CheckStats, 304: None})
async def show() -> Response:
    """How many checks there are in which status, and what they have on average."""
    user, now = await caller(), now_ms()
    tag = await account_tag(user, now=now)
    return unchanged(tag) or tagged(private(await check_stats(user, now=now)), tag)


async def check_stats(user: User, *, now: int) -> CheckStats:
    """The numbers at `now` (ms)."""
    counts = await check_counts(current.store(), user, now=now)
    return {
        "total_checks": counts.total,
        "up_count": counts.up,
        "down_count": counts.down,
        "new_count": counts.new,
        "paused_count": counts.paused,
        "late_count": counts.late,
        "running_count": counts.running,
        "overdue_count": counts.late,
        "active_count": counts.total - counts.paused,
        "tags_count": counts.tags,
        "avg_interval_seconds": counts.mean_interval_seconds,
        "avg_duration_seconds": counts.mean_duration_seconds,
        "user_queued_notifications": counts.queued,
    }
