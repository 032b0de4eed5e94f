"""A check's own webhook, as both front doors set it: judged, sealed, stored."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from ttr.channels import KINDS, ChannelError
from ttr.domain.check import Check
from ttr.domain.invalid import FieldError, Invalid
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.channels import set_webhook
from ttr.store.redis import Store
from ttr.store.sealed import seal
from ttr.store.users import User


class WebhookInput(BaseModel):
    """The body of PUT .../webhook: what is sent changes; a URL of null or "" is cleared."""

    webhook_url: str | None = None
    webhook_enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class WebhookChange:
    """`url` None leaves it, "" clears it; `enabled` None leaves it."""

    url: str | None
    enabled: bool | None


def webhook_change(given: WebhookInput) -> WebhookChange:
    """What a request asks for. Raises Invalid when the URL can't be one."""
    sent = given.model_fields_set
    url: str | Literal[""] | None = None
    if "webhook_url" in sent:
        url = given.webhook_url or ""
    if url:
        try:
            KINDS["webhook"].parse({"webhook_url": url})
        except ChannelError as error:
            raise Invalid([FieldError(error.field, error.sentence)]) from None
    return WebhookChange(url, given.webhook_enabled)


async def change_webhook(
    store: Store, settings: Settings, user: User, check: Check, change: WebhookChange
) -> None:
    """Store a change of the check's webhook. Raises NotFound, QuotaReached."""
    secret = change.url and seal(settings.master_key, user.data_key, change.url)
    await set_webhook(
        store,
        user,
        check,
        enabled=change.enabled,
        secret=secret,
        now=now_ms(),
        most=settings.channels_per_account,
    )
