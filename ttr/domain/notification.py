"""A notification: one message to one channel, about one event or about all that waited together. Pure."""

from dataclasses import dataclass

from ttr.domain.alert import Event


@dataclass(frozen=True, slots=True)
class Notification:
    """What a kind of channel turns into its service's message.

    Fixed when it is first sent: every further attempt says the same under the same `id`.
    """

    id: str
    """The idempotency key: the delivery's id, the same on every attempt."""
    user_id: int
    channel_id: int
    channel_name: str
    events: tuple[Event, ...]
    """At least one, oldest first; a check may appear more than once (it went down and came back)."""
    others: tuple[str, ...] = ()
    """Names of other checks of the account that are down now, at most 10."""
    others_count: int = 0
    """How many other checks are down now."""
    reader: str = ""
    """The address of the person who gets it, where the channel leads to one; set when it is sent."""


def by_check(events: tuple[Event, ...]) -> list[tuple[Event, ...]]:
    """The events of each check together, in the order in which each check's first one came."""
    found: dict[tuple[int, str], list[Event]] = {}
    for event in events:
        found.setdefault((event.check_id, event.channel_name), []).append(event)
    return [tuple(group) for group in found.values()]
