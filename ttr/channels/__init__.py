"""The kinds of notification, one module each; a new kind is a module here, its template and its test.

Its name in `_ALL` below registers it.
"""

from ttr.channels import discord, email, slack, telegram, webhook
from ttr.channels.kind import ChannelError, Kind

__all__ = ["KINDS", "ChannelError", "Kind"]

_ALL: tuple[Kind, ...] = (telegram, slack, discord, email, webhook)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
