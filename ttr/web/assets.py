"""Static files under addresses that carry the hash of their content, so browsers may keep them for good.

All stylesheets leave as one file and text is compressed, once a process: a first visit is few requests and few bytes.
Pages, which hold form tokens, are compressed by `ttr/web/packing.py`.
"""

import gzip
import hashlib
from functools import cache
from mimetypes import guess_type

from quart import Response, request, send_from_directory

from ttr.paths import STATIC
from ttr.security_headers import FILES, secure

_FOREVER = "public, max-age=31536000, immutable"
_TEXT = (".css", ".js", ".svg", ".txt")
STYLES = "css/all.css"
"""All stylesheets; no file of that name exists."""


@cache
def tree_digest() -> str:
    """Twelve letters that change when any static file does; read once per process.

    One hash for the whole tree lets stylesheets name fonts by relative URL.
    """
    tree = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            tree.update(path.relative_to(STATIC).as_posix().encode() + b"\0")
            tree.update(hashlib.sha256(path.read_bytes()).digest())
    return tree.hexdigest()[:12]


def asset(path: str) -> str:
    """The address of a file under static/, e.g. `icons/favicon.svg`, or of STYLES."""
    return f"/assets/{tree_digest()}/{path}"


@cache
def scripts() -> list[str]:
    """Our own scripts, each a module; they need no order."""
    return sorted(path.relative_to(STATIC).as_posix() for path in (STATIC / "js").glob("*.js"))


async def show(digest: str, path: str) -> Response:
    """A static file. Under an old hash it is served as it is now, and not kept."""
    if path.endswith(_TEXT) and (text := _text(path)) is not None:
        response = Response(text)
        response.content_type = guess_type(path)[0] or "text/plain"
        response.vary.add("Accept-Encoding")
        if request.accept_encodings.quality("gzip"):
            response.set_data(_compressed(path))
            response.headers["Content-Encoding"] = "gzip"
    else:
        response = await send_from_directory(STATIC, path)
    response.headers["Cache-Control"] = _FOREVER if digest == tree_digest() else "no-cache"
    return secure(response, FILES)


@cache
def _text(path: str) -> bytes | None:
    """The bytes of a text file; None when there is none of that name."""
    if path == STYLES:
        sheets = sorted((STATIC / "css").rglob("*.css"))
        sheets.sort(key=lambda sheet: sheet.name != "layers.css")  # which says the order of all others
        return b"\n".join(sheet.read_bytes() for sheet in sheets)
    file = STATIC / path
    # Names are compared with those that exist, so that no path leads outside.
    return file.read_bytes() if path in _files() else None


@cache
def _files() -> frozenset[str]:
    return frozenset(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())


@cache
def _compressed(path: str) -> bytes:
    return gzip.compress(_text(path) or b"", 9, mtime=0)
