"""A channel as the API shows it: its open settings, which secrets are set, and how its last message fared."""

from typing import Annotated, Any, Literal, NotRequired, cast

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from ttr.api.describe import Moment
from ttr.channels import KINDS
from ttr.confirmations import why_off
from ttr.domain.moments import iso
from ttr.store.channels import Channel


def _settings_schema(schema: dict[str, Any]) -> None:
    """Add the fields that the kinds bring; a channel has those of its own kind."""
    schema["properties"]["kind"]["enum"] = list(KINDS)
    for kind in KINDS.values():
        for field in kind.fields:
            if field.secret:
                schema["properties"][f"{field.name}_set"] = {
                    "type": "boolean",
                    "description": f"Whether the {kind.label} setting {field.name}, which is never shown, is set.",
                }
            else:
                schema["properties"][field.name] = {
                    "type": ["string", "null"],
                    "description": f"{kind.label}: {field.label}.",
                }


@with_config(ConfigDict(json_schema_extra=_settings_schema))
class ChannelJson(TypedDict):
    """A channel, with the open settings of its kind and whether its secrets are set."""

    id: int
    kind: Annotated[str, Field(description="Where it leads. It can't be changed.")]
    name: Annotated[str, Field(examples=["Operations"])]
    enabled: Annotated[bool, Field(description="Whether messages leave through it.")]
    default: Annotated[bool, Field(description="Whether new checks get it.")]
    check_id: Annotated[
        int | None, Field(description="The one check it was made for; null for a shared one.")
    ]
    checks: Annotated[int, Field(description="How many checks use it.")]
    last_notification_status: Annotated[
        Literal["ok", "error"] | None, Field(description="Of the last message.")
    ]
    last_notification_message: Annotated[str | None, Field(description="What its service said.")]
    last_notification_timestamp: Moment | None
    off_reason: Annotated[
        Literal["gone", "unsubscribed", "unconfirmed"] | None,
        Field(description="Why it is off though its owner did not turn it off."),
    ]
    off_message: Annotated[str | None, Field(description="The same as a sentence.")]
    off_at: Moment | None
    created_at: Moment
    signing_secret: NotRequired[
        Annotated[str, Field(description="Only in the answer to the call that made it, and never again.")]
    ]


class RateJson(TypedDict):
    """How fast messages may leave for a destination; the rest is missing while the channel can't send."""

    enabled: bool
    limited: NotRequired[Annotated[bool, Field(description="Whether a message that came now would wait.")]]
    limited_reason: NotRequired[Literal["backoff", "rate_limited"] | None]
    retry_after_seconds: NotRequired[float]
    current_rps: NotRequired[float]
    min_rps: NotRequired[float]
    current_rps_per_minute: NotRequired[float]
    min_rps_per_minute: NotRequired[float]
    assumed_limit_per_minute: NotRequired[float]
    sent_per_minute: NotRequired[int]
    tokens: NotRequired[float]
    max_tokens: NotRequired[float]
    backoff_seconds_remaining: NotRequired[float]
    waiting: NotRequired[Annotated[int, Field(description="How many messages wait for their turn.")]]


def channel_json(channel: Channel) -> ChannelJson:
    """The channel without its secrets and without whatever could name them."""
    shown: ChannelJson = {
        "id": channel.id,
        "kind": channel.kind,
        "name": channel.name,
        "enabled": channel.enabled,
        "default": channel.default,
        "check_id": channel.own_check,
        "checks": channel.checks,
        "last_notification_status": cast(Literal["ok", "error"] | None, channel.last_status),
        "last_notification_message": channel.last_message,
        "last_notification_timestamp": iso(channel.last_at),
        "off_reason": cast(Literal["gone", "unsubscribed", "unconfirmed"] | None, channel.off_reason),
        "off_message": why_off(channel) or None,
        "off_at": iso(channel.off_at),
        "created_at": iso(channel.created_at),
    }
    settings: dict[str, object] = {}
    kind = KINDS.get(channel.kind)
    for field in kind.fields if kind else ():
        if field.secret:
            settings[f"{field.name}_set"] = field.name in channel.has
        else:
            settings[field.name] = channel.settings.get(field.name) or None
    return cast(ChannelJson, {**shown, **settings})
