"""Acknowledging a failure: somebody has seen it, so it is not reminded of again."""

from quart import Response

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import one
from ttr.api.check_json import CheckJson
from ttr.api.describe import operation
from ttr.api.errors import problem
from ttr.now import now_ms
from ttr.store.checks import acknowledge_check, get_check


@operation("Acknowledge a failure", tag="Checks", answers={200: CheckJson}, refusals=[409])
async def create(check: str) -> Response:
    """End the reminders of the failure the check is down by; 409 when there is none."""
    user = await caller()
    found = await get_check(current.store(), user, check)
    if not await acknowledge_check(current.store(), user, str(found.id), now=now_ms()):
        return problem(409, "This check is not down, so there is nothing to acknowledge.")
    return await one(user, await get_check(current.store(), user, str(found.id)))
