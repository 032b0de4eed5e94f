"""/api/v1/checks/bulk: many checks in one call, as a whole or not at all."""

import asyncio

from quart import Response, current_app
from typing_extensions import TypedDict

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import body_bytes, private, render
from ttr.api.check_json import CheckJson
from ttr.api.describe import operation
from ttr.bulk import change_all, create_all, delete_all, in_turns
from ttr.domain.bulk_input import BulkChange, BulkCreate, BulkNames, read_change, read_names, read_new_checks
from ttr.domain.check import Check
from ttr.now import now_ms
from ttr.store.users import User

# Checks rendered at a time: some 3 ms in which nobody else is served.
_SLICE = 25


class ChecksJson(TypedDict):
    """Checks."""

    items: list[CheckJson]


class DeletedJson(TypedDict):
    """How many were deleted."""

    deleted: int


@operation(
    "Make many checks",
    tag="Bulk",
    body=BulkCreate,
    answers={201: ChecksJson},
    refusals=(409,),
    examples={
        "Two": {
            "checks": [
                {"name": "Shard 1", "slug": "shard-1", "interval_seconds": 3_600, "grace_seconds": 600},
                {"name": "Shard 2", "slug": "shard-2", "interval_seconds": 3_600, "grace_seconds": 600},
            ]
        }
    },
)
async def create() -> Response:
    """Up to 1,000 checks, in the order in which they are sent; if one of them is refused, none is made. Errors
    name the item and its field: `checks.3.name`.
    """
    user = await caller("bulk")
    wanted = await in_turns(read_new_checks(await body_bytes(), now=now_ms()))
    made = await create_all(current.store(), user, wanted, most=current.settings().checks_per_account)
    return await _many(user, made, 201)


@operation(
    "Change many checks",
    tag="Bulk",
    body=BulkChange,
    answers={200: ChecksJson},
    refusals=(409,),
    examples={
        "Another grace, and a tag": {
            "checks": ["billing-run", "nightly-backup"],
            "changes": {"grace_seconds": 600},
            "add_tags": ["nightly"],
        },
        "Pause": {"checks": ["nightly-backup"], "paused": True},
    },
)
async def change() -> Response:
    """The same change of up to 1,000 checks; if it can't be made to one of them, it is made to none. `changes` holds
    what `PATCH /checks/<check>` takes; `add_tags` and `remove_tags` come after it, `paused` last.
    """
    user = await caller("bulk")
    wanted = read_change(await body_bytes())
    return await _many(user, await change_all(current.store(), user, wanted), 200)


@operation(
    "Delete many checks",
    tag="Bulk",
    body=BulkNames,
    answers={200: DeletedJson},
    refusals=(409,),
    examples={"Two": {"checks": ["billing-run", "nightly-backup"]}},
)
async def delete() -> Response:
    """Delete up to 1,000 checks, unless one of them is unknown."""
    user = await caller("bulk")
    deleted = await delete_all(current.store(), user, read_names(await body_bytes()))
    return private(DeletedJson(deleted=deleted))


async def _many(user: User, checks: list[Check], status: int) -> Response:
    """The answer that shows many checks, rendered a few at a time."""
    parts = list[str]()
    for start in range(0, len(checks), _SLICE):
        shown = await render(user, checks[start : start + _SLICE])
        parts += [current_app.json.dumps(check) for check in shown]
        await asyncio.sleep(0)
    answer = Response('{"items":[' + ",".join(parts) + "]}\n", status, mimetype="application/json")
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer
