"""/api/v1/checks: list, create, show, replace, change, delete."""

from quart import Response, request

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import body_bytes, one, private
from ttr.api.check_json import CheckJson
from ttr.api.check_page import PageJson, check_page
from ttr.api.check_query import CheckQuery, parse_query
from ttr.api.describe import operation
from ttr.api.etag import account_tag, tagged, unchanged
from ttr.domain.check import CheckSettings
from ttr.domain.check_input import CheckInput, CheckPatch, parse_check_json, patch_check_json
from ttr.domain.check_schema import EXAMPLES
from ttr.now import now_ms
from ttr.store.checks import create_check, delete_check, get_check, update_check


@operation("List checks", tag="Checks", query=CheckQuery, answers={200: PageJson, 304: None})
async def index() -> Response:
    """A page of checks with cursors to the next and the previous one. Cursors stay right while checks change:
    a page begins where the one before it ended, even when the check at that edge has moved or is gone.
    """
    user, now = await caller(), now_ms()
    asked = parse_query(request.args)
    tag = await account_tag(user, now=now)
    return unchanged(tag) or tagged(private(await check_page(user, asked, now=now)), tag)


@operation(
    "Create a check",
    tag="Checks",
    body=CheckInput,
    examples=EXAMPLES,
    answers={201: CheckJson},
    refusals=(409,),
)
async def create() -> Response:
    """A new check, armed from now. 409 when another check has the slug, or the account has as many as it may."""
    user = await caller()
    settings = parse_check_json(await body_bytes(), now=now_ms())
    check = await create_check(
        current.store(), user, settings, now=now_ms(), most=current.settings().checks_per_account
    )
    return await one(user, check, 201)


@operation("Show a check", tag="Checks", answers={200: CheckJson, 304: None})
async def show(check: str) -> Response:
    """One check, by number, UUID or slug."""
    user = await caller()
    tag = await account_tag(user, now=now_ms())
    found = await get_check(current.store(), user, check)
    return unchanged(tag) or tagged(await one(user, found), tag)


@operation(
    "Replace a check",
    tag="Checks",
    body=CheckInput,
    examples=EXAMPLES,
    answers={200: CheckJson},
    refusals=(409,),
)
async def replace(check: str) -> Response:
    """Replace a check's settings; what is omitted gets its default, but slug, tags and channels stay."""
    user = await caller()
    body = await body_bytes()

    def change(before: CheckSettings) -> CheckSettings:
        return parse_check_json(body, now=now_ms(), current=before)

    return await one(user, await update_check(current.store(), user, check, change, now=now_ms()))


@operation(
    "Change a check",
    tag="Checks",
    body=CheckPatch,
    answers={200: CheckJson},
    refusals=(409,),
    examples={
        "Another grace": {"grace_seconds": 600},
        "From interval to cron": {"schedule_type": "cron", "schedule": "0 3 * * *", "tz": "Europe/Riga"},
    },
)
async def change(check: str) -> Response:
    """Change what is sent, and nothing else; null clears what can be empty. A schedule or an interval that
    the check's schedule_type has no use for is refused unless another schedule_type is sent with it.
    """
    user = await caller()
    body = await body_bytes()

    def patch(before: CheckSettings) -> CheckSettings:
        return patch_check_json(body, now=now_ms(), current=before)

    return await one(user, await update_check(current.store(), user, check, patch, now=now_ms()))


@operation("Delete a check", tag="Checks", answers={204: None})
async def delete(check: str) -> tuple[str, int]:
    """Remove a check with everything it kept, and the channels that only it uses."""
    await delete_check(current.store(), await caller(), check)
    return "", 204
