"""A page of checks as the lists answer it."""

from typing_extensions import TypedDict

from ttr import current
from ttr.api.body import render
from ttr.api.check_json import CheckJson
from ttr.api.check_query import Asked
from ttr.store.check_list import list_checks
from ttr.store.cursor import cursor_text
from ttr.store.users import User


class PageJson(TypedDict):
    """Some of the account's checks in order; a cursor is null when there is nothing on its side."""

    items: list[CheckJson]
    next_cursor: str | None
    prev_cursor: str | None
    size: int


async def check_page(user: User, asked: Asked, *, now: int) -> PageJson:
    """The page that was asked for, as of `now` (ms)."""
    page = await list_checks(
        current.store(),
        user,
        sort=asked.sort,
        descending=asked.descending,
        filter=asked.filter,
        size=asked.size,
        place=asked.place,
        backward=asked.backward,
        now=now,
    )
    return {
        "items": await render(user, page.checks),
        "next_cursor": cursor_text(asked.sort, page.after, backward=False) if page.after else None,
        "prev_cursor": cursor_text(asked.sort, page.before, backward=True) if page.before else None,
        "size": asked.size,
    }
