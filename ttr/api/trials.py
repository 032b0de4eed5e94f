"""A test message over the API: what the service said, or that our own rate control lets none leave yet."""

import math
from typing import Annotated

from pydantic import Field
from quart import Response
from typing_extensions import TypedDict

from ttr import current
from ttr.api import limits
from ttr.api.body import private
from ttr.api.errors import problem
from ttr.domain.check import Check
from ttr.immediate import Answer
from ttr.integrations import test_now, test_queued
from ttr.store.channels import Channel
from ttr.store.users import User


class TrialJson(TypedDict):
    """What became of a test message."""

    delivered: bool
    detail: Annotated[str, Field(description="What the service said.", examples=["HTTP 200"])]
    status: Annotated[int | None, Field(description="Its HTTP or SMTP status, if there was one.")]
    seconds: Annotated[float, Field(description="How long it took.")]


class QueuedJson(TypedDict):
    """A test that waits in the queue."""

    message: str


async def trial(
    user: User, channel: Channel, check: Check | None
) -> tuple[TrialJson | None, Response | None]:
    """The test's part of the answer; or a 429 with Retry-After, and then nothing was sent. Raises Invalid, TooMany."""
    await _spend(user)
    tested = await test_now(current.store(), current.settings(), current.means(), user, channel, check)
    if tested.retry_after_seconds is not None:
        return None, refused(tested)
    return {
        "delivered": tested.delivered,
        "detail": tested.detail,
        "status": tested.status,
        "seconds": tested.seconds,
    }, None


async def queued_trial(user: User, channel: Channel, check: Check | None) -> Response:
    """A test on the way that alerts take: 202. Raises Invalid, TooMany."""
    await _spend(user)
    await test_queued(current.store(), current.settings(), user, channel, check)
    queued: QueuedJson = {"message": "The test waits in the queue; the list of deliveries will show it."}
    return private(queued, 202)


async def _spend(user: User) -> None:
    # Anybody can make an account, and with tests without a limit turn us against anybody's server.
    await limits.spend("test", user.id)


def refused(answer: Answer) -> Response:
    """429 with Retry-After, when our own rate control lets none leave."""
    refusal = problem(429, answer.detail)
    refusal.headers["Retry-After"] = str(max(1, math.ceil(answer.retry_after_seconds or 0)))
    return refusal
