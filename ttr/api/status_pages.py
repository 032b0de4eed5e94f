"""/api/v1/status-pages: the account's status pages: list, create, show, replace, change, delete."""

from collections.abc import Sequence

from quart import Response

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import body_bytes, private
from ttr.api.describe import operation
from ttr.api.status_page_json import StatusPageJson, status_page_json
from ttr.domain.status_page import StatusPage, StatusPageSettings
from ttr.domain.status_page_input import (
    CHANGE_EXAMPLES,
    EXAMPLES,
    StatusPageInput,
    StatusPagePatch,
    parse_status_page_json,
)
from ttr.now import now_ms
from ttr.store import status_pages as stored
from ttr.store.errors import NotFound
from ttr.store.status_page_checks import read_members
from ttr.store.users import User

_NUMBER_MAX = 15  # digits: what Lua holds exactly


@operation("List status pages", tag="Status pages", answers={200: list[StatusPageJson]})
async def index() -> Response:
    """All status pages, oldest first; there are at most STATUS_PAGES_PER_ACCOUNT."""
    user = await caller()
    return private(await _render(user, await stored.list_status_pages(current.store(), user)))


@operation(
    "Create a status page",
    tag="Status pages",
    body=StatusPageInput,
    examples=EXAMPLES,
    answers={201: StatusPageJson},
    refusals=[409],
)
async def create() -> Response:
    """A new page. 409 when another page has the slug, a check is unknown, or the account has as many as it may."""
    user, now = await caller(), now_ms()
    settings = parse_status_page_json(await body_bytes(), now=now)
    page = await stored.create_status_page(
        current.store(), user, settings, now=now, most=current.settings().status_pages_per_account
    )
    return await _one(user, page, 201)


@operation("Show a status page", tag="Status pages", answers={200: StatusPageJson})
async def show(page: str) -> Response:
    """One page, by its number."""
    user = await caller()
    return await _one(user, await stored.get_status_page(current.store(), user, _number(page)))


@operation(
    "Replace a status page",
    tag="Status pages",
    body=StatusPageInput,
    examples=EXAMPLES,
    answers={200: StatusPageJson},
    refusals=[409],
)
async def replace(page: str) -> Response:
    """Give a page another name and slug, and what else is sent; all that is not sent stays."""
    return await _change(page, patch=False)


@operation(
    "Change a status page",
    tag="Status pages",
    body=StatusPagePatch,
    examples=CHANGE_EXAMPLES,
    answers={200: StatusPageJson},
    refusals=[409],
)
async def change(page: str) -> Response:
    """Change what is sent, and nothing else; a notice of null takes the notice off."""
    return await _change(page, patch=True)


@operation("Delete a status page", tag="Status pages", answers={204: None})
async def delete(page: str) -> tuple[str, int]:
    """Remove a page; its checks stay; 204."""
    await stored.delete_status_page(current.store(), await caller(), _number(page))
    return "", 204


async def _change(page: str, *, patch: bool) -> Response:
    user = await caller()
    body, now = await body_bytes(), now_ms()

    def change(before: StatusPageSettings) -> StatusPageSettings:
        return parse_status_page_json(body, now=now, current=before, patch=patch)

    changed = await stored.update_status_page(current.store(), user, _number(page), change, now=now)
    return await _one(user, changed)


async def _one(user: User, page: StatusPage, status: int = 200) -> Response:
    return private((await _render(user, [page]))[0], status)


async def _render(user: User, pages: Sequence[StatusPage]) -> list[StatusPageJson]:
    found = await read_members(current.store(), user, pages)
    base = current.base_url()
    return [
        status_page_json(page, shown, public_slug=user.public_slug, base_url=base)
        for page, shown in zip(pages, found, strict=True)
    ]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _NUMBER_MAX):
        raise NotFound("no such status page")
    return int(text)
