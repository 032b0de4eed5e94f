"""The channels of a file against those of the account, and what would be made of them."""

import re
from collections.abc import Mapping
from dataclasses import replace

from cryptography.fernet import Fernet

from ttr.channels import KINDS, ChannelError
from ttr.channels.kind import Field, lacking, read_fields
from ttr.domain import limits
from ttr.domain.check import Check
from ttr.domain.invalid import FieldError
from ttr.domain.transfer import AccountFile, FileChannel, FileCheck, OwnChannel
from ttr.settings import Settings
from ttr.store.channels import Channel
from ttr.transfer.passphrase import open_object
from ttr.transfer.planned import Account, NewChannel, Plan

_SIGNING = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")


def plan_channels(
    plan: Plan, file: AccountFile, account: Account, settings: Settings, box: Fernet | None
) -> None:
    """Decide which of the file's channels are there already, and which are to be made."""
    there: dict[tuple[str, str], list[Channel]] = {}
    for channel in account.channels.values():
        if channel.own_check is None:
            there.setdefault((channel.kind, channel.name), []).append(channel)
    defaults = sum(channel.default for channel in account.channels.values())
    for entry in file.channels.values():
        shown = f"{entry.name} ({KINDS[entry.kind].label})"
        if same := there.get((entry.kind, entry.name)):
            found = same.pop(0)
            plan.refs[entry.ref] = found.id
            if found.default != entry.default or _differs(found, entry):
                plan.warnings.append(f"You have a channel {shown} already: it stays as it is.")
            continue
        errors: list[FieldError] = []
        hidden = _opened(plan, box, entry.sealed, shown)
        new = _judge(plan, entry.kind, shown, entry, hidden, settings, errors)
        plan.faults += [replace(error, field=f"channels.{entry.index}.{error.field}") for error in errors]
        plan.malformed |= bool(errors)
        if new is None:
            continue
        default = entry.default and defaults < limits.CHANNELS_MAX
        if entry.default and not default:
            plan.warnings.append(f"{shown} is no default channel: you have as many as a check may use.")
        defaults += default
        plan.channels[entry.ref] = replace(new, given={**new.given, "name": entry.name, "default": default})


def plan_own(
    plan: Plan,
    check: FileCheck,
    before: Check | None,
    channels: Mapping[int, Channel],
    settings: Settings,
    box: Fernet | None,
    errors: list[FieldError],
) -> tuple[NewChannel, ...]:
    """The channels that the check is to have to itself; of a kind of which it has one already none."""
    name = check.settings.name
    wanted: dict[str, OwnChannel] = {}
    for kind, own in check.own.items():
        there = channels.get(before.own_channels.get(kind, 0)) if before else None
        if there is None:
            wanted[kind] = own
        elif _differs(there, own):
            plan.warnings.append(f"{KINDS[kind].label} of {name} is set already: it stays as it is.")
    hidden = _opened(plan, box, check.sealed, name) if wanted else {}
    found: list[NewChannel] = []
    for kind, own in wanted.items():
        secrets = hidden.get(kind)
        known = secrets if isinstance(secrets, dict) else {}
        new = _judge(plan, kind, f"{KINDS[kind].label} of {name}", own, known, settings, errors)
        # One without any setting would only count.
        if new is not None and new.given.keys() - {"kind", "enabled"}:
            found.append(new)
    return tuple(found)


def _differs(there: Channel, entry: FileChannel | OwnChannel) -> bool:
    """Whether what can be seen of a channel is not what the file says."""
    wanted = there.enabled or there.off_reason == "unconfirmed"
    seen = {field.name for field in KINDS[there.kind].fields if not field.secret}
    return wanted != entry.enabled or any(
        str(value).strip() != there.settings.get(name)
        for name, value in entry.settings.items()
        if name in seen
    )


def _judge(
    plan: Plan,
    kind_name: str,
    shown: str,
    entry: FileChannel | OwnChannel,
    hidden: Mapping[str, object],
    settings: Settings,
    errors: list[FieldError],
) -> NewChannel | None:
    """A channel as the API would take it. Bad open settings are errors; secrets that can't be used are left out with a
    warning, and so is a kind that can't be used here.
    """
    kind = KINDS[kind_name]
    if missing := kind.missing(settings):
        plan.warnings.append(f"{shown} was left out: {missing}")
        return None
    opened: dict[str, str] = {}
    sealed: dict[str, str] = {}
    unusable: list[Field] = []
    for described in kind.fields:
        name = described.name
        value = entry.settings.get(name, hidden.get(name) if described.secret else None)
        try:
            new_open, new_secret = read_fields(kind, {name: value})
        except ChannelError as error:
            if described.secret:
                unusable.append(described)
            else:
                errors.append(FieldError(name, error.sentence))
            continue
        opened |= new_open
        sealed |= new_secret
    for described in unusable:
        plan.warnings.append(f"{shown} is off: its {described.label} can't be used and was left out.")
    complete = not lacking(kind, opened, sealed)
    if entry.enabled and not complete and not unusable:
        names = " and ".join(described.label for described in lacking(kind, opened, sealed))
        plan.warnings.append(f"{shown} is off: its {names} is not in the file.")
    values = {name: value for name, value in (opened | sealed).items() if value}
    signing = hidden.get("signing")
    return NewChannel(
        {"kind": kind_name, "enabled": entry.enabled and complete, **values},
        signing if isinstance(signing, str) and _SIGNING.fullmatch(signing) else "",
    )


def _opened(plan: Plan, box: Fernet | None, sealed: str, shown: str) -> dict[str, object]:
    if box is None or not sealed:
        return {}
    found = open_object(box, sealed)
    if found is None:
        plan.warnings.append(f"The secrets of {shown} are damaged and were left out.")
    return found or {}
