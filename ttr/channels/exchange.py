"""One guarded POST and how its answer is judged: what every kind that speaks HTTP shares."""

import errno
import json
import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from yarl import URL

from ttr.channels.delivery import RETRY_AFTER_MAX_SECONDS, Delivered, Failed, Outcome
from ttr.channels.egress import RefusedAddress
from ttr.domain.alert import one_line

BODY_MAX = 65_536
EXCERPT_MAX = 120

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
# Shorter parts of a URL ("v1", "api") are no secrets, and hiding them would only garble the excerpt.
_SECRET_MIN = 4

_CONNECT_TROUBLE = {
    errno.ECONNREFUSED: "Connection refused",
    errno.ECONNRESET: "Connection reset while connecting",
    errno.EHOSTUNREACH: "Host unreachable",
    errno.ENETUNREACH: "Network unreachable",
    errno.ETIMEDOUT: "Connection timed out",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: at most 64 KiB of the body, and its first words with every part of the URL hidden."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    excerpt: str


async def post(
    session: aiohttp.ClientSession, url: str, body: bytes, headers: Mapping[str, str]
) -> Answer | Failed:
    """POST `body` once, following nothing; the answer, or why there is none.

    No text of an exception is passed on: those of aiohttp quote the URL, which is a secret.
    """
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            content = await _read(response)
            return Answer(response.status, response.headers, content, _excerpt(response, content))
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
        return Failed("bad_settings", "The URL can't be used: check how its host is written", permanent=True)
    except TimeoutError as error:
        return _timed_out(error, session.timeout)
    except aiohttp.ClientConnectorError as error:
        return _not_connected(error)
    except aiohttp.ClientResponseError:
        return Failed("response_broken", "The receiver's answer is not valid HTTP", permanent=False)
    except (aiohttp.ClientError, OSError):
        return Failed("response_broken", "The receiver closed the connection unanswered", permanent=False)


async def post_json(
    session: aiohttp.ClientSession, url: str, message: Mapping[str, object]
) -> Answer | Failed:
    """`post` of a JSON document, in ASCII."""
    body = json.dumps(message).encode("ascii")
    return await post(session, url, body, {"Content-Type": "application/json"})


def judge(answer: Answer, now: int, *, who: str = "Receiver", words: str | None = None) -> Outcome:
    """The outcome that an HTTP status stands for; `now` in milliseconds UTC dates a Retry-After.

    2xx is delivered. 408, 425, 429 and 5xx are worth another attempt; redirects and every other 4xx are not,
    and 410 means gone. `words` are the service's own, with its secrets hidden (`hide`), instead of the excerpt.
    """
    status = answer.status
    if 200 <= status < 300:
        return Delivered(f"HTTP {status}", status)
    said = f"{who} answered HTTP {status}"
    if 300 <= status < 400:
        sentence = f"{said}, a redirect, which is not followed: save the final URL"
        return Failed("redirected", sentence, True, status=status)
    words = answer.excerpt if words is None else words
    detail = f"{said}: {words}" if words else said
    wait = retry_after(answer.headers.get("Retry-After", ""), now)
    if status == 429:
        return Failed("rate_limited", detail, False, wait, status)
    if status in (408, 425) or 500 <= status < 600:
        return Failed("server_error", detail, False, wait, status)
    if status == 410:
        return Failed("gone", detail, True, status=status)
    if 400 <= status < 500:
        return Failed("rejected", detail, True, status=status)
    return Failed("response_broken", said, False, status=status)


def answer_object(answer: Answer) -> dict[str, Any] | None:
    """The JSON object in the body; None when there is none, as from a proxy in between."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def seconds(value: object) -> float | None:
    """A number of seconds as JSON or a header states it; None if it is none."""
    if isinstance(value, str) and _SECONDS.fullmatch(value.strip()):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        # A number of a hundred digits would not fit a float.
        return float(min(value, RETRY_AFTER_MAX_SECONDS))
    return None


def hide(text: str, secrets: Iterable[str]) -> str:
    """`text` on one line of at most 120 characters, which ends where the first of `secrets` begins.

    Case doesn't matter. All of the text is searched before it is cut, for a cut could leave half a token.
    """
    # Lowering bytes changes ASCII only, so that positions stay the same.
    line = one_line(text, BODY_MAX).encode()
    lowered = line.lower()
    begins = [at for part in secrets if (at := lowered.find(part.encode().lower())) >= 0]
    if begins:
        line = line[: min(begins)] + b"[hidden]"
    return one_line(line.decode(), EXCERPT_MAX)


def secret_parts(url: str | URL) -> set[str]:
    """What a URL may hide, as sent and decoded: path, path segments, query and its values."""
    url = URL(url)
    parts = {url.raw_path, url.path, url.raw_query_string, url.query_string}
    parts.update(url.raw_parts, url.parts)
    for pair in url.raw_query_string.split("&"):
        name, has_value, value = pair.partition("=")
        parts.add(value if has_value else name)
    for name, value in url.query.items():
        parts.add(value or name)
    return {part for part in parts if len(part) >= _SECRET_MIN}


def retry_after(value: str, now: int) -> float | None:
    """The seconds a Retry-After header asks for, given as a number or an HTTP date; None if it says neither.

    A date in the past is 0.
    """
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (aware - datetime.fromtimestamp(now / 1000, UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """At most BODY_MAX bytes. A body that breaks off or drags on doesn't change what the status said."""
    content = bytearray()
    try:
        async for chunk in response.content.iter_any():
            content += chunk
            if len(content) >= BODY_MAX:
                break
    except (aiohttp.ClientError, OSError, TimeoutError):
        pass
    if not response.content.at_eof():
        response.close()
    return bytes(content[:BODY_MAX])


def _excerpt(response: aiohttp.ClientResponse, content: bytes) -> str:
    """The first words of a plain answer; "" for HTML, compressed or binary ones."""
    text = content.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if response.content_type == "text/html" or text.startswith("<") or "Content-Encoding" in response.headers:
        return ""
    if "\x00" in text or text.count("\ufffd") > len(text) // 10:
        return ""
    # Many servers echo the path.
    return hide(text, secret_parts(response.url))


def _timed_out(error: TimeoutError, timeout: aiohttp.ClientTimeout) -> Failed:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return Failed("timeout", f"No connection within {timeout.sock_connect or 0:g} s", permanent=False)
    return Failed("timeout", f"No answer within {timeout.total or 0:g} s", permanent=False)


def _not_connected(error: aiohttp.ClientConnectorError) -> Failed:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause: Exception = error.certificate_error
        why = f": {cause.verify_message}" if isinstance(cause, ssl.SSLCertVerificationError) else ""
        return Failed("tls_failed", f"Certificate not accepted{why}", permanent=False)
    if isinstance(error, aiohttp.ClientSSLError):
        return Failed("tls_failed", "No secure connection: the TLS handshake failed", permanent=False)
    cause = error.os_error
    if isinstance(cause, RefusedAddress):
        return Failed("refused_address", cause.sentence, permanent=True)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        unknown = isinstance(cause, socket.gaierror) and cause.errno in (socket.EAI_NONAME, socket.EAI_NODATA)
        return Failed("dns_failed", "Name not found" if unknown else "Name lookup failed", permanent=False)
    trouble = _CONNECT_TROUBLE.get(error.errno or 0, "Could not connect")
    return Failed("connect_failed", trouble, permanent=False)
