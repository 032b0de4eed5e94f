"""Reads a request's body as bytes and answers with checks; parsing is the domain's."""

from quart import Response, jsonify, request

from ttr import current
from ttr.api.check_json import check_json
from ttr.domain.check import Check
from ttr.now import now_ms
from ttr.store.channels import read_channels
from ttr.store.users import User


async def body_bytes() -> bytes:
    """The whole body; Quart answers 413 above its limit of 1 MB."""
    data = await request.get_data(cache=False)
    return data if isinstance(data, bytes) else data.encode()


async def render(user: User, checks: list[Check]) -> list[dict[str, object]]:
    """Checks as JSON, their webhooks read in one round trip."""
    wanted = [check.own_webhook for check in checks if check.own_webhook is not None]
    channels = await read_channels(current.store(), user, wanted)
    now, base = now_ms(), current.base_url()
    return [
        check_json(check, now=now, user_slug=user.user_slug, base_url=base, channels=channels)
        for check in checks
    ]


async def one(user: User, check: Check, status: int = 200) -> Response:
    """The answer that shows one check."""
    answer = jsonify((await render(user, [check]))[0])
    answer.status_code = status
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer
