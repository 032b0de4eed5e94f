"""The secrets that a channel's messages are signed with: one for each endpoint, whichever channels share it."""

import json
from collections.abc import Iterable, Mapping

from ttr.channel_draft import destination_of, kind_of, make_draft
from ttr.channels import KINDS, ChannelError, Kind
from ttr.channels.kind import lacking, read_fields
from ttr.channels.signing import new_signing_secret, with_new_secret
from ttr.domain.invalid import Contradiction, FieldError
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.channels import Channel, get_channel, list_channels, update_channel
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store
from ttr.store.sealed import Unreadable, unseal
from ttr.store.users import User

# An edit loses only to another edit of the same channel that came in between.
_TURNS = 10


def open_secrets(settings: Settings, user: User, channel: Channel) -> dict[str, str]:
    """A channel's secrets in clear, also "signing" of kinds that sign; none when they can't be read any more."""
    if not channel.sealed:
        return {}
    try:
        found: dict[str, str] = json.loads(unseal(settings.master_key, user.data_key, channel.sealed))
    except (Unreadable, ValueError):
        # Entered anew they can be saved; until then the channel lacks them.
        return {}
    return found


def signing_by_endpoint(
    settings: Settings, user: User, channels: Iterable[Channel]
) -> dict[str, Mapping[str, str]]:
    """Destination -> the secrets that messages to it are signed with."""
    return {
        channel.destination: {
            name: value
            for name, value in open_secrets(settings, user, channel).items()
            if name.startswith("signing")
        }
        for channel in channels
        if channel.destination and channel.kind in KINDS and KINDS[channel.kind].signs
    }


async def signing_of_endpoint(
    store: Store, settings: Settings, user: User, kind: Kind, given: Mapping[str, object], *, but: int = 0
) -> dict[str, str]:
    """The signing secrets that another channel of the account has for the same endpoint: a receiver knows one."""
    try:
        opened, sealed = read_fields(kind, given)
    except ChannelError:
        return {}
    if not kind.signs or lacking(kind, opened, sealed):
        return {}
    destination = destination_of(user, kind, opened, sealed)
    for other in await list_channels(store, user):
        if other.id != but and other.kind == kind.name and other.destination == destination:
            found = open_secrets(settings, user, other)
            if found.get("signing"):
                return {name: value for name, value in found.items() if name.startswith("signing")}
    return {}


def signing_in_file(
    user: User, given: Mapping[str, object], signing: str, endpoints: dict[str, Mapping[str, str]]
) -> tuple[Mapping[str, str], str | None]:
    """What a channel is to sign with, and the secret if it was made just now."""
    kind = kind_of(str(given.get("kind")), "kind")
    try:
        opened, sealed = read_fields(kind, given)
    except ChannelError:
        return {}, None
    if not kind.signs or lacking(kind, opened, sealed):
        return {}, None
    destination, made = destination_of(user, kind, opened, sealed), None
    if not endpoints.get(destination):
        made = None if signing else new_signing_secret()
        # Before anything is awaited: of two channels of one endpoint the second finds what the first signs with.
        endpoints[destination] = {"signing": made or signing}
    return endpoints[destination], made


async def rotate_signing(store: Store, settings: Settings, user: User, channel: Channel) -> str:
    """A new signing secret for the endpoint, so for every channel of the account that shares it; the one before
    stays valid for a day. Raises Invalid, NotFound.
    """
    if not kind_of(channel.kind, "kind").signs:
        raise Contradiction([FieldError("", "Messages of this kind are not signed.")])
    old, new = open_secrets(settings, user, channel).get("signing"), new_signing_secret()
    same = [other for other in await list_channels(store, user) if _is_same_endpoint(other, channel)]
    for other in [channel, *same]:
        if other.id == channel.id or open_secrets(settings, user, other).get("signing") == old:
            await _set_signing(store, settings, user, other, new)
    return new


async def _set_signing(store: Store, settings: Settings, user: User, channel: Channel, new: str) -> None:
    for _ in range(_TURNS):
        secrets = open_secrets(settings, user, channel)
        if secrets.get("signing") == new:
            return
        draft, _ = make_draft(
            settings, user, channel.kind, channel, with_new_secret(secrets, new, now_ms()), {}
        )
        if await update_channel(store, user, channel, draft, now=now_ms()):
            return
        channel = await get_channel(store, user, channel.id)
    raise StoreUnavailable("this channel is edited all the time; try again")


def _is_same_endpoint(one: Channel, other: Channel) -> bool:
    return one.id != other.id and one.kind == other.kind and one.destination == other.destination != ""
