"""The way out for whoever gets a channel's mail: a link in each message turns the channel off.

Mail programs follow it by themselves when their user presses "unsubscribe" (RFC 8058): a POST without cookie or login.
"""

from quart import Response

from ttr import current
from ttr.domain.links import read_link
from ttr.now import now_ms
from ttr.store.channels import Channel, get_channel, turn_off
from ttr.store.errors import NotFound
from ttr.store.users import User, user_by_id
from ttr.web.reply import page


async def ask(token: str) -> Response:
    """What the link leads to. It changes nothing: mail scanners open links by themselves."""
    _, channel = await _linked(token)
    return await page("links/unsubscribe.html", channel=channel, done=not channel.enabled, token=token)


async def create(token: str) -> Response:
    """Turn the channel off and leave word of why; one that is off stays as it is."""
    user, channel = await _linked(token)
    if channel.enabled:
        await turn_off(current.store(), user.id, channel.id, "unsubscribed", now_ms())
    return await page("links/unsubscribe.html", channel=channel, done=True, token=token)


async def _linked(token: str) -> tuple[User, Channel]:
    """The channel a link speaks of. Raises BadLink, NotFound."""
    user_id, channel_id = read_link(current.settings().signing_key, "unsubscribe", token, 2)
    user = await user_by_id(current.store(), user_id)
    if user is None:
        raise NotFound("this account is gone")
    return user, await get_channel(current.store(), user, channel_id)
