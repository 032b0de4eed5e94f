"""Writes an account as a file: one entry a line, so that two files can be compared by eye and by tools."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence

from cryptography.fernet import Fernet

from ttr.channels import KINDS
from ttr.domain.check import Check
from ttr.domain.moments import iso
from ttr.domain.transfer import VERSION, check_entry
from ttr.domain.transfer_pages import page_entry
from ttr.settings import Settings
from ttr.signing_secrets import open_secrets
from ttr.store.channels import Channel, list_channels
from ttr.store.every_check import every_check
from ttr.store.redis import Store
from ttr.store.status_pages import list_status_pages
from ttr.store.users import User
from ttr.transfer.passphrase import new_box, seal_object

FILE_NAME = "ttr_rip_account_export.json"
# Beside the kind's own: what receivers know our messages by.
_SIGNING = "signing"


async def export_account(
    store: Store, settings: Settings, user: User, *, passphrase: str | None, now: int
) -> bytes:
    """The account as JSON of format version 1. Secrets are null; with a passphrase they are there too, sealed."""
    head: dict[str, object] = {
        "version": VERSION,
        "user_slug": user.user_slug,
        "public_slug": user.public_slug,
        "exported_at": iso(now),
    }
    box: Fernet | None = None
    if passphrase is not None:
        head["secrets"], box = await asyncio.to_thread(new_box, passphrase)
    channels = await list_channels(store, user)
    secrets = await asyncio.to_thread(_secrets, settings, user, channels) if box else {}
    shared = [channel for channel in channels if channel.own_check is None]
    refs = {channel.id: ref for ref, channel in enumerate(shared, 1)}
    by_number = {channel.id: channel for channel in channels}
    checks: list[bytes] = []
    addresses: dict[int, str] = {}
    async for some in every_check(store, user):
        addresses |= {check.id: check.address for check in some}
        checks += [_line(_check(check, refs, by_number, secrets, box)) for check in some]
    pages = await list_status_pages(store, user)
    return _document(
        head,
        {
            "channels": [_line(_channel(channel, refs[channel.id], secrets, box)) for channel in shared],
            "checks": checks,
            "status_pages": [_line(page_entry(page.settings, addresses)) for page in pages],
        },
    )


def _secrets(settings: Settings, user: User, channels: Iterable[Channel]) -> dict[int, dict[str, str]]:
    """Channel -> its secrets in clear, with its signing secret; the one before that is left to run out."""
    found: dict[int, dict[str, str]] = {}
    for channel in channels:
        kind = KINDS.get(channel.kind)
        names = {field.name for field in kind.fields if field.secret} | {_SIGNING} if kind else set()
        found[channel.id] = {
            name: value for name, value in open_secrets(settings, user, channel).items() if name in names
        }
    return found


def _channel(
    channel: Channel, ref: int, secrets: Mapping[int, Mapping[str, str]], box: Fernet | None
) -> dict[str, object]:
    entry: dict[str, object] = {
        "ref": ref,
        "kind": channel.kind,
        "name": channel.name,
        "enabled": _wanted(channel),
        "default": channel.default,
        **_settings(channel.kind, channel),
    }
    if box and secrets.get(channel.id):
        entry["secrets"] = seal_object(box, secrets[channel.id])
    return entry


def _check(
    check: Check,
    refs: Mapping[int, int],
    channels: Mapping[int, Channel],
    secrets: Mapping[int, Mapping[str, str]],
    box: Fernet | None,
) -> dict[str, object]:
    entry = check_entry(check, refs)
    hidden: dict[str, object] = {}
    for kind in KINDS:
        own = channels.get(check.own_channels.get(kind, 0))
        entry[f"{kind}_enabled"] = own is not None and _wanted(own)
        entry |= _settings(kind, own)
        if own is not None and secrets.get(own.id):
            hidden[kind] = secrets[own.id]
    if box and hidden:
        entry["secrets"] = seal_object(box, hidden)
    return entry


def _settings(kind: str, channel: Channel | None) -> dict[str, object]:
    """The settings of a kind; null for those that are secret, or not set."""
    fields = KINDS[kind].fields if kind in KINDS else ()
    return {
        field.name: None if field.secret or channel is None else channel.settings.get(field.name) or None
        for field in fields
    }


def _wanted(channel: Channel) -> bool:
    """Whether its owner wants it on: one that waits for its address to agree is off for the time being."""
    return channel.enabled or channel.off_reason == "unconfirmed"


def _line(entry: Mapping[str, object]) -> bytes:
    return json.dumps(entry, ensure_ascii=False).encode()


def _document(head: Mapping[str, object], lists: Mapping[str, Sequence[bytes]]) -> bytes:
    # One join: each copy of 10 MB is some milliseconds for everybody else.
    parts = [b"{"]
    for name, value in head.items():
        parts += [_line({name: value})[1:-1], b",\n  "]
    parts[1:1] = [b"\n  "]
    for place, (name, entries) in enumerate(lists.items(), 1):
        parts.append(f'"{name}": ['.encode())
        for number, entry in enumerate(entries):
            parts += [b",\n    " if number else b"\n    ", entry]
        parts += [b"\n  ]" if entries else b"]", b",\n  " if place < len(lists) else b"\n}\n"]
    return b"".join(parts)
