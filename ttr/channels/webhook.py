"""The generic webhook: every event as one JSON document, POSTed to a URL of the owner's."""

import ipaddress
import json
import re
import unicodedata
from collections.abc import Mapping

import aiohttp
from yarl import URL

from ttr.channels.delivery import Failed, Outcome
from ttr.channels.exchange import judge, post
from ttr.channels.kind import ChannelError
from ttr.domain.alert import Event, message
from ttr.domain.moments import iso

name = "webhook"
label = "Webhook"
secret_field = "webhook_url"  # noqa: S105 - the name of a setting

URL_MAX = 2_048
_HOST_MAX = 253
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")


def parse(settings: Mapping[str, object]) -> tuple[dict[str, str], str | None]:
    """`webhook_url` is the secret, for it may carry a token; its scheme, host and port are the open part.

    The form is judged, nothing is looked up: a private host may be one the operator allows. Raises
    ChannelError.
    """
    text = settings.get(secret_field)
    if text is None or text == "":
        raise _wrong("Give the URL that receives the alerts.")
    if not isinstance(text, str):
        raise _wrong("The URL must be text.")
    return {"webhook_origin": str(_checked(text).origin())}, text


async def send(
    event: Event,
    settings: Mapping[str, str],
    secret: str | None,
    *,
    delivery_id: str,
    now: int,
    session: aiohttp.ClientSession,
) -> Outcome:
    """POST the event once; see `Kind.send`."""
    try:
        _, url = parse({secret_field: secret})
    except ChannelError as error:
        return Failed("bad_settings", error.sentence, permanent=True)
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": delivery_id,
        "webhook-id": delivery_id,
        "webhook-timestamp": str(now // 1000),
    }
    answer = await post(session, url or "", payload(event), headers)
    return answer if isinstance(answer, Failed) else judge(answer, now)


def payload(event: Event) -> bytes:
    """The document, the same bytes on every attempt: times in ISO 8601 UTC, durations in seconds."""
    document = {
        "check_id": event.check_id,
        "check_name": event.check_name,
        "status": event.kind,
        "message": message(event),
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
    }
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def _checked(text: str) -> URL:
    """`text` as the URL that aiohttp will make of it, its form judged. Raises ChannelError."""
    if len(text) > URL_MAX:
        raise _wrong(f"The URL is longer than {URL_MAX:,} characters.")
    if any(c.isspace() or unicodedata.category(c)[0] == "C" for c in text):
        raise _wrong("The URL holds a space or a control character.")
    if "\\" in text:
        raise _wrong("The URL holds a backslash.")
    if not text.lower().startswith(("http://", "https://")):
        raise _wrong("The URL must begin with http:// or https://.")
    if "#" in text:
        raise _wrong("The URL must not have a fragment (the part from # on).")
    try:
        url = URL(text)
        port = url.port
    except ValueError:
        raise _wrong("This is not a valid URL.") from None
    # Looked for in the text: the parser forgets an empty user name.
    if "@" in re.split("[/?]", text.partition("://")[2], maxsplit=1)[0]:
        raise _wrong("The URL must not hold a user name or password; put a token into the path or query.")
    if not port:
        raise _wrong("The port must be 1 to 65535.")
    if not _is_host(url.raw_host or ""):
        raise _wrong("The URL's host must be a name or a plain IP address.")
    return url


def _is_host(host: str) -> bool:
    """Whether `host` is a name or a canonical address; 2130706433 and 0x7f.1 are neither."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        named = len(host) <= _HOST_MAX and all(_LABEL.fullmatch(part) for part in labels)
        return named and not _NUMERIC.fullmatch(labels[-1])
    return True


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


def _wrong(sentence: str) -> ChannelError:
    return ChannelError(sentence, secret_field)
