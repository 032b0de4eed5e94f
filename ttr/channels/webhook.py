"""The generic webhook: what happened as one JSON document, signed and POSTed to a URL of the owner's."""

import json
from collections.abc import Mapping

from ttr.channels.delivery import Failed, Outcome
from ttr.channels.exchange import judge, post
from ttr.channels.hook_url import FORM, read_url
from ttr.channels.kind import Field
from ttr.channels.means import Means
from ttr.channels.signing import signatures
from ttr.channels.wording import headline, sentence
from ttr.domain.alert import Event, one_line
from ttr.domain.links import Links
from ttr.domain.moments import iso
from ttr.domain.notification import Notification
from ttr.settings import Settings

name = "webhook"
label = "Webhook"
about = "Every alert as a signed JSON document, POSTed to a URL of yours."
fields: tuple[Field, ...] = (
    Field(
        "webhook_url",
        "URL",
        read_url,
        FORM,
        secret=True,
        hint="Kept secret, for it may carry a token. Redirects are not followed.",
        placeholder="https://hooks.example.com/ttr",
    ),
)
events_max = 50
signs = True
confirms = False

_MESSAGE_MAX = 1_000


def missing(settings: Settings) -> str:
    """Nothing."""
    return ""


def destination(settings: Mapping[str, str], secrets: Mapping[str, str]) -> str:
    """The URL."""
    return secrets["webhook_url"]


async def send(
    notification: Notification,
    settings: Mapping[str, str],
    secrets: Mapping[str, str],
    *,
    means: Means,
    now: int,
) -> Outcome:
    """POST the document once; see `Kind.send`. Headers as in Standard Webhooks 1.0.0."""
    try:
        url = read_url(secrets["webhook_url"])
    except ValueError as error:
        return Failed("bad_settings", str(error), permanent=True)
    body = payload(notification, means.links)
    timestamp = now // 1000
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": notification.id,
        "webhook-id": notification.id,
        "webhook-timestamp": str(timestamp),
    }
    if signing := secrets.get("signing"):
        headers["webhook-signature"] = signatures(signing, notification.id, timestamp, body)
    answer = await post(means.guarded, url, body, headers)
    return answer if isinstance(answer, Failed) else judge(answer, now)


def payload(notification: Notification, links: Links) -> bytes:
    """The document, the same bytes on every attempt: times in ISO 8601 UTC, durations in seconds.

    At the top the newest event, in `events` all of them, oldest first; `message` sums up if there are several.
    """
    events = [_event(event, notification.user_id, links) for event in notification.events]
    document = events[-1] | {
        "others_down": {"count": notification.others_count, "names": list(notification.others)},
        "events": events,
    }
    if len(events) > 1:
        document["message"] = one_line(headline(notification), _MESSAGE_MAX)
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def _event(event: Event, user_id: int, links: Links) -> dict[str, object]:
    since = event.at if event.down_since is None else event.down_since
    acknowledge = links.acknowledge(user_id, event.check_id, since) if event.may_acknowledge else ""
    return {
        "check_id": event.check_id,
        "check_name": event.check_name,
        "status": event.kind,
        "message": sentence(event),
        "timestamp": iso(event.at),
        "event_id": event.id,
        "check_slug": event.check_slug,
        "tags": list(event.tags),
        "description": event.description,
        "reason": event.reason,
        "reason_detail": event.reason_detail,
        "overdue_seconds": _seconds(event.overdue_ms),
        "down_seconds": _seconds(event.down_ms),
        "down_since": iso(event.down_since),
        "last_ping": iso(event.last_ping),
        "failure_count": event.failure_count,
        "output": event.output,
        "flips": event.flips,
        "reminders": event.reminders,
        "settled_as": event.status or None,
        "channel_name": event.channel_name or None,
        "url": (links.check(event.check_id) if event.check_id else "") or None,
        "acknowledge_url": acknowledge or None,
    }


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000
