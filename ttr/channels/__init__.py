"""The kinds of notification. A new kind is a module here, its name in `_ALL`, and its text in
`templates/channels/`.
"""

from ttr.channels import discord, email, slack, telegram, webhook
from ttr.channels.kind import ChannelError, Kind

__all__ = ["KINDS", "ChannelError", "Kind"]

_ALL: tuple[Kind, ...] = (telegram, slack, discord, email, webhook)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
