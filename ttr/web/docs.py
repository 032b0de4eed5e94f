"""/docs: the documentation, for everybody. A browser asks for a page again by its tag.

It is read without Redis too: what to do when that is away stands here.
"""

import asyncio
import hashlib
from contextlib import suppress
from functools import cache

from quart import Response, g, request, send_from_directory
from werkzeug.exceptions import NotFound

from ttr import __version__, current
from ttr.paths import DOCS
from ttr.security_headers import FILES, secure
from ttr.store.errors import StoreUnavailable
from ttr.web import docs_search
from ttr.web.appearance import preferences
from ttr.web.assets import tree_digest
from ttr.web.docs_contents import DECISIONS, around, contents, decisions, name_at, pages
from ttr.web.docs_pages import front, is_page, page
from ttr.web.docs_search import Indexed, find, words_of
from ttr.web.docs_text import FILES as SHOWN
from ttr.web.docs_text import Page
from ttr.web.public_reply import has_tag
from ttr.web.reply import fragment
from ttr.web.reply import page as whole_page
from ttr.web.security import csrf_token, finish, visitor

_KEPT = "private, no-cache"
"""It holds the token of its forms, so it is this browser's alone, which asks each time whether it is as it was."""
_FILE_KEPT = "public, max-age=3600"


async def index() -> Response:
    """What there is to read."""
    return await _answer("docs/index.html", await asyncio.to_thread(front))


async def show(name: str) -> Response:
    """A page of the contents."""
    return await _show(name_at(name))


async def decision(name: str) -> Response:
    """One of the decisions."""
    return await _show(f"{DECISIONS}/{name}")


async def search() -> Response:
    """What is found, as a page of its own; search engines need not keep it."""
    await _look_who()
    response = await whole_page("docs/search.html", contents=contents(), **await _found())
    response.headers["X-Robots-Tag"] = "noindex"
    return response


async def found() -> Response:
    """What is found, for the page that one is on."""
    return await fragment("docs/_found.html", **await _found())


async def file(folder: str, name: str) -> Response:
    """A picture or a file that a page leads to."""
    if f"{folder}/{name}" not in _files():
        raise NotFound
    response = await send_from_directory(DOCS / folder, name, conditional=True)
    response.headers["Cache-Control"] = _FILE_KEPT
    return secure(response, FILES)


async def _show(name: str) -> Response:
    if not is_page(name):
        raise NotFound
    # Made in a thread the first time: the longest takes 40 ms, and pings go on.
    made = await asyncio.to_thread(page, name)
    before, after = around(name)
    return await _answer("docs/page.html", made, before=before, after=after, deeper=name in decisions())


async def _answer(template: str, shown: Page, /, **values: object) -> Response:
    await _look_who()
    base = current.base_url()
    tag = _tag(shown, base)
    if has_tag(tag):
        response = finish(Response("", 304))
    else:
        response = await whole_page(
            template, shown=shown, text=shown.text(base), contents=contents(), **values
        )
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = _KEPT
    response.vary.add("Cookie")
    return response


def _tag(shown: Page, base: str) -> str:
    """Of the text, and of all around it that differs from one reader to another."""
    user = g.get("user")
    look, who = preferences(), (user.id, user.operator) if user else None
    around_it = (__version__, tree_digest(), base, look.theme, look.scheme, who, csrf_token(), request.path)
    return f'W/"{hashlib.sha256(f"{around_it}{shown.html}".encode()).hexdigest()[:32]}"'


async def _look_who() -> None:
    with suppress(StoreUnavailable):
        await visitor()


async def _found() -> dict[str, object]:
    text = request.args.get("q", "")[: docs_search.TEXT_MAX]
    words = words_of(text)
    sections = await asyncio.to_thread(_index) if words else ()
    return {"q": text, "words": words, "results": find(sections, words)}


@cache
def _index() -> list[Indexed]:
    """Of all pages, which are made for it: 0.3 s of a thread, once a process."""
    return docs_search.index([page(name) for name in (*pages(), *decisions())])


@cache
def _files() -> frozenset[str]:
    return frozenset(
        path.relative_to(DOCS).as_posix() for folder in SHOWN for path in (DOCS / folder).iterdir()
    )
