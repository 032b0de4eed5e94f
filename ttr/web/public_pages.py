"""Status pages as everybody sees them: the page in three layouts, its live part, its data, a text, and the list."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from quart import Response, current_app, render_template, request, stream_template

from ttr import __version__, current
from ttr.domain.published import Activity, Published
from ttr.domain.status_page import LAYOUTS, Layout, StatusPage
from ttr.now import now_ms
from ttr.published import publish_page
from ttr.store.errors import NotFound
from ttr.store.ping_log import PingEntry
from ttr.store.published import find_account, find_page, page_version, public_pages
from ttr.store.redis import Store
from ttr.web import public_feed
from ttr.web.assets import tree_digest
from ttr.web.copies import Copies, Handed
from ttr.web.live import SILENT_MS
from ttr.web.public_reply import HTML, JSON, TEXT, Packed, finish, pack, reply, whole


@dataclass(slots=True)
class Made:
    """A page as it was made, and what has been written of it so far."""

    published: Published
    account_version: int
    version: str
    written: dict[tuple[str, str, bool], asyncio.Task[Packed]] = field(default_factory=dict)
    """By kind, layout and whether it is old: nothing that visitors can make up."""


async def show(slug: str, page_slug: str) -> Response:
    """The whole page."""
    return await _answer(slug, page_slug, "page", _layout_asked())


async def live(slug: str, page_slug: str) -> Response:
    """The part that changes; 204 for who has this version of it."""
    return await _answer(slug, page_slug, "live", _layout_asked())


async def data(slug: str, page_slug: str) -> Response:
    """All of it as JSON."""
    return await _answer(slug, page_slug, "data", None)


async def summary(slug: str, page_slug: str) -> Response:
    """A line for each check, as plain text."""
    return await _answer(slug, page_slug, "summary", None)


async def index(slug: str) -> Response:
    """The account's public pages."""

    async def make(_: Packed | None) -> Packed:
        user = await find_account(current.store(), slug)
        pages = await public_pages(current.store(), user)
        if not pages:
            raise NotFound("no such page")
        return await _write_list(user.public_slug, pages)

    return reply((await _lists().get(slug, make)).value)


def view_of(
    published: Published, layout: Layout, *, version: str = "", stale: bool = False
) -> dict[str, object]:
    """What the templates of a page are handed. Without a version it is a preview, and asks for nothing more."""
    settings = published.page.settings
    return {
        "page": published.page,
        "published": published,
        "layout": layout,
        "layouts": LAYOUTS,
        "address": f"/s/{published.public_slug}/{settings.slug}",
        "theme": settings.theme,
        "scheme": settings.scheme,
        "version": version,
        "live": bool(version),
        "stale": stale,
        "alarm": published.overall.status == "down",
        "now": published.made_at,
        "public_url": _public_url(),
    }


def locate(ping: PingEntry) -> Activity:
    """What may be told of a ping."""
    place = current.geo().place_of(ping)
    return Activity(ping.at, ping.kind, place.country_code, place.country_name, place.connection_type)


async def page_now(slug: str, page_slug: str) -> Handed[Made]:
    """The page as it is. Raises NotFound, also for one that is off, and StoreUnavailable."""
    store = current.store()

    async def make(before: Made | None) -> Made:
        return await _make(store, slug, page_slug, before)

    return await _pages().get((slug, page_slug), make)


async def _answer(slug: str, page_slug: str, kind: str, asked: Layout | None) -> Response:
    handed = await page_now(slug, page_slug)
    made = handed.value
    layout = asked or made.published.page.settings.layout
    if kind == "live" and not handed.stale and request.args.get("since") == made.version:
        return finish(Response("", 204))
    packed = await _written(made, kind, layout, handed.stale)
    return reply(packed, indexed=made.published.page.settings.visibility == "public")


