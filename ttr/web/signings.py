"""The secret that signs a channel's messages: replaced by a new one, which is shown once."""

from quart import Response

from ttr import current
from ttr.signing_secrets import rotate_signing
from ttr.store.channels import get_channel
from ttr.web.channels import signing_page
from ttr.web.reply import way_back
from ttr.web.security import require_user


async def create(channel_id: int) -> Response:
    """A new signing secret; the one before it stays valid for a day."""
    user = await require_user()
    channel = await get_channel(current.store(), user, channel_id)
    secret = await rotate_signing(current.store(), current.settings(), user, channel)
    return await signing_page(channel, secret, await way_back(f"/channels/{channel.id}"), new=False)
