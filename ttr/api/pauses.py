"""Pausing and resuming a check."""

from quart import Response

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import one
from ttr.api.check_json import CheckJson
from ttr.api.describe import operation
from ttr.now import now_ms
from ttr.store.checks import get_check, pause_check, resume_check


@operation("Pause a check", tag="Checks", answers={200: CheckJson})
async def pause(check: str) -> Response:
    """Let a check only record; a paused one stays paused."""
    user = await caller()
    return await one(user, await pause_check(current.store(), user, check, now=now_ms()))


@operation("Resume a check", tag="Checks", answers={200: CheckJson})
async def resume(check: str) -> Response:
    """Arm a check from now; one that isn't paused stays as it is."""
    user = await caller()
    return await one(user, await resume_check(current.store(), user, check, now=now_ms()))


@operation("Pause or resume a check", tag="Checks", answers={200: CheckJson})
async def toggle(check: str) -> Response:
    """Pause a check that isn't paused, resume one that is."""
    user = await caller()
    found = await get_check(current.store(), user, check)
    turn = resume_check if found.paused else pause_check
    return await one(user, await turn(current.store(), user, check, now=now_ms()))
