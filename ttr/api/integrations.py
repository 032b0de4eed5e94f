"""/api/v1/checks/<check>/<kind>: the channels that only one check uses, one of each kind, set and tried by name."""

from typing import NotRequired

from quart import Response

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import body_fields, one, private
from ttr.api.channel_input import OWN_INPUTS
from ttr.api.channel_json import RateJson
from ttr.api.check_json import CheckJson
from ttr.api.describe import operation
from ttr.api.trials import QueuedJson, TrialJson, queued_trial, trial
from ttr.channels import KINDS
from ttr.domain.check import Check
from ttr.domain.invalid import Contradiction, FieldError
from ttr.integrations import change_own_channel, rate_of
from ttr.store.channels import Channel, get_channel
from ttr.store.checks import get_check
from ttr.store.errors import NotFound
from ttr.store.users import User


class OwnChannelJson(CheckJson):
    """The check after a change of its own channel."""

    signing_secret: NotRequired[str]


class OwnTrialJson(CheckJson):
    """The check after a test of its own channel."""

    test: TrialJson


@operation(
    "Set a check's own channel",
    tag="Channels",
    body=OWN_INPUTS,
    answers={200: OwnChannelJson},
    refusals=[409],
)
async def change(check: str, kind: str) -> Response:
    """Change what is sent; null or "" clears a setting. A secret is never shown again."""
    user = await caller()
    name = _name(kind)
    given = await body_fields()
    found = await get_check(current.store(), user, check)
    saved = await change_own_channel(
        current.store(), current.settings(), current.means(), user, found, name, given
    )
    more = {} if saved.signing_secret is None else {"signing_secret": saved.signing_secret}
    return await one(user, await get_check(current.store(), user, str(found.id)), more=more)


@operation("Test a check's own channel", tag="Channels", answers={200: OwnTrialJson}, refusals=[409])
async def test(check: str, kind: str) -> Response:
    """Send a test now and tell what the service said."""
    user = await caller()
    found, channel = await _configured(user, check, kind)
    tested, refusal = await trial(user, channel, found)
    return (
        refusal
        if refusal is not None
        else await one(user, await get_check(current.store(), user, str(found.id)), more={"test": tested})
    )


@operation(
    "Test a check's own channel through the queue", tag="Channels", answers={202: QueuedJson}, refusals=[409]
)
async def queue_test(check: str, kind: str) -> Response:
    """Send a test on the way that alerts take; 202."""
    user = await caller()
    found, channel = await _configured(user, check, kind)
    return await queued_trial(user, channel, found)


@operation("Show the rate of a check's own channel", tag="Channels", answers={200: RateJson})
async def rate(check: str, kind: str) -> Response:
    """How fast messages may leave for the channel's destination."""
    user = await caller()
    _, channel = await _own(user, check, kind)
    return private(await rate_of(current.store(), current.settings(), channel))


async def _own(user: User, check: str, kind: str) -> tuple[Check, Channel | None]:
    name = _name(kind)
    found = await get_check(current.store(), user, check)
    number = found.own_channels.get(name)
    return found, None if number is None else await get_channel(current.store(), user, number)


async def _configured(user: User, check: str, kind: str) -> tuple[Check, Channel]:
    found, channel = await _own(user, check, kind)
    if channel is None:
        raise Contradiction(
            [FieldError("", f"This check has no {KINDS[_name(kind)].label} settings; save some first.")]
        )
    return found, channel


def _name(kind: str) -> str:
    name = kind.lower()
    if name not in KINDS:
        raise NotFound("no such integration")
    return name
