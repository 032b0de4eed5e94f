"""A test message over the API: what the service said, or that our own rate control lets none leave yet."""

import math

from quart import Response

from ttr import current
from ttr.api.body import private
from ttr.api.errors import problem
from ttr.domain.check import Check
from ttr.immediate import Answer
from ttr.integrations import test_now, test_queued
from ttr.store.channels import Channel
from ttr.store.users import User


async def trial(
    user: User, channel: Channel, check: Check | None
) -> tuple[dict[str, object], Response | None]:
    """The test's part of the answer; or a 429 with Retry-After, and then nothing was sent. Raises Invalid."""
    tested = await test_now(current.store(), current.settings(), current.means(), user, channel, check)
    if tested.retry_after_seconds is not None:
        return {}, refused(tested)
    return {
        "delivered": tested.delivered,
        "detail": tested.detail,
        "status": tested.status,
        "seconds": tested.seconds,
    }, None


async def queued_trial(user: User, channel: Channel, check: Check | None) -> Response:
    """A test on the way that alerts take: 202, or a 429. Raises Invalid."""
    wait = await test_queued(current.store(), current.settings(), user, channel, check)
    if wait is not None:
        return refused(wait)
    return private({"message": "The test waits in the queue; the list of deliveries will show it."}, 202)


def refused(answer: Answer) -> Response:
    """429 with Retry-After, when our own rate control lets none leave."""
    refusal = problem(429, answer.detail)
    refusal.headers["Retry-After"] = str(max(1, math.ceil(answer.retry_after_seconds or 0)))
    return refusal
