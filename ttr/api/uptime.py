"""How long a check was up: in the last hours and days, and day by day."""

import asyncio
from typing import Annotated, NotRequired

from pydantic import BaseModel, Field
from quart import Response, request
from typing_extensions import TypedDict

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import private
from ttr.api.describe import operation
from ttr.api.history_json import HistoryJson
from ttr.domain.invalid import parse_form
from ttr.domain.moments import iso
from ttr.domain.uptime import DAY_MS, DAYS, YEAR, Spent, uptime
from ttr.history import Reach, read_year
from ttr.now import now_ms
from ttr.store.checks import get_check
from ttr.store.flips import read_history


class UptimeQuery(BaseModel):
    """The query of the uptime."""

    days: int = Field(
        DAYS,
        ge=1,
        le=365,
        description="UTC days one by one. More than 90 bring the window of a year as well.",
    )


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
    "WindowsJson",
    {
        "24h": SpentJson,
        "7d": SpentJson,
        "30d": SpentJson,
        "90d": SpentJson,
        "365d": NotRequired[Annotated[SpentJson, Field(description="With more than 90 `days`.")]],
    },
)
WindowsJson.__doc__ = "Windows that end now; a check younger than one counts from when it was made."


class UptimeJson(TypedDict):
    """A check's uptime."""

    uptime: WindowsJson
    days: Annotated[
        list[DayJson], Field(min_length=1, max_length=365, description="UTC days, the last one is today.")
    ]
    history: HistoryJson


@operation("Show uptime", tag="History", query=UptimeQuery, answers={200: UptimeJson})
async def show(check: str) -> Response:
    """How long it was up in the last 24 hours, 7, 30 and 90 days, also in the last year, and on each of the last UTC
    days."""
    user = await caller()
    query = parse_form(UptimeQuery, request.args)
    found = await get_check(current.store(), user, check)
    reach: Reach
    now, store, archive = now_ms(), current.store(), current.archive()
    if query.days > DAYS:
        history, reach = await read_year(store, archive, found, now)
        figures = await asyncio.to_thread(uptime, history, now, YEAR, query.days)
    else:
        reach = "complete" if archive else "off"
        figures = uptime(await read_history(store, found), now, days_shown=query.days)
    shown: WindowsJson = {
        "24h": spent_json(figures.windows["24h"]),
        "7d": spent_json(figures.windows["7d"]),
        "30d": spent_json(figures.windows["30d"]),
        "90d": spent_json(figures.windows["90d"]),
    }
    if "365d" in figures.windows:
        shown["365d"] = spent_json(figures.windows["365d"])
    answer: UptimeJson = {
        "uptime": shown,
        "days": [{"date": iso(day * DAY_MS)[:10], **spent_json(spent)} for day, spent in figures.days],
        "history": reach,
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
