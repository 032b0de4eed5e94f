"""How fast messages may leave for a channel at the moment: one line that follows the stream."""

from quart import Response, request

from ttr import current
from ttr.integrations import rate_of
from ttr.store.channels import get_channel
from ttr.store.errors import NotFound
from ttr.web.live import digest
from ttr.web.reply import by_htmx, fragment, nothing_new
from ttr.web.security import require_user


async def show(channel_id: int) -> Response:
    """The line; 204 when the browser shows it already, and when the channel went while its page was open."""
    user = await require_user()
    try:
        channel = await get_channel(current.store(), user, channel_id)
    except NotFound:
        # Who deletes it here is on the way to another page, and hears of the change before.
        if by_htmx():
            return nothing_new()
        raise
    rate = await rate_of(current.store(), current.settings(), channel)
    shown = digest(rate)
    if request.args.get("shown") == shown:
        return nothing_new()
    return await fragment("integrations/_rate.html", channel=channel, rate=rate, shown=shown)
