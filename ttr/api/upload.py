"""A file that comes as a form's field or as the body itself, and the words sent with it."""

import asyncio
from io import BytesIO
from typing import Any

from quart import request
from quart.wrappers import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser

from ttr.domain.invalid import FieldError, Invalid
from ttr.domain.limits import IMPORT_BODY_MAX

_PATH = "/api/v1/checks/import"
_SECONDS = 300
"""For the whole of a body: 20 MB at half a megabit a second."""
_PARTS_MAX = 10


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
        if path.rstrip("/") == _PATH:
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
    parser = MultiPartParser(
        stream_factory=_in_memory,
        max_form_memory_size=IMPORT_BODY_MAX,
        max_form_parts=_PARTS_MAX,
    )
    try:
        fields, files = parser.parse(BytesIO(data), boundary.encode("ascii"), len(data))
    except (ValueError, RequestEntityTooLarge):
        raise Invalid([FieldError("", "This is no form that can be read.")]) from None
    found = files.get(field)
    if found is not None:
        return found.stream.read(), fields.to_dict()
    if field in fields:
        return fields[field].encode("utf-8", "surrogatepass"), fields.to_dict()
    raise Invalid([FieldError(field, "This field is required.")])


def _in_memory(
    total_content_length: int | None,
    content_type: str | None,
    filename: str | None,
    content_length: int | None = None,
) -> BytesIO:
    """Where a file of a form goes; the default would put it on the disk."""
    return BytesIO()
