"""The way out for whoever gets a channel's mail: a link in each message turns the channel off.

Mail programs follow it by themselves when their user presses "unsubscribe" (RFC 8058): a POST without cookie or login.
"""

from quart import Response

from ttr import current
from ttr.confirmations import leads_to
from ttr.domain.links import BadLink, read_link
from ttr.now import now_ms
from ttr.store.channels import Channel, get_channel, list_channels, turn_off
from ttr.store.errors import NotFound
from ttr.store.users import User, user_by_id
from ttr.web.reply import page


async def ask(token: str) -> Response:
    """What the link leads to. It changes nothing: mail scanners open links by themselves."""
    _, channel = await _linked(token)
    allowed = channel.enabled or channel.off_reason == "unconfirmed" or channel.confirmed != ""
    return await page("links/unsubscribe.html", channel=channel, done=not allowed, token=token)


async def create(token: str) -> Response:
    """Turn the channel off and leave word of why, with every other of the account that leads to the same address; of
    one that is off only the agreement goes.
    """
    user, channel = await _linked(token)
    for other in await list_channels(current.store(), user):
        if other.id == channel.id or (other.kind, other.destination) == (channel.kind, channel.destination):
            await turn_off(current.store(), user.id, other.id, "unsubscribed", now_ms())
    return await page("links/unsubscribe.html", channel=channel, done=True, token=token)


async def _linked(token: str) -> tuple[User, Channel]:
    """The channel a link speaks of, if it still leads to whoever got the link. Raises BadLink, NotFound."""
    user_id, channel_id, address = read_link(current.settings().signing_key, "unsubscribe", token, 3)
    user = await user_by_id(current.store(), user_id)
    if user is None:
        raise NotFound("this account is gone")
    channel = await get_channel(current.store(), user, channel_id)
    if not leads_to(channel, address):
        raise BadLink("Nothing is sent to this address any more by the channel that the link is about.")
    return user, channel
