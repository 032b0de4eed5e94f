"""What the pages say about channels, rates and deliveries. Pure."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from ttr.channels import KINDS
from ttr.channels.wording import sentence
from ttr.confirmations import why_off
from ttr.domain.alert import Event
from ttr.domain.notification import by_check
from ttr.store.channels import Channel
from ttr.store.deliveries import Delivery

_TOLD = {"down": "went down", "up": "came back", "reminder": "is still down", "flapping": "began to flap"}


def kind_label(name: str) -> str:
    """How people read a kind of channel; the bare name of one that this version does not have."""
    return KINDS[name].label if name in KINDS else name


def whom_it_leaves(channel: Channel) -> str:
    """What deleting a channel does to checks, as a sentence."""
    if channel.own_check is not None:
        return "The check that it was made for goes on without it."
    match channel.checks:
        case 0:
            return "No check uses it."
        case 1:
            return "1 check uses it and goes on without it."
    return f"{channel.checks:,} checks use it and go on without it."


def told(event: Event) -> str:
    """What an event is, after its check's name if it has one."""
    match event.kind:
        case "settled":
            return f"is calm again, and {event.status or 'up'}"
        case "test":
            return "was tested" if event.check_id else "Test"
        case "channel_off":
            return f"Channel {event.channel_name} was turned off"
        case "confirm":
            return "Question whether an address agrees"
    return _TOLD[event.kind]


def several(delivery: Delivery) -> str:
    """What a message of several events is about: "3 checks: 2 down, 1 up"."""
    groups = by_check(delivery.events)
    if delivery.count > len(delivery.events):
        return f"{delivery.count:,} events in one message"
    if len(groups) == 1:
        return f"{groups[0][0].check_name} " + " and ".join(dict.fromkeys(told(event) for event in groups[0]))
    kinds = Counter(told(group[-1]) for group in groups)
    return f"{len(groups)} checks: " + ", ".join(f"{count} {words}" for words, count in kinds.items())


def tries(delivery: Delivery) -> str:
    """How often a message was tried: "1 attempt"."""
    count = len(delivery.attempts)
    if not count:
        return "Not tried yet" if delivery.state in ("due", "sending") else "Never tried"
    return "1 attempt" if count == 1 else f"{count} attempts"


def rate_wait(rate: Mapping[str, Any]) -> str:
    """How long the next message to a limited destination waits."""
    seconds = math.ceil(rate.get("retry_after_seconds") or rate.get("backoff_seconds_remaining") or 0)
    return f"next in {seconds} s" if seconds > 0 else "next one now"


def plain_number(value: float) -> str:
    """A number with at most one decimal, and none that is zero."""
    return f"{value:.1f}".removesuffix(".0")


FILTERS: dict[str, Callable[..., object]] = {
    "kind_label": kind_label,
    "why_off": why_off,
    "whom_it_leaves": whom_it_leaves,
    "told": told,
    "several": several,
    "tries": tries,
    "sentence": sentence,
    "rate_wait": rate_wait,
    "plain_number": plain_number,
}
