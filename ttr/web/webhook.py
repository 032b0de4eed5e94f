"""A check's own webhook, set on the check's page; the URL is a secret and is never shown again."""

from quart import Response, request

from ttr import current
from ttr.domain.check import Check
from ttr.domain.invalid import Invalid
from ttr.integrations import WebhookInput, change_webhook, webhook_change
from ttr.store.channels import Channel
from ttr.store.checks import get_check
from ttr.store.errors import QuotaReached
from ttr.store.users import User
from ttr.web.checks import own_channel, view_of
from ttr.web.reply import by_htmx, fragment, page, see
from ttr.web.security import require_user


async def update(check_id: int) -> Response:
    """Save the form: an empty URL keeps the saved one, the button "Remove the URL" clears it."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    form = await request.form
    typed = form.get("webhook_url", "").strip()
    said = "The webhook is saved."
    if form.get("action") == "remove":
        said = "The URL is removed."
        given = WebhookInput(webhook_url="", webhook_enabled=False)
    elif typed:
        given = WebhookInput(webhook_url=typed, webhook_enabled="webhook_enabled" in form)
    else:
        given = WebhookInput(webhook_enabled="webhook_enabled" in form)
    channel = await own_channel(user, check)
    try:
        if given.webhook_enabled and not typed and not (channel and channel.has_secret):
            return await _refused(user, check, channel, "Give the URL that receives the alerts.", typed)
        await change_webhook(current.store(), current.settings(), user, check, webhook_change(given))
    except Invalid as error:
        return await _refused(user, check, channel, error.errors[0].message, typed)
    except QuotaReached as error:
        return await _refused(user, check, channel, str(error), typed)
    if not by_htmx():
        return see(f"/checks/{check.id}")
    check = await get_check(current.store(), user, str(check_id))
    return await fragment(
        "checks/_webhook.html",
        check=check,
        channel=await own_channel(user, check),
        errors={},
        typed="",
        said=said,
    )


async def _refused(user: User, check: Check, channel: Channel | None, fault: str, typed: str) -> Response:
    context = {"channel": channel, "errors": {"webhook_url": fault}, "typed": typed}
    if by_htmx():
        return await fragment("checks/_webhook.html", 422, check=check, **context)
    return await page("checks/show.html", 422, **context, **await view_of(user, check))
