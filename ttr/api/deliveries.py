"""The delivery log: what was sent to which channel, attempt by attempt, and sending again what was given up."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field
from quart import Response, request
from typing_extensions import TypedDict

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import private
from ttr.api.describe import Moment, operation
from ttr.channels.wording import sentence
from ttr.domain.alert import Event, EventKind
from ttr.domain.invalid import parse_form
from ttr.domain.moments import iso
from ttr.now import now_ms
from ttr.store.checks import get_check
from ttr.store.deliveries import Attempt, Delivery, State, get_delivery, read_deliveries
from ttr.store.deliveries import resend as send_again
from ttr.store.users import User


class DeliveriesQuery(BaseModel):
    """The query of the log; an account keeps its last 500 deliveries, a check its last 50."""

    size: int = Field(25, ge=1, le=100)
    offset: int = Field(0, ge=0, le=500)


class EventJson(TypedDict):
    """Something that happened, which a message tells of."""

    id: str
    kind: EventKind
    check_id: int | None
    check_name: str | None
    timestamp: Moment
    reason: str | None
    reason_detail: str | None
    message: Annotated[str, Field(description="The event as a sentence.")]


class AttemptJson(TypedDict):
    """One attempt to send a message."""

    timestamp: Moment
    outcome: Literal["delivered", "failed"]
    reason: str | None
    status: Annotated[int | None, Field(description="What the service answered, if it did.")]
    latency_seconds: float
    detail: str
    next_attempt: Moment | None


class DeliveryJson(TypedDict):
    """One message to one channel; of its events the first 20."""

    id: str
    channel_id: int
    channels: Annotated[
        list[int], Field(description="All channels that it serves; they lead to the same place.")
    ]
    channel_name: str
    channel_kind: str
    state: State
    created_at: Moment
    next_attempt: Moment | None
    count: Annotated[int, Field(description="How many events it tells of.")]
    events: list[EventJson]
    attempts: list[AttemptJson]


class DeliveriesJson(TypedDict):
    """A part of the log, newest first."""

    items: list[DeliveryJson]
    total: Annotated[int, Field(description="How many are kept.")]
    size: int
    offset: int


@operation(
    "List deliveries",
    tag="Deliveries",
    query=DeliveriesQuery,
    answers={200: DeliveriesJson},
)
async def index() -> Response:
    """The account's deliveries, newest first."""
    return await _listed(await caller(), None)


@operation(
    "List a check's deliveries", tag="Deliveries", query=DeliveriesQuery, answers={200: DeliveriesJson}
)
async def of_check(check: str) -> Response:
    """The deliveries that tell of a check, newest first."""
    user = await caller()
    return await _listed(user, (await get_check(current.store(), user, check)).id)


@operation("Show a delivery", tag="Deliveries", answers={200: DeliveryJson})
async def show(delivery: str) -> Response:
    """One delivery."""
    return private(delivery_json(await get_delivery(current.store(), await caller(), delivery)))


@operation("Send again", tag="Deliveries", answers={202: DeliveryJson}, refusals=[409])
async def resend(delivery: str) -> Response:
    """Queue once more a delivery that was given up; 202."""
    user = await caller()
    await send_again(current.store(), user, delivery, now=now_ms())
    return private(delivery_json(await get_delivery(current.store(), user, delivery)), 202)


def delivery_json(delivery: Delivery) -> DeliveryJson:
    """A delivery as the API shows it; of its events the first 20."""
    return {
        "id": delivery.id,
        "channel_id": delivery.channel_id,
        "channels": list(delivery.channels),
        "channel_name": delivery.channel_name,
        "channel_kind": delivery.channel_kind,
        "state": delivery.state,
        "created_at": iso(delivery.created_at),
        "next_attempt": iso(delivery.again_at),
        "count": delivery.count,
        "events": [_event_json(event) for event in delivery.events],
        "attempts": [_attempt_json(attempt) for attempt in delivery.attempts],
    }


async def _listed(user: User, check_id: int | None) -> Response:
    query = parse_form(DeliveriesQuery, request.args)
    found, total = await read_deliveries(
        current.store(), user, check_id=check_id, size=query.size, offset=query.offset
    )
    listed: DeliveriesJson = {
        "items": [delivery_json(delivery) for delivery in found],
        "total": total,
        "size": query.size,
        "offset": query.offset,
    }
    return private(listed)


def _event_json(event: Event) -> EventJson:
    return {
        "id": event.id,
        "kind": event.kind,
        "check_id": event.check_id or None,
        "check_name": event.check_name or None,
        "timestamp": iso(event.at),
        "reason": event.reason or None,
        "reason_detail": event.reason_detail or None,
        "message": sentence(event),
    }


def _attempt_json(attempt: Attempt) -> AttemptJson:
    return {
        "timestamp": iso(attempt.at),
        "outcome": attempt.outcome,
        "reason": attempt.reason or None,
        "status": attempt.status,
        "latency_seconds": attempt.latency_ms / 1000,
        "detail": attempt.detail,
        "next_attempt": iso(attempt.again_at),
    }
