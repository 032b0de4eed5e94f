"""Channels as both front doors set and test them: judged, sealed, stored, tried."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

from ttr.channels import KINDS, ChannelError, Kind
from ttr.channels.kind import lacking, read_fields
from ttr.channels.means import Means
from ttr.channels.signing import new_signing_secret, with_new_secret
from ttr.confirmations import Unconfirmed, ask, asked_address, shown_address, why_off
from ttr.domain import limits
from ttr.domain.alert import Event
from ttr.domain.check import Check
from ttr.domain.invalid import Contradiction, FieldError, Invalid, has_control
from ttr.domain.rate import rules
from ttr.immediate import Answer, send_now
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.channels import (
    Channel,
    Draft,
    address,
    create_channel,
    get_channel,
    identity,
    list_channels,
    update_channel,
)
from ttr.store.checks import get_check
from ttr.store.errors import DefaultsReached, StoreUnavailable
from ttr.store.outbox import put_test
from ttr.store.rates import DISABLED, read_rate
from ttr.store.redis import Store
from ttr.store.sealed import Unreadable, seal, unseal
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
        if shared := await _signing_of_endpoint(
            store, settings, user, _kind(channel.kind, "kind"), given, but=channel.id
        ):
            secrets = {
                name: value for name, value in secrets.items() if not name.startswith("signing")
            } | shared
        draft, signing = _draft(settings, user, channel.kind, channel, secrets, given)
        moves = draft.waits and _moves(settings, channel, draft)
        refused = draft.waits and not moves and given.get("enabled") is True
        if refused:
            # Nothing else of what was given is kept, but the link leads somewhere from now on.
            draft = replace(_draft(settings, user, channel.kind, channel, secrets, {})[0], waits=True)
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
    named = _kind(kind, "")
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
    known, made = _signing_in_file(user, given, signing, endpoints)
    try:
        saved = await _add(
            store, settings, means, user, given, own_check=own_check, number=number, signing=known, asks=False
        )
    except _HasOne:
        return None
    return Saved(saved.channel, made)


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


async def rotate_signing(store: Store, settings: Settings, user: User, channel: Channel) -> str:
    """A new signing secret for the endpoint, so for every channel of the account that shares it; the one before
    stays valid for a day. Raises Invalid, NotFound.
    """
    if not _kind(channel.kind, "kind").signs:
        raise Contradiction([FieldError("", "Messages of this kind are not signed.")])
    old, new = open_secrets(settings, user, channel).get("signing"), new_signing_secret()
    same = [other for other in await list_channels(store, user) if _is_same_endpoint(other, channel)]
    for other in [channel, *same]:
        if other.id == channel.id or open_secrets(settings, user, other).get("signing") == old:
            await _set_signing(store, settings, user, other, new)
    return new


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


async def _set_signing(store: Store, settings: Settings, user: User, channel: Channel, new: str) -> None:
    for _ in range(_TURNS):
        secrets = open_secrets(settings, user, channel)
        if secrets.get("signing") == new:
            return
        draft, _ = _draft(settings, user, channel.kind, channel, with_new_secret(secrets, new, now_ms()), {})
        if await update_channel(store, user, channel, draft, now=now_ms()):
            return
        channel = await get_channel(store, user, channel.id)
    raise StoreUnavailable("this channel is edited all the time; try again")


async def _signing_of_endpoint(
    store: Store, settings: Settings, user: User, kind: Kind, given: Mapping[str, object], *, but: int = 0
) -> dict[str, str]:
    """The signing secrets that another channel of the account has for the same endpoint: a receiver knows one."""
    try:
        opened, sealed = read_fields(kind, given)
    except ChannelError:
        return {}
    if not kind.signs or lacking(kind, opened, sealed):
        return {}
    destination = _destination(user, kind, opened, sealed)
    for other in await list_channels(store, user):
        if other.id != but and other.kind == kind.name and other.destination == destination:
            found = open_secrets(settings, user, other)
            if found.get("signing"):
                return {name: value for name, value in found.items() if name.startswith("signing")}
    return {}


def _signing_in_file(
    user: User, given: Mapping[str, object], signing: str, endpoints: dict[str, Mapping[str, str]]
) -> tuple[Mapping[str, str], str | None]:
    """What a channel is to sign with, and the secret if it was made just now."""
    kind = _kind(str(given.get("kind")), "kind")
    try:
        opened, sealed = read_fields(kind, given)
    except ChannelError:
        return {}, None
    if not kind.signs or lacking(kind, opened, sealed):
        return {}, None
    destination, made = _destination(user, kind, opened, sealed), None
    if not endpoints.get(destination):
        made = None if signing else new_signing_secret()
        # Before anything is awaited: of two channels of one endpoint the second finds what the first signs with.
        endpoints[destination] = {"signing": made or signing}
    return endpoints[destination], made


def _is_same_endpoint(one: Channel, other: Channel) -> bool:
    return one.id != other.id and one.kind == other.kind and one.destination == other.destination != ""


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
    if missing := _kind(kind, "kind").missing(settings):
        raise Contradiction([FieldError("kind", missing)])
    if signing is None:
        signing = await _signing_of_endpoint(store, settings, user, _kind(kind, "kind"), given)
    draft, made = _draft(settings, user, kind, None, signing, given, own=own_check is not None)
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


def _draft(
    settings: Settings,
    user: User,
    kind_name: str,
    before: Channel | None,
    secrets: Mapping[str, str],
    given: Mapping[str, object],
    *,
    own: bool = False,
) -> tuple[Draft, str | None]:
    """What the channel is to hold, and its signing secret if that was made just now. Raises Invalid; Contradiction
    when `given` is right by itself but not with what is stored or set up here.
    """
    kind, errors, contrary = _kind(kind_name, "kind"), list[FieldError](), list[FieldError]()
    if before is not None and given.get("kind", before.kind) != before.kind:
        (contrary if given["kind"] in list(KINDS) else errors).append(
            FieldError("kind", "A channel's kind can't be changed; add another channel.")
        )
    name = _name(given, before.name if before else None, kind.label, errors)
    enabled = _flag(given, "enabled", before.enabled if before else True, errors)
    default = _flag(given, "default", before.default if before else False, errors)
    if default and before is not None and before.own_check is not None:
        contrary.append(
            FieldError("default", "This channel was made for one check; other checks can't use it.")
        )
    opened, sealed = dict(before.settings) if before else {}, dict(secrets)
    for field in kind.fields:
        try:
            # One at a time, so that each bad value is told at once.
            new_open, new_secret = read_fields(
                kind, {field.name: given[field.name]} if field.name in given else {}
            )
        except ChannelError as error:
            errors.append(FieldError(error.field, error.sentence))
            continue
        opened |= new_open
        sealed |= new_secret
    errors += _faults_of_others(kind, given)
    empty = lacking(kind, opened, sealed)
    if empty and enabled is True:
        if given.get("enabled") is None and before is not None:
            enabled = False
        else:
            bad = {error.field for error in errors}
            (errors if before is None and not own else contrary).extend(
                FieldError(field.name, "This is needed before the channel can be on.")
                for field in empty
                if field.name not in bad
            )
    if enabled and not (before and before.enabled) and (missing := kind.missing(settings)):
        contrary.append(FieldError("kind", missing))
    if errors:
        raise Invalid([*errors, *contrary])
    if contrary:
        raise Contradiction(contrary)
    signing = None
    if kind.signs and not empty and not sealed.get("signing"):
        sealed["signing"] = signing = new_signing_secret()
    sealed = {name: value for name, value in sealed.items() if value}
    asked = before is not None and before.off_reason == "unconfirmed" and given.get("enabled") is None
    waits = not empty and (enabled or asked) and _must_agree(settings, kind, before, opened)
    draft = Draft(
        kind=kind.name,
        name=name,
        settings=opened,
        sealed=seal(settings.master_key, user.data_key, json.dumps(sealed)) if sealed else "",
        has=frozenset(field.name for field in kind.fields if field.secret and sealed.get(field.name)),
        destination="" if empty else _destination(user, kind, opened, sealed),
        address="" if empty else address(kind.name, opened, sealed),
        enabled=not (waits or empty) if asked else enabled and not waits,
        default=default,
        waits=waits,
    )
    return draft, signing


def _faults_of_others(kind: Kind, given: Mapping[str, object]) -> list[FieldError]:
    """What is wrong with the fields of other kinds. They are not kept, but nonsense is refused wherever it is sent."""
    faults = []
    for other in KINDS.values():
        for field in () if other is kind else other.fields:
            try:
                read_fields(other, {field.name: given[field.name]} if field.name in given else {})
            except ChannelError as error:
                faults.append(FieldError(error.field, error.sentence))
    return faults


def _destination(user: User, kind: Kind, opened: Mapping[str, str], sealed: Mapping[str, str]) -> str:
    """Whom the rate is counted against. Of an address that is no secret each account has a count of its own: a
    stranger who writes there as well takes nobody's turn.
    """
    told = kind.destination(opened, sealed)
    public = not any(field.secret for field in kind.fields)
    return identity(kind.name, f"{user.id} {told}" if public else told)


def _must_agree(settings: Settings, kind: Kind, before: Channel | None, opened: Mapping[str, str]) -> bool:
    """Whether the address in `opened` has still to agree. One that gets alerts already is not asked any more: it
    was there before the operator wanted that.
    """
    address = asked_address(settings, kind, opened)
    if not address or (before and before.confirmed == address):
        return False
    return not (before and before.enabled and asked_address(settings, kind, before.settings) == address)


def _name(given: Mapping[str, object], before: str | None, label: str, errors: list[FieldError]) -> str:
    name = given.get("name")
    if name is None or (name == "" and before is None):
        return before or label
    if not isinstance(name, str):
        errors.append(FieldError("name", "Text is needed."))
        return ""
    name = name.strip()
    if not name:
        errors.append(FieldError("name", "This can't be empty."))
    elif len(name) > limits.NAME_MAX:
        errors.append(FieldError("name", f"At most {limits.NAME_MAX} characters."))
    elif has_control(name):
        errors.append(FieldError("name", "Control characters can't be in a name."))
    return name


def _flag(given: Mapping[str, object], name: str, before: bool, errors: list[FieldError]) -> bool:
    value = given.get(name)
    if value is None:
        return before
    if not isinstance(value, bool):
        errors.append(FieldError(name, "true or false is needed."))
        return False
    return value


def _kind(name: str, field: str) -> Kind:
    if name not in KINDS:
        raise Invalid([FieldError(field, f"There is no such integration; there are {', '.join(KINDS)}.")])
    return KINDS[name]


def _ready(settings: Settings, channel: Channel) -> Kind:
    kind = _kind(channel.kind, "kind")
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
    )