async def _written(made: Made, kind: str, layout: Layout, stale: bool) -> Packed:
    name = (kind, layout if kind in ("page", "live") else "", stale)
    task = made.written.get(name)
    if task is None:
        task = asyncio.create_task(_WRITERS[kind](made, layout, stale))
        made.written[name] = task

        def done(task: asyncio.Task[Packed]) -> None:
            if task.cancelled() or task.exception():
                del made.written[name]

        task.add_done_callback(done)
    # Shielded: a visitor who leaves takes the page away from nobody, and it need not be begun again.
    return await asyncio.shield(task)


async def _make(store: Store, slug: str, page_slug: str, before: Made | None) -> Made:
    now = now_ms()
    if before is not None:
        version, tick = await page_version(store, before.published.page.user_id)
        watching = now - tick <= SILENT_MS
        same = version == before.account_version and watching == before.published.watching
        if same and now < before.published.until:
            return before
    user, page = await find_page(store, slug, page_slug)
    if not page.shown:
        raise NotFound("no such page")
    _, tick = await page_version(store, user.id)
    published = await publish_page(
        store, user, page, now=now, watching=now - tick <= SILENT_MS, locate=locate
    )
    version_of = _version(published)
    if before is not None and before.version == version_of:
        before.account_version = user.version
        before.published = published
        return before
    return Made(published, user.version, version_of)


def _version(published: Published) -> str:
    """A word for what is shown; the same in every process. Days move with the minute and with changes of status."""
    seen = (
        published.page.revision,
        published.public_slug,
        published.watching,
        published.left_out,
        published.made_at // 60_000,
        tree_digest(),
        __version__,
        [
            (check.id, check.name, check.tags, check.shown, check.running, check.since, check.last_ping)
            for check in published.checks
        ],
        [group.heading for group in published.groups],
    )
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def _layout_asked() -> Layout | None:
    asked = request.args.get("layout", "")
    return asked if asked in LAYOUTS else None


def _lists() -> Copies[Packed]:
    return cast(Copies[Packed], current_app.extensions.setdefault("ttr_page_lists", Copies()))


def _pages() -> Copies[Made]:
    return cast(Copies[Made], current_app.extensions.setdefault("ttr_status_pages", Copies()))


async def _write_list(public_slug: str, pages: Sequence[StatusPage]) -> Packed:
    look = pages[0].settings
    html = await render_template(
        "public/index.html",
        theme=look.theme,
        scheme=look.scheme,
        pages=pages,
        public_slug=public_slug,
        public_url=_public_url(),
        now=now_ms(),
    )
    seen = repr([(page.id, page.revision) for page in pages]) + public_slug + tree_digest() + __version__
    return await pack(whole(html), HTML, hashlib.sha256(seen.encode()).hexdigest()[:16])


async def _write_page(made: Made, layout: Layout, stale: bool) -> Packed:
    return await _html("public/page.html", made, layout, stale)


async def _write_live(made: Made, layout: Layout, stale: bool) -> Packed:
    return await _html("public/_body.html", made, layout, stale)


async def _html(template: str, made: Made, layout: Layout, stale: bool) -> Packed:
    view = view_of(made.published, layout, version=made.version, stale=stale)
    parts = await stream_template(template, **view)
    return await pack(parts, HTML, f"{made.version}-{layout}{'-old' if stale else ''}")


async def _write_data(made: Made, layout: Layout, stale: bool) -> Packed:
    parts = public_feed.feed(made.published, stale=stale)
    return await pack(parts, JSON, f"{made.version}-data{'-old' if stale else ''}")


async def _write_summary(made: Made, layout: Layout, stale: bool) -> Packed:
    parts = public_feed.summary(made.published, stale=stale)
    return await pack(parts, TEXT, f"{made.version}-text{'-old' if stale else ''}")


def _public_url() -> str:
    # Not the request's own host: a page is kept for all, and that would be the first visitor's word.
    return current.settings().public_url or ""


_WRITERS: dict[str, Callable[[Made, Layout, bool], Coroutine[Any, Any, Packed]]] = {
    "page": _write_page,
    "live": _write_live,
    "data": _write_data,
    "summary": _write_summary,
}
