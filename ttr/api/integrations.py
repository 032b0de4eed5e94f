"""PUT /api/v1/checks/<check>/webhook: the check's own webhook. Its URL is a secret and is never shown."""

from quart import Response

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import body_bytes, one
from ttr.domain.invalid import parse_json
from ttr.integrations import WebhookInput, change_webhook, webhook_change
from ttr.store.checks import get_check


async def webhook(check: str) -> Response:
    """Change what is sent; null or "" clears the URL."""
    user = await caller()
    change = webhook_change(parse_json(WebhookInput, await body_bytes()))
    found = await get_check(current.store(), user, check)
    await change_webhook(current.store(), current.settings(), user, found, change)
    return await one(user, await get_check(current.store(), user, str(found.id)))
