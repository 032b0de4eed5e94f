"""What a channel is to hold after a change: judged against its kind, its secrets sealed."""

import json
from collections.abc import Mapping

from ttr.channels import KINDS, ChannelError, Kind
from ttr.channels.kind import lacking, read_fields
from ttr.channels.signing import new_signing_secret
from ttr.confirmations import asked_address
from ttr.domain import limits
from ttr.domain.invalid import Contradiction, FieldError, Invalid, has_control
from ttr.settings import Settings
from ttr.store.channels import Channel, Draft, address, identity
from ttr.store.sealed import seal
from ttr.store.users import User


def make_draft(
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
    kind, errors, contrary = kind_of(kind_name, "kind"), list[FieldError](), list[FieldError]()
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
        destination="" if empty else destination_of(user, kind, opened, sealed),
        address="" if empty else address(kind.name, opened, sealed),
        enabled=not (waits or empty) if asked else enabled and not waits,
        default=default,
        waits=waits,
    )
    return draft, signing


def destination_of(user: User, kind: Kind, opened: Mapping[str, str], sealed: Mapping[str, str]) -> str:
    """Whom the rate is counted against. Of an address that is no secret each account has a count of its own: a
    stranger who writes there as well takes nobody's turn.
    """
    told = kind.destination(opened, sealed)
    public = not any(field.secret for field in kind.fields)
    return identity(kind.name, f"{user.id} {told}" if public else told)


def kind_of(name: str, field: str) -> Kind:
    """The kind of channel of this name. Raises Invalid about `field`."""
    if name not in KINDS:
        raise Invalid([FieldError(field, f"There is no such integration; there are {', '.join(KINDS)}.")])
    return KINDS[name]


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
