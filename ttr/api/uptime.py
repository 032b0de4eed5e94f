"""How long a check was up: in the last hours and days, and on each of the last 90 days."""

from typing import Annotated

from pydantic import Field
from quart import Response
from typing_extensions import TypedDict

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import private
from ttr.api.describe import operation
from ttr.domain.moments import iso
from ttr.domain.uptime import DAY_MS, Spent, uptime
from ttr.now import now_ms
from ttr.store.checks import get_check
from ttr.store.flips import read_history


class SpentJson(TypedDict):
    """How long it was in each status."""

    ratio: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            description="Up divided by up and down together; null when it was neither. Other time is left out.",
            examples=[0.9993],
        ),
    ]
    up_seconds: Annotated[float, Field(ge=0)]
    down_seconds: Annotated[float, Field(ge=0)]
    paused_seconds: Annotated[float, Field(ge=0)]
    new_seconds: Annotated[float, Field(ge=0)]
    blind_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="We did not watch: our own outage. Counts as none of the others, but for pauses.",
        ),
    ]


class DayJson(SpentJson):
    """One UTC day; today counts up to now."""

    date: Annotated[str, Field(json_schema_extra={"format": "date"}, examples=["2026-11-22"])]


# Written as a call because its fields are no names in Python.
WindowsJson = TypedDict(
    "WindowsJson", {"24h": SpentJson, "7d": SpentJson, "30d": SpentJson, "90d": SpentJson}
)
WindowsJson.__doc__ = "Windows that end now; a check younger than one counts from when it was made."


class UptimeJson(TypedDict):
    """A check's uptime."""

    uptime: WindowsJson
    days: Annotated[
        list[DayJson], Field(min_length=90, max_length=90, description="90 UTC days, the last one is today.")
    ]


@operation("Show uptime", tag="History", answers={200: UptimeJson})
async def show(check: str) -> Response:
    """How long it was up in the last 24 hours, 7, 30 and 90 days, and on each of the last 90 UTC days."""
    user = await caller()
    found = await get_check(current.store(), user, check)
    figures = uptime(await read_history(current.store(), found), now_ms())
    windows = figures.windows
    answer: UptimeJson = {
        "uptime": {
            "24h": spent_json(windows["24h"]),
            "7d": spent_json(windows["7d"]),
            "30d": spent_json(windows["30d"]),
            "90d": spent_json(windows["90d"]),
        },
        "days": [{"date": iso(day * DAY_MS)[:10], **spent_json(spent)} for day, spent in figures.days],
    }
    return private(answer)


def spent_json(spent: Spent) -> SpentJson:
    """Seconds in each status as the API shows them."""
    return {
        "ratio": spent.ratio,
        "up_seconds": spent.up / 1000,
        "down_seconds": spent.down / 1000,
        "paused_seconds": spent.paused / 1000,
        "new_seconds": spent.new / 1000,
        "blind_seconds": spent.blind / 1000,
    }
