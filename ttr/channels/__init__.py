"""The kinds of notification, one module each; a new kind is a module here, its template and its test.

Its name in `_ALL` below registers it.
"""

from ttr.channels import webhook
from ttr.channels.kind import ChannelError, Kind

__all__ = ["KINDS", "ChannelError", "Kind"]

_ALL: tuple[Kind, ...] = (webhook,)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
