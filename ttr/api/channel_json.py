"""A channel as the API shows it: its open settings, which secrets are set, and how its last message fared."""

from ttr.channels import KINDS
from ttr.confirmations import why_off
from ttr.domain.moments import iso
from ttr.store.channels import Channel


def channel_json(channel: Channel) -> dict[str, object]:
    """The channel without its secrets and without whatever could name them."""
    shown: dict[str, object] = {
        "id": channel.id,
        "kind": channel.kind,
        "name": channel.name,
        "enabled": channel.enabled,
        "default": channel.default,
        "check_id": channel.own_check,
        "checks": channel.checks,
        "last_notification_status": channel.last_status,
        "last_notification_message": channel.last_message,
        "last_notification_timestamp": iso(channel.last_at),
        "off_reason": channel.off_reason,
        "off_message": why_off(channel) or None,
        "off_at": iso(channel.off_at),
        "created_at": iso(channel.created_at),
    }
    kind = KINDS.get(channel.kind)
    for field in kind.fields if kind else ():
        if field.secret:
            shown[f"{field.name}_set"] = field.name in channel.has
        else:
            shown[field.name] = channel.settings.get(field.name) or None
    return shown
