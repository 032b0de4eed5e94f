"""GET /api/v1/metrics/summary: the installation in a few figures, for everybody or for admins alone."""

import hashlib
import json
from typing import Annotated, cast

from pydantic import Field
from quart import Response, current_app, jsonify
from typing_extensions import TypedDict

from ttr import __version__, current
from ttr.address_limit import AddressLimit
from ttr.api.admin_auth import admin_caller
from ttr.api.describe import operation
from ttr.api.etag import tagged, unchanged
from ttr.domain.summary import Colour, Part, Summary
from ttr.now import now_ms
from ttr.store.errors import TooMany
from ttr.summary import summaries

_EXTENSION = "ttr_summary_limit"
_ZONE = "public-address"

_Seconds = Annotated[
    float | None,
    Field(description="Seconds, of the last five minutes; null when nothing was measured.", examples=[0.004]),
]


class HealthJson(TypedDict):
    """The averages as colours: yellow and red above limits of each, unknown where there is none."""

    api_latency: Colour
    db_latency: Colour
    redis_latency: Colour
    queue_latency: Colour
    ping_latency: Colour


class MetricsSummaryJson(TypedDict):
    """How the installation does."""

    total_checks: int
    total_users: Annotated[int, Field(description="Accounts.")]
    total_notifications_sent: Annotated[
        int, Field(description="Messages that a service took, since the Redis was empty.")
    ]
    average_api_latency_seconds: _Seconds
    average_db_latency_seconds: _Seconds
    average_redis_latency_seconds: _Seconds
    average_queue_latency_seconds: _Seconds
    average_ping_process_time_seconds: _Seconds
    queue_depth: Annotated[
        int | None, Field(description="Jobs that wait for a worker; null while the queue's Redis is away.")
    ]
    workers_online: Annotated[int, Field(description="Workers that take jobs; a silent or stuck one is not.")]
    health: HealthJson


@operation(
    "The installation in a few figures",
    tag="Admin",
    answers={200: MetricsSummaryJson, 304: None},
    refusals=(401,),
    public=True,
    admin=True,
)
async def show() -> Response:
    """What there is, how long things have taken within the last five minutes, and whether that is well. Read anew at
    most every 5 s. It needs no key, unless the operator has closed it (`METRICS_SUMMARY=admin`): then an admin's
    token.
    """
    if current.settings().metrics_summary == "admin":
        await admin_caller()
    elif refused := _limit().refuse(current.address(), now_ms()):
        raise TooMany(refused)
    found = summary_json(await summaries().latest())
    seen = json.dumps([__version__, found], sort_keys=True)
    tag = f'W/"{hashlib.sha256(seen.encode()).hexdigest()[:32]}"'
    return unchanged(tag) or tagged(jsonify(found), tag)


def summary_json(found: Summary) -> MetricsSummaryJson:
    """The summary as JSON."""
    return {
        "total_checks": found.checks,
        "total_users": found.users,
        "total_notifications_sent": found.sent,
        "average_api_latency_seconds": _seconds(found, "api"),
        "average_db_latency_seconds": _seconds(found, "db"),
        "average_redis_latency_seconds": _seconds(found, "redis"),
        "average_queue_latency_seconds": _seconds(found, "queue"),
        "average_ping_process_time_seconds": _seconds(found, "ping"),
        "queue_depth": found.queue_depth,
        "workers_online": found.workers,
        "health": {
            "api_latency": found.colour("api"),
            "db_latency": found.colour("db"),
            "redis_latency": found.colour("redis"),
            "queue_latency": found.colour("queue"),
            "ping_latency": found.colour("ping"),
        },
    }


def _seconds(found: Summary, part: Part) -> float | None:
    average = found.averages[part]
    return None if average is None else round(average, 6)


def _limit() -> AddressLimit:
    """In this process: a crowd that looks at it must not reach Redis."""
    extensions = current_app.extensions
    if _EXTENSION not in extensions:
        extensions[_EXTENSION] = AddressLimit(current.settings().limit(_ZONE))
    return cast(AddressLimit, extensions[_EXTENSION])
