"""One message that leaves at once, past the queue, and what its service says: for whoever waits before a page."""

import asyncio
from dataclasses import dataclass

from ttr.channels.delivery import Delivered
from ttr.channels.means import Means
from ttr.domain.alert import Event, human_duration
from ttr.domain.notification import Notification
from ttr.domain.rate import rules
from ttr.notify import tell_bucket
from ttr.now import now_ms
from ttr.sending import send_once
from ttr.settings import Settings
from ttr.store.channels import Channel, note_result
from ttr.store.rates import take_token
from ttr.store.redis import Store
from ttr.store.users import User


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service said. `retry_after_seconds` only when our own rate control let nothing leave."""

    delivered: bool
    detail: str
    status: int | None
    seconds: float
    retry_after_seconds: float | None


async def send_now(
    store: Store, settings: Settings, means: Means, user: User, channel: Channel, event: Event
) -> Answer:
    """Tell `event` to the channel, if its destination's rate allows a message now, and keep what its service said."""
    rate_rules, now = rules(settings), now_ms()
    who = f"{user.partition}:{channel.id}:{event.kind}"
    # Whoever waits before a page asks again by hand: it must not hold up alerts by a place in the queue.
    token = await take_token(store, rate_rules, channel.destination, who=who, now=now, queue=False)
    if not token.granted:
        why = (
            "this destination has to recover"
            if token.reason == "backoff"
            else "others wait for this destination"
        )
        again = f"try again in {human_duration(token.wait_ms)}"
        detail = f"Not sent by our own rate control: {why}; {again}."
        return Answer(False, detail, None, 0.0, token.wait_ms / 1000)
    loop = asyncio.get_running_loop()
    began = loop.time()
    outcome = await send_once(
        means,
        kind=channel.kind,
        settings=channel.settings,
        sealed=channel.sealed,
        data_key=user.data_key,
        notification=Notification(event.id, user.id, channel.id, channel.name, (event,)),
        now=now,
    )
    seconds = round(loop.time() - began, 3)
    delivered = isinstance(outcome, Delivered)
    await tell_bucket(store, rate_rules, channel.destination, outcome, event.id, now_ms())
    await note_result(
        store,
        user,
        channel.id,
        delivered=delivered,
        detail=outcome.detail,
        settings=outcome.settings if isinstance(outcome, Delivered) else None,
        now=now_ms(),
    )
    return Answer(delivered, outcome.detail, outcome.status, seconds, None)
