"""Answers for everybody: no cookie, kept by browsers and proxies for a moment, then asked for again by their tag."""

import gzip
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from quart import Response, request

from ttr.security_headers import PUBLIC_PAGES, secure
from ttr.web.turns import by_turns

MAX_AGE = 5
"""Seconds in which nobody in between asks again."""
HTML, JSON, TEXT = "text/html; charset=utf-8", "application/json", "text/plain; charset=utf-8"
# 9 takes twice as long and saves 1 %.
_LEVEL = 6
_GZIP = 31
"""zlib's word for a window of 32 kB with gzip's head around it."""
_PART = 50_000
"""Characters: about 1 ms to compress."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A body that was made once; nothing secret is in it, so its compressed length tells nobody anything."""

    body: bytes
    """Compressed."""
    content_type: str
    tag: str


async def pack(parts: AsyncIterator[str], content_type: str, version: str) -> Packed:
    """The body as it is kept, with the tag that names its version; others have their turn while it is written."""
    packing, body = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP), bytearray()
    await by_turns(parts, lambda part: body.extend(packing.compress(part.encode())), "public")
    return Packed(bytes(body + packing.flush()), content_type, f'W/"{version}"')


async def whole(text: str) -> AsyncIterator[str]:
    """A text as parts of a moderate length."""
    for start in range(0, len(text), _PART):
        yield text[start : start + _PART]


def reply(packed: Packed, *, indexed: bool = True) -> Response:
    """The body, or 304 for whoever has this version."""
    response = Response("", 304)
    if not has_tag(packed.tag):
        response = Response(packed.body)
        if request.accept_encodings.quality("gzip"):
            response.headers["Content-Encoding"] = "gzip"
        else:
            response.set_data(gzip.decompress(packed.body))
    response.content_type = packed.content_type
    response.headers["ETag"] = packed.tag
    if not indexed:
        response.headers["X-Robots-Tag"] = "noindex"
    return finish(response)


def finish(response: Response, max_age: int = MAX_AGE) -> Response:
    """The headers of every public answer."""
    secure(response, PUBLIC_PAGES)
    response.headers.setdefault("Cache-Control", f"public, max-age={max_age}")
    response.headers["Vary"] = "Accept-Encoding"
    if response.content_type != HTML:
        # Data for other sites' own pages; there is nothing in it that a login would add.
        response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def has_tag(tag: str) -> bool:
    """Whether whoever asks has it: `If-None-Match` names it, weak or strong, alone or in a list, or says `*`."""
    asked = ",".join(request.headers.getlist("If-None-Match"))
    return asked.strip() == "*" or tag.removeprefix("W/") in asked
