"""What every kind of channel offers; a module of this package with these names is one."""

from collections.abc import Mapping
from typing import Protocol

import aiohttp

from ttr.channels.delivery import Outcome
from ttr.domain.alert import Event


class ChannelError(Exception):
    """Settings that can't be saved: `sentence` for their owner (no secret in it), `field` it belongs to."""

    def __init__(self, sentence: str, field: str) -> None:
        self.sentence = sentence
        self.field = field
        super().__init__(sentence)


class Kind(Protocol):
    """One kind of channel."""

    name: str
    """As stored and in URLs, e.g. "webhook"; also its template, `templates/channels/<name>.html`."""
    label: str
    """As people read it, e.g. "Webhook"."""
    secret_field: str
    """The setting that `parse` turns into the secret; "" when the kind has none."""

    def parse(self, settings: Mapping[str, object]) -> tuple[dict[str, str], str | None]:
        """The settings as stored in the open, and the secret to encrypt. Raises ChannelError.

        Judges form only and looks nothing up; keys that it doesn't know are ignored.
        """
        ...

    async def send(
        self,
        event: Event,
        settings: Mapping[str, str],
        secret: str | None,
        *,
        delivery_id: str,
        now: int,
        session: aiohttp.ClientSession,
    ) -> Outcome:
        """One attempt at `now` (milliseconds UTC) through a session of `open_session`; never raises for the
        other side's doings. `delivery_id` is the same on every attempt of one delivery.
        """
        ...
