"""How fast messages may leave for a channel at the moment: one line that polls while its tab is seen."""

from quart import Response, request

from ttr import current
from ttr.integrations import rate_of
from ttr.store.channels import get_channel
from ttr.web.live import digest
from ttr.web.reply import fragment, nothing_new
from ttr.web.security import require_user


async def show(channel_id: int) -> Response:
    """The line; 204 when the browser shows it already."""
    user = await require_user()
    channel = await get_channel(current.store(), user, channel_id)
    rate = await rate_of(current.store(), current.settings(), channel)
    shown = digest(rate)
    if request.args.get("shown") == shown:
        return nothing_new()
    return await fragment("integrations/_rate.html", channel=channel, rate=rate, shown=shown)
