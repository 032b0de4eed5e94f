"""A test message over the API: what the service said, or that our own rate control lets none leave yet."""

import math

from quart import Response

from ttr import current
from ttr.api.errors import problem
from ttr.domain.check import Check
from ttr.integrations import test_now
from ttr.store.channels import Channel
from ttr.store.users import User


async def trial(
    user: User, channel: Channel, check: Check | None
) -> tuple[dict[str, object], Response | None]:
    """The test's part of the answer; or a 429 with Retry-After, and then nothing was sent. Raises Invalid."""
    tested = await test_now(current.store(), current.settings(), current.means(), user, channel, check)
    if tested.retry_after_seconds is not None:
        refusal = problem(429, tested.detail)
        refusal.headers["Retry-After"] = str(max(1, math.ceil(tested.retry_after_seconds)))
        return {}, refusal
    return {
        "delivered": tested.delivered,
        "detail": tested.detail,
        "status": tested.status,
        "seconds": tested.seconds,
    }, None
