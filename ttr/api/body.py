"""Reads a request's body as bytes and answers with checks; parsing is the domain's."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict
from quart import Response, jsonify, request

from ttr import current
from ttr.api.check_json import CheckJson, check_json
from ttr.domain.check import Check
from ttr.domain.invalid import parse_json
from ttr.now import now_ms
from ttr.store.channels import own_channels
from ttr.store.users import User


class _Fields(BaseModel):
    """Any JSON object; who takes it judges each value."""

    model_config = ConfigDict(extra="allow")


async def body_bytes() -> bytes:
    """The whole body; Quart answers 413 above its limit of 1 MB."""
    data = await request.get_data(cache=False)
    return data if isinstance(data, bytes) else data.encode()


async def body_fields() -> dict[str, object]:
    """The body's JSON object, its values unjudged. Raises Invalid."""
    return dict(parse_json(_Fields, await body_bytes()).model_extra or {})


async def render(user: User, checks: list[Check]) -> list[CheckJson]:
    """Checks as JSON, their own channels read in one round trip."""
    channels = await own_channels(current.store(), user, checks)
    now, base = now_ms(), current.base_url()
    return [
        check_json(check, now=now, user_slug=user.user_slug, base_url=base, channels=channels)
        for check in checks
    ]


async def one(
    user: User, check: Check, status: int = 200, more: Mapping[str, object] | None = None
) -> Response:
    """The answer that shows one check, with `more` beside its fields."""
    return private({**(await render(user, [check]))[0], **(more or {})}, status)


def private(answer: object, status: int = 200) -> Response:
    """`answer` as JSON for its owner alone: no cache between us may keep it."""
    response = jsonify(answer)
    response.status_code = status
    response.headers["Cache-Control"] = "private, no-cache"
    return response
