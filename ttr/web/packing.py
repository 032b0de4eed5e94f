"""Pages travel compressed where the browser takes that: 50 rows are 226 kB, and 10 kB compressed.

A page holds the token of its forms beside words of its address, and the length of both together would tell how alike
they are (BREACH). So each answer is made longer by up to a hundred bytes at random, as Django does; and our cookies,
without which there is no token to guess, are not sent with what another site's page asks for.
"""

import asyncio
import gzip
import io
import secrets

from quart import Response, request

LEAST = 1_000
"""Bytes below which it would not pay."""
_LEVEL = 6
"""2 ms for 50 rows; a higher level takes longer and saves 2 %, level 1 saves 0.4 ms and sends half as much again."""
_PADDING = 100
_PART = 100_000
"""Bytes: about 1 ms. The form of a status page may have 9 MB."""


async def packed(response: Response) -> Response:
    """The response, compressed if whoever asks takes that and it pays."""
    response.headers.add("Vary", "Accept-Encoding")
    if not request.accept_encodings.quality("gzip"):
        return response
    body = await response.get_data(as_text=False)
    if len(body) >= LEAST:
        response.set_data(await _gzip(body))
        response.headers["Content-Encoding"] = "gzip"
    return response


async def _gzip(body: bytes) -> bytes:
    into = io.BytesIO()
    # The name stands in the header and means nothing: it is the padding.
    name = "a" * secrets.randbelow(_PADDING)
    with gzip.GzipFile(name, "wb", _LEVEL, into, mtime=0) as packing:
        for start in range(0, len(body), _PART):
            packing.write(body[start : start + _PART])
            await asyncio.sleep(0)
    return into.getvalue()
