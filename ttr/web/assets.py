"""Static files under addresses that carry the hash of their content, so browsers may keep them for good.

All stylesheets leave as one file and text is compressed, once a process: a first visit is few requests and few bytes.
Files are kept in memory, so that a client who leaves in the middle of one leaves none open.
Pages, which hold form tokens, are compressed by `ttr/web/packing.py`.
"""

import gzip
import hashlib
from functools import cache
from mimetypes import guess_type

from quart import Response, abort, request

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
    """A static file. Under an old hash it is served as it is now, and not kept. 404 for a name that no file has."""
    # Names are compared with those that exist: no path leads outside, and none that is made up is remembered.
    if path != STYLES and path not in _files():
        abort(404)
    response = Response(_content(path))
    response.content_type = guess_type(path)[0] or "application/octet-stream"
    if path.endswith(_TEXT):
        response.vary.add("Accept-Encoding")
        if request.accept_encodings.quality("gzip"):
            response.set_data(_compressed(path))
            response.headers["Content-Encoding"] = "gzip"
    response.headers["Cache-Control"] = _FOREVER if digest == tree_digest() else "no-cache"
    return secure(response, FILES)


@cache
def _content(path: str) -> bytes:
    """The bytes of a file that there is, or of STYLES. All of them together are half a megabyte."""
    if path == STYLES:
        sheets = sorted((STATIC / "css").rglob("*.css"))
        sheets.sort(key=lambda sheet: sheet.name != "layers.css")  # which says the order of all others
        return b"\n".join(sheet.read_bytes() for sheet in sheets)
    return (STATIC / path).read_bytes()


@cache
def _files() -> frozenset[str]:
    return frozenset(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())


@cache
def _compressed(path: str) -> bytes:
    return gzip.compress(_content(path), 9, mtime=0)
