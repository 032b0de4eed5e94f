"""The way in for whoever gets a channel's mail: the link of the question whether alerts may go to an address."""

from quart import Response

from ttr import current
from ttr.confirmations import State, agree, shown_address, state_of
from ttr.domain.links import read_link
from ttr.store.channels import Channel, get_channel
from ttr.store.errors import NotFound
from ttr.store.users import User, user_by_id
from ttr.web.reply import page


async def ask(token: str) -> Response:
    """What the question's link leads to. It changes nothing: mail scanners open links by themselves."""
    _, channel, number = await _linked(token)
    return await _page(token, channel, state_of(channel, number))


async def create(token: str) -> Response:
    """The button of that page; whoever has the link may press it, logged in or not, once or again."""
    user, channel, number = await _linked(token)
    return await _page(token, channel, await agree(current.store(), user, channel, number))


async def _page(token: str, channel: Channel, state: State) -> Response:
    """Without a word of the channel's owner, who may be anybody."""
    address, host = shown_address(channel), current.means().links.host
    return await page("links/confirm.html", token=token, state=state, address=address, host=host)


async def _linked(token: str) -> tuple[User, Channel, int]:
    """The channel a link speaks of, and the number of the address that was asked. Raises BadLink, NotFound."""
    user_id, channel_id, number = read_link(current.settings().signing_key, "confirm", token, 3)
    user = await user_by_id(current.store(), user_id)
    if user is None:
        raise NotFound("this account is gone")
    return user, await get_channel(current.store(), user, channel_id), number
