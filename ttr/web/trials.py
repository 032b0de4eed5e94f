"""A test message to a channel: sent while one waits, or through the queue as alerts are."""

from dataclasses import dataclass

from quart import Response, request

from ttr import current
from ttr.domain.check import Check
from ttr.domain.invalid import Invalid
from ttr.immediate import Answer
from ttr.integrations import test_now, test_queued
from ttr.now import now_ms
from ttr.store.allowances import spend
from ttr.store.channels import Channel, get_channel
from ttr.store.errors import TooMany
from ttr.store.users import User
from ttr.web.channels import changed, own_check
from ttr.web.security import require_user


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a test: the answer of the service, or why none was sent."""

    tested: Answer | None
    fault: str = ""
    queued: bool = False


async def create(channel_id: int) -> Response:
    """Send a test for the channel."""
    user = await require_user()
    channel = await get_channel(current.store(), user, channel_id)
    trial = await trial_of(user, channel, await own_check(user, channel))
    return await changed(user, channel.id, tested=trial)


async def trial_of(user: User, channel: Channel, check: Check | None) -> Trial:
    """A test as the form's button asks: `action=queue` goes through the queue."""
    store, settings = current.store(), current.settings()
    try:
        await spend(store, settings.limit("test"), user.id, now=now_ms())
        if (await request.form).get("action") == "queue":
            await test_queued(store, settings, user, channel, check)
            return Trial(None, queued=True)
        return Trial(await test_now(store, settings, current.means(), user, channel, check))
    except Invalid as error:
        return Trial(None, fault=" ".join(dict.fromkeys(fault.message for fault in error.errors)))
    except TooMany as error:
        return Trial(None, fault=str(error))
