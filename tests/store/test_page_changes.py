"""Changes of status pages that are taken back, whatever was done to the pages meanwhile."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.lua.parts import MINUTE, NOON, dump, make_check, make_user
from ttr.changes import changed_page, made_page, undo, undo_entry
from ttr.domain.status_page import Entry, Notice, StatusPage, StatusPageSettings
from ttr.store import chores, status_pages
from ttr.store.checks import delete_check
from ttr.store.errors import ChoreLost, NotFound
from ttr.store.numbers import draw_numbers
from ttr.store.redis import Store
from ttr.store.status_pages import get_status_page, list_status_pages
from ttr.store.users import User

LATER = NOON + MINUTE
PLAIN = StatusPageSettings("Page", "page")


@pytest.fixture
async def user(store: Store) -> User:
    """An account without checks."""
    return await make_user(store)


async def make(
    store: Store, user: User, settings: StatusPageSettings = PLAIN, number: int | None = None
) -> StatusPage:
    return await status_pages.create_status_page(store, user, settings, now=NOON, most=9, number=number)


async def change(store: Store, user: User, page: StatusPage, settings: StatusPageSettings) -> StatusPage:
    return await status_pages.update_status_page(store, user, page.id, lambda _: settings, now=LATER)


def written(entry: Any) -> Any:
    """An entry as the journal gives it back."""
    return json.loads(json.dumps(entry))


async def test_a_change_is_taken_back_to_what_was_before(store: Store, user: User) -> None:
    check = await make_check(store, user)
    full = StatusPageSettings(
        "K\u00e4se",
        "kaese",
        "unlisted",
        "grid",
        "retro",
        "dark",
        "Hello",
        Notice("outage", "Down", NOON),
        (Entry("heading", "A"), Entry("check", str(check.id)), Entry("tag", "db")),
    )
    page = await make(store, user, full)
    chore = await chores.begin(store, user.id, "change", now=NOON)
    steps = chores.fenced(store, chore)
    await chores.note(store, chore, changed_page(page), now=NOON)
    await change(steps, user, page, replace(PLAIN, slug="other"))
    (number,) = await draw_numbers(store, "status-page")
    await chores.note(store, chore, made_page(number), now=NOON)
    made = await make(steps, user, replace(PLAIN, slug="kaese"), number)
    assert made.id == number
    (taken,) = await chores.lapsed(store, now=LATER)
    await undo(store, taken)
    assert [one.settings for one in await list_status_pages(store, user)] == [full]
    # What comes late from whoever began it changes nothing any more.
    before = await dump(store)
    with pytest.raises(ChoreLost):
        await change(steps, user, page, PLAIN)
    with pytest.raises(ChoreLost):
        await make(steps, user, PLAIN, number)
    assert await dump(store) == before


async def test_taking_back_twice_is_as_good_as_once(store: Store, user: User) -> None:
    page = await make(store, user)
    entry = written(changed_page(page))
    await change(store, user, page, replace(PLAIN, name="After", slug="after"))
    gone = await make(store, user)
    for _ in range(2):
        await undo_entry(store, user, written(made_page(gone.id)), now=LATER)
        await undo_entry(store, user, entry, now=LATER)
        assert [one.settings for one in await list_status_pages(store, user)] == [PLAIN]


async def test_a_step_that_was_never_made_takes_nothing_back(store: Store, user: User) -> None:
    page = await make(store, user)
    owner = await change(store, user, page, replace(PLAIN, name="By its owner"))
    entry = written(changed_page(owner))
    before = await dump(store)
    await undo_entry(store, user, entry, now=LATER)
    await undo_entry(store, user, written(made_page(999)), now=LATER)
    assert await dump(store) == before


async def test_what_has_come_between_is_left_out(store: Store, user: User) -> None:
    check, kept = await make_check(store, user), await make_check(store, user)
    entries = (Entry("check", str(check.id)), Entry("heading", "A"), Entry("check", str(kept.id)))
    page = await make(store, user, replace(PLAIN, entries=entries))
    entry = written(changed_page(page))
    await change(store, user, page, replace(PLAIN, slug="moved", intro="x"))
    # Its slug has been taken, and a check of it is gone.
    taker = await make(store, user)
    await delete_check(store, user, str(check.id))
    await undo_entry(store, user, entry, now=LATER)
    restored = await get_status_page(store, user, page.id)
    assert restored.settings == replace(PLAIN, slug="moved", entries=entries[1:])
    assert await get_status_page(store, user, taker.id) == taker


async def test_a_page_that_is_gone_stays_gone(store: Store, user: User) -> None:
    page = await make(store, user)
    entry = written(changed_page(page))
    await status_pages.delete_status_page(store, user, page.id)
    await undo_entry(store, user, entry, now=LATER)
    with pytest.raises(NotFound):
        await get_status_page(store, user, page.id)
