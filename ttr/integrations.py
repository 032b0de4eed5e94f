"""Channels as both front doors set and test them: judged, sealed, stored, tried."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

from ttr.channel_draft import kind_of, make_draft
from ttr.channels import KINDS, Kind
from ttr.channels.kind import lacking
from ttr.channels.means import Means
from ttr.confirmations import Unconfirmed, ask, asked_address, shown_address, why_off
from ttr.domain.alert import Event
from ttr.domain.check import Check
from ttr.domain.invalid import Contradiction, FieldError, Invalid
from ttr.domain.rate import rules
from ttr.immediate import Answer, send_now
from ttr.noted import origin
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.signing_secrets import open_secrets, signing_in_file, signing_of_endpoint
from ttr.store.channels import (
    Channel,
    Draft,
    create_channel,
    get_channel,
    update_channel,
)
from ttr.store.checks import get_check
from ttr.store.errors import DefaultsReached, StoreUnavailable
from ttr.store.outbox import put_test
from ttr.store.rates import DISABLED, read_rate
from ttr.store.redis import Store
from ttr.store.users import User

# An edit loses only to another edit of the same channel that came in between.
_TURNS = 10


@dataclass(frozen=True, slots=True)
class Saved:
    """A channel after a change; `signing_secret` only when it was made just now: it can't be read again."""

    channel: Channel
    signing_secret: str | None


async def add_channel(
    store: Store, settings: Settings, means: Means, user: User, given: Mapping[str, object]
) -> Saved:
    """Make a channel of `kind`; it is on unless `enabled` is false, or its address must agree before. Then that is
    asked at once, which may take as long as a message. Raises Invalid, QuotaReached.
    """
    return await _add(store, settings, means, user, given, own_check=None)


async def change_channel(
    store: Store, settings: Settings, means: Means, user: User, channel: Channel, given: Mapping[str, object]
) -> Saved:
    """Change what is given; null or "" clears a field of the kind, and with it turns the channel off unless it is
    told to be on. A new address that must agree is asked at once, and the channel is off until then.

    Raises Invalid, NotFound, and Unconfirmed when it is told to be on before its address has agreed: the address is
    asked again.
    """
    for _ in range(_TURNS):
        secrets = open_secrets(settings, user, channel)
        if shared := await signing_of_endpoint(
            store, settings, user, kind_of(channel.kind, "kind"), given, but=channel.id
        ):
            secrets = {
                name: value for name, value in secrets.items() if not name.startswith("signing")
            } | shared
        draft, signing = make_draft(settings, user, channel.kind, channel, secrets, given)
        moves = draft.waits and _moves(settings, channel, draft)
        refused = draft.waits and not moves and given.get("enabled") is True
        if refused:
            # Nothing else of what was given is kept, but the link leads somewhere from now on.
            draft = replace(make_draft(settings, user, channel.kind, channel, secrets, {})[0], waits=True)
        try:
            written = await update_channel(store, user, channel, draft, now=now_ms())
        except DefaultsReached as error:
            raise Contradiction([FieldError("default", str(error))]) from None
        channel = await get_channel(store, user, channel.id)
        if not written:
            continue
        if refused:
            raise Unconfirmed(
                shown_address(channel), await ask(store, settings, means, user, channel, again=True)
            )
        if moves:
            channel = await _asked(store, settings, means, user, channel)
        return Saved(channel, signing)
    raise StoreUnavailable("this channel is edited all the time; try again")


async def change_own_channel(
    store: Store,
    settings: Settings,
    means: Means,
    user: User,
    check: Check,
    kind: str,
    given: Mapping[str, object],
) -> Saved:
    """Change the channel of `kind` that only this check uses, making it (off) the first time. `given` holds fields of
    the kind and `<kind>_enabled`; everything else in it is ignored. Raises Invalid, NotFound, QuotaReached.
    """
    named = kind_of(kind, "")
    switch = f"{kind}_enabled"
    asked: dict[str, object] = {
        field.name: given[field.name] for field in named.fields if field.name in given
    }
    if given.get(switch) is not None:
        asked["enabled"] = given[switch]
    try:
        while (number := check.own_channels.get(kind)) is None:
            try:
                fields = {"enabled": False, **asked, "kind": kind}
                return await _add(store, settings, means, user, fields, own_check=check.id)
            except _HasOne:
                check = await get_check(store, user, str(check.id))
        channel = await get_channel(store, user, number)
        return await change_channel(store, settings, means, user, channel, asked)
    except Invalid as error:
        renamed = {"enabled": switch, "kind": ""}
        raise (Contradiction if isinstance(error, Contradiction) else Invalid)(
            [FieldError(renamed.get(e.field, e.field), e.message) for e in error.errors]
        ) from None


