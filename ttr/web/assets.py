"""Static files under addresses that carry the hash of their content, so browsers may keep them for good."""

import hashlib
from functools import cache

from quart import Response, send_from_directory

from ttr.paths import STATIC

_FOREVER = "public, max-age=31536000, immutable"


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
    """The address of a file under static/, e.g. `css/base.css`."""
    return f"/assets/{tree_digest()}/{path}"


async def show(digest: str, path: str) -> Response:
    """A static file. Under an old hash it is served as it is now, and not kept."""
    response = await send_from_directory(STATIC, path)
    response.headers["Cache-Control"] = _FOREVER if digest == tree_digest() else "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
