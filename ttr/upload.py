"""A file that comes as a form's field or as the body itself, and the words sent with it."""

import asyncio
from collections.abc import Iterator
from typing import Any

from quart import request
from quart.wrappers import Request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from ttr.domain.invalid import FieldError, Invalid
from ttr.domain.limits import IMPORT_BODY_MAX

_PATHS = ("/api/v1/checks/import", "/account/import")
_SECONDS = 300
"""For the whole of a body: 20 MB at half a megabit a second."""
_PARTS_MAX = 10
_HEADER_MAX = 8_000
"""Bytes of the headers of one part."""
_FED_BYTES = 64 * 1024


class SizedRequest(Request):
    """A request that may be larger where whole accounts are sent; how large is decided before any view runs."""

    def __init__(
        self,
        method: str,
        scheme: str,
        path: str,
        *rest: Any,
        max_content_length: int | None = None,
        **more: Any,
    ) -> None:
        if path.rstrip("/") in _PATHS:
            max_content_length = IMPORT_BODY_MAX
        super().__init__(method, scheme, path, *rest, max_content_length=max_content_length, **more)


async def uploaded(field: str) -> tuple[bytes, dict[str, str]]:
    """The file in `field` of a multipart form with the form's other fields, or else the body, of whatever type.

    Raises Invalid for a form that can't be read, or that lacks the field.
    """
    request.body_timeout = _SECONDS
    body = await request.get_data(cache=False, parse_form_data=False)
    data = body if isinstance(body, bytes) else body.encode()
    if request.mimetype != "multipart/form-data":
        return data, {}
    boundary = request.mimetype_params.get("boundary", "")
    return await asyncio.to_thread(_read_form, data, boundary, field)


def _read_form(data: bytes, boundary: str, field: str) -> tuple[bytes, dict[str, str]]:
    try:
        parts = dict[str, bytes]()
        for name, value in _parts(data, boundary.encode("ascii")):
            parts.setdefault(name, value)
    except (ValueError, RequestEntityTooLarge):
        raise Invalid([FieldError("", "This is no form that can be read.")]) from None
    file = parts.pop(field, None)
    if file is None:
        raise Invalid([FieldError(field, "This field is required.")])
    return file, {name: text.decode("utf-8", "replace") for name, text in parts.items()}


def _parts(data: bytes, boundary: bytes) -> Iterator[tuple[str, bytes]]:
    """The parts of a form by name, whether they are files or not. Raises ValueError, RequestEntityTooLarge."""
    decoder = _Decoder(boundary, IMPORT_BODY_MAX, max_parts=_PARTS_MAX)
    name, pieces = "", list[bytes]()
    for start in range(0, len(data) + _FED_BYTES, _FED_BYTES):
        decoder.receive_data(data[start : start + _FED_BYTES] or None)
        while not isinstance(event := decoder.next_event(), Epilogue | NeedData):
            if isinstance(event, Field | File):
                name, pieces = event.name or "", []
            elif isinstance(event, Data):
                pieces.append(event.data)
                if not event.more_data:
                    yield name, b"".join(pieces)


class _Decoder(MultipartDecoder):
    """Werkzeug's, with a limit for the headers of a part: it takes them apart in a time that grows as their square."""

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        if len(data) > _HEADER_MAX:
            raise ValueError("the headers of a part are too long")
        return super()._parse_headers(data)
