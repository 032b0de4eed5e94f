"""/api/v1/channels: the account's channels, and which checks use them."""

from typing import Annotated

from pydantic import Field
from quart import Response
from typing_extensions import TypedDict

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import body_fields, private
from ttr.api.channel_input import CHANGE_EXAMPLES, NEW_EXAMPLES, ChannelChange, ChannelInput
from ttr.api.channel_json import ChannelJson, RateJson, channel_json
from ttr.api.describe import operation
from ttr.api.trials import QueuedJson, TrialJson, queued_trial, trial
from ttr.domain.check import Check
from ttr.integrations import add_channel, change_channel, rate_of
from ttr.signing_secrets import rotate_signing
from ttr.store import channels as stored
from ttr.store.channels import Channel, get_channel, list_channels
from ttr.store.checks import get_check
from ttr.store.errors import NotFound
from ttr.store.users import User

_NUMBER_MAX = 15  # digits: what Lua holds exactly


class ChannelsJson(TypedDict):
    """All channels of the account, oldest first."""

    items: list[ChannelJson]


class ChannelTrialJson(ChannelJson):
    """The channel after a test."""

    test: TrialJson


class AssignedJson(TypedDict):
    """What became of the checks."""

    assigned: Annotated[int, Field(description="How many checks did not use it before.")]


@operation("List channels", tag="Channels", answers={200: ChannelsJson})
async def index() -> Response:
    """All channels, oldest first; there are at most CHANNELS_PER_ACCOUNT."""
    user = await caller()
    return private(
        {"items": [channel_json(channel) for channel in await list_channels(current.store(), user)]}
    )


@operation(
    "Add a channel",
    tag="Channels",
    body=ChannelInput,
    examples=NEW_EXAMPLES,
    answers={201: ChannelJson},
    refusals=[409],
)
async def create() -> Response:
    """A new channel; 201, with its signing secret if its messages are signed. That is shown here and never again."""
    user = await caller()
    given = await body_fields()
    saved = await add_channel(current.store(), current.settings(), current.means(), user, given)
    return private(_with_secret(saved.channel, saved.signing_secret), 201)


@operation("Show a channel", tag="Channels", answers={200: ChannelJson})
async def show(channel: str) -> Response:
    """One channel."""
    return private(channel_json(await _found(await caller(), channel)))


@operation(
    "Change a channel",
    tag="Channels",
    body=ChannelChange,
    examples=CHANGE_EXAMPLES,
    answers={200: ChannelJson},
    refusals=[409],
)
async def change(channel: str) -> Response:
    """Change what is sent; null or "" clears a setting."""
    user = await caller()
    given = await body_fields()
    found = await _found(user, channel)
    saved = await change_channel(current.store(), current.settings(), current.means(), user, found, given)
    return private(_with_secret(saved.channel, saved.signing_secret))


@operation("Delete a channel", tag="Channels", answers={204: None})
async def delete(channel: str) -> tuple[str, int]:
    """Take a channel off its checks and remove it; 204."""
    user = await caller()
    await stored.delete_channel(current.store(), user, _number(channel))
    return "", 204


@operation("Test a channel", tag="Channels", answers={200: ChannelTrialJson}, refusals=[409])
async def test(channel: str) -> Response:
    """Send a test now and tell what its service said."""
    user = await caller()
    found = await _found(user, channel)
    tested, refusal = await trial(user, found, await _own_check(user, found))
    if refusal is not None:
        return refusal
    return private({**channel_json(await get_channel(current.store(), user, found.id)), "test": tested})


@operation("Test a channel through the queue", tag="Channels", answers={202: QueuedJson}, refusals=[409])
async def queue_test(channel: str) -> Response:
    """Send a test on the way that alerts take; 202."""
    user = await caller()
    found = await _found(user, channel)
    return await queued_trial(user, found, await _own_check(user, found))


@operation("Show a channel's rate", tag="Channels", answers={200: RateJson})
async def rate(channel: str) -> Response:
    """How fast messages may leave for the channel's destination."""
    found = await _found(await caller(), channel)
    return private(await rate_of(current.store(), current.settings(), found))


@operation("Rotate the signing secret", tag="Channels", answers={200: ChannelJson}, refusals=[409])
async def rotate_secret(channel: str) -> Response:
    """A new signing secret, shown here and never again; the one before is valid for a day."""
    user = await caller()
    found = await _found(user, channel)
    secret = await rotate_signing(current.store(), current.settings(), user, found)
    return private(_with_secret(await get_channel(current.store(), user, found.id), secret))


@operation("Use a channel in all checks", tag="Channels", answers={200: AssignedJson}, refusals=[409])
async def assign_all(channel: str) -> Response:
    """Let all checks use a channel; tells how many didn't before."""
    user = await caller()
    found = await _found(user, channel)
    return private({"assigned": await stored.assign_to_all(current.store(), user, found.id)})


@operation("Use a channel in a check", tag="Channels", answers={204: None}, refusals=[409])
async def assign(check: str, channel: str) -> tuple[str, int]:
    """Let a check use a channel; 204, whether it did already or not."""
    await _assign(check, channel, on=True)
    return "", 204


@operation("Take a channel off a check", tag="Channels", answers={204: None}, refusals=[409])
async def unassign(check: str, channel: str) -> tuple[str, int]:
    """Take a channel off a check; 204, whether it was used or not."""
    await _assign(check, channel, on=False)
    return "", 204


async def _assign(check: str, channel: str, *, on: bool) -> None:
    user = await caller()
    used_by = await get_check(current.store(), user, check)
    found = await _found(user, channel)
    await stored.assign(current.store(), user, used_by.id, found.id, on)


async def _found(user: User, text: str) -> Channel:
    return await get_channel(current.store(), user, _number(text))


async def _own_check(user: User, channel: Channel) -> Check | None:
    if channel.own_check is None:
        return None
    return await get_check(current.store(), user, str(channel.own_check))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _NUMBER_MAX):
        raise NotFound("no such channel")
    return int(text)


def _with_secret(channel: Channel, secret: str | None) -> ChannelJson:
    shown = channel_json(channel)
    return shown if secret is None else {**shown, "signing_secret": secret}