async def restore_channel(
    store: Store,
    settings: Settings,
    means: Means,
    user: User,
    given: Mapping[str, object],
    *,
    number: int,
    own_check: int | None,
    signing: str,
    endpoints: dict[str, Mapping[str, str]],
) -> Saved | None:
    """Make a channel that was read from a file, under a number drawn for it. It signs as its endpoint does according to
    `endpoints` (`signing_by_endpoint`; it is added), else with the `signing` secret given, else with a new one. An
    address that must agree is not asked: the channel waits. None: the check has got a channel of this kind meanwhile.
    Raises Invalid, QuotaReached.
    """
    known, made = signing_in_file(user, given, signing, endpoints)
    try:
        saved = await _add(
            store, settings, means, user, given, own_check=own_check, number=number, signing=known, asks=False
        )
    except _HasOne:
        return None
    return Saved(saved.channel, made)


async def test_now(
    store: Store, settings: Settings, means: Means, user: User, channel: Channel, check: Check | None
) -> Answer:
    """Send a test, if the destination's rate allows one now, and keep what its service said.

    How many an account may send is up to the doors. Raises Invalid when the channel is off or lacks a setting.
    """
    _ready(settings, channel)
    event = _event(channel, check, now_ms(), queued=False)
    return await send_now(store, settings, means, user, channel, event)


async def test_queued(
    store: Store, settings: Settings, user: User, channel: Channel, check: Check | None
) -> None:
    """Send a test on the way that alerts take. Raises Invalid when the channel is off or lacks a setting."""
    _ready(settings, channel)
    await put_test(store, user, channel.id, _event(channel, check, now_ms(), queued=True))


async def rate_of(store: Store, settings: Settings, channel: Channel | None) -> dict[str, object]:
    """How fast messages may leave for the channel's destination now; DISABLED while it can't send."""
    if channel is None or not channel.enabled or not channel.destination:
        return DISABLED
    return await read_rate(store, rules(settings), channel.destination, now_ms())


class _HasOne(Exception):
    """The check got a channel of this kind meanwhile."""


async def _asked(store: Store, settings: Settings, means: Means, user: User, channel: Channel) -> Channel:
    """The channel after its new address was asked."""
    await ask(store, settings, means, user, channel)
    return await get_channel(store, user, channel.id)


def _moves(settings: Settings, before: Channel, draft: Draft) -> bool:
    """Whether a draft leads to another person than the channel does."""
    kind = KINDS[before.kind]
    return asked_address(settings, kind, before.settings) != asked_address(settings, kind, draft.settings)


async def _add(
    store: Store,
    settings: Settings,
    means: Means,
    user: User,
    given: Mapping[str, object],
    *,
    own_check: int | None,
    number: int | None = None,
    signing: Mapping[str, str] | None = None,
    asks: bool = True,
) -> Saved:
    kind = given.get("kind")
    if not isinstance(kind, str):
        raise Invalid([FieldError("kind", f"One of {', '.join(KINDS)} is needed.")])
    if missing := kind_of(kind, "kind").missing(settings):
        raise Contradiction([FieldError("kind", missing)])
    if signing is None:
        signing = await signing_of_endpoint(store, settings, user, kind_of(kind, "kind"), given)
    draft, made = make_draft(settings, user, kind, None, signing, given, own=own_check is not None)
    try:
        number = await create_channel(
            store,
            user,
            draft,
            own_check=own_check,
            now=now_ms(),
            most=settings.channels_per_account,
            number=number,
        )
    except DefaultsReached as error:
        raise Contradiction([FieldError("default", str(error))]) from None
    if number is None:
        raise _HasOne
    channel = await get_channel(store, user, number)
    if draft.waits and asks:
        channel = await _asked(store, settings, means, user, channel)
    return Saved(channel, made)


def _ready(settings: Settings, channel: Channel) -> Kind:
    kind = kind_of(channel.kind, "kind")
    if channel.off_reason == "unconfirmed":
        raise Contradiction(
            [FieldError("enabled", f"{why_off(channel)}; nothing else is sent there before.")]
        )
    if not channel.enabled:
        raise Contradiction([FieldError("enabled", "This channel is off; turn it on before you test it.")])
    if missing := kind.missing(settings):
        raise Contradiction([FieldError("kind", missing)])
    set_now = dict.fromkeys(channel.has, "set")
    if empty := lacking(kind, channel.settings, set_now):
        raise Contradiction(
            [FieldError(field.name, "This is needed before the channel can be tested.") for field in empty]
        )
    return kind


def _event(channel: Channel, check: Check | None, now: int, *, queued: bool) -> Event:
    return Event(
        id=f"t{channel.id}-{uuid4().hex}",
        kind="test",
        at=now,
        check_id=check.id if check else 0,
        check_name=check.name if check else "",
        check_slug=check.settings.slug if check else None,
        tags=check.settings.tags if check else (),
        description=check.settings.description if check else "",
        channel_name=channel.name,
        queued=queued,
        origin=origin(),
    )
