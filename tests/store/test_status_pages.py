"""Status pages in Redis: what goes in comes out, one edit doesn't undo another, and what is not theirs nobody gets."""

import asyncio
from dataclasses import replace
from functools import partial
from unittest import mock

import pytest

from tests.lua.parts import NOON, dump, make_check, make_user
from ttr.domain.invalid import Contradiction
from ttr.domain.preferences import THEMES
from ttr.domain.status_page import LAYOUTS, Entry, Notice, StatusPage, StatusPageSettings
from ttr.store import keys, status_pages
from ttr.store.checks import delete_check
from ttr.store.errors import NotFound, PageSlugTaken, QuotaReached, StoreUnavailable
from ttr.store.redis import Store
from ttr.store.status_pages import (
    checks_there,
    create_status_page,
    delete_status_page,
    get_status_page,
    list_status_pages,
    page_slug_holder,
    update_status_page,
)
from ttr.store.users import User

PLAIN = StatusPageSettings("Page", "page")
LATER = NOON + 1_000


@pytest.fixture
async def user(store: Store) -> User:
    """An account without checks."""
    return await make_user(store)


async def make(store: Store, user: User, settings: StatusPageSettings = PLAIN) -> StatusPage:
    return await create_status_page(store, user, settings, now=NOON, most=3)


async def edit(store: Store, user: User, page: StatusPage, **changes: object) -> StatusPage:
    change = partial(replace, **changes)
    return await update_status_page(store, user, page.id, change, now=LATER)


async def test_what_goes_in_comes_out(store: Store, user: User) -> None:
    check = await make_check(store, user)
    full = StatusPageSettings(
        name="K\u00e4se \U0001f986",
        slug="kaese",
        visibility="unlisted",
        layout="timeline",
        theme="arcade",
        scheme="light",
        intro="One\n\n*two* \u2603",
        notice=Notice("resolved", "Over\nnow", NOON - 5),
        entries=(
            Entry("heading", '"A", [b]'),
            Entry("check", str(check.id)),
            Entry("tag", "\u00e4"),
            Entry("heading", '"A", [b]'),
        ),
    )
    made = await make(store, user, full)
    assert made.settings == full
    assert (made.user_id, made.created_at, made.changed_at) == (user.id, NOON, NOON)
    plain = await make(store, user)
    assert plain.settings == PLAIN
    assert plain.uuid != made.uuid
    assert await list_status_pages(store, user) == [made, plain]
    assert await get_status_page(store, user, made.id) == made
    assert await page_slug_holder(store, user, "kaese") == made.id
    assert await page_slug_holder(store, user, "nothing") is None
    # All of it can be taken off again.
    emptied = await update_status_page(
        store, user, made.id, lambda _: replace(PLAIN, slug="kaese"), now=LATER
    )
    assert emptied.settings == replace(PLAIN, slug="kaese")


async def test_an_edit_changes_what_it_is_to_and_tells_when(store: Store, user: User) -> None:
    made = await make(store, user)
    changed = await edit(store, user, made, slug="other", intro="Hello")
    assert changed == replace(
        made,
        settings=replace(PLAIN, slug="other", intro="Hello"),
        changed_at=LATER,
        revision=changed.revision,
    )
    assert changed.revision != made.revision
    assert await page_slug_holder(store, user, "page") is None


async def test_an_edit_that_changes_nothing_writes_nothing(store: Store, user: User) -> None:
    check = await make_check(store, user)
    entries = (Entry("check", str(check.id)), Entry("tag", "x"))
    made = await make(store, user, replace(PLAIN, entries=entries))
    before = await dump(store)
    assert await edit(store, user, made) == made
    assert await dump(store) == before
    # Nor when a check has gone: it is not shown, so it is no change.
    await delete_check(store, user, str(check.id))
    before = await dump(store)
    seen: list[StatusPageSettings] = []
    assert await update_status_page(store, user, made.id, lambda s: seen.append(s) or s, now=LATER) == made  # type: ignore[func-returns-value]
    assert await dump(store) == before
    assert seen == [replace(PLAIN, entries=(Entry("tag", "x"),))]
    # With the next change it is gone from the page.
    assert (await edit(store, user, made, name="New")).settings.entries == (Entry("tag", "x"),)


async def test_two_edits_at_once_both_count(store: Store, user: User) -> None:
    made = await make(store, user)
    await asyncio.gather(edit(store, user, made, intro="Hello"), edit(store, user, made, layout="grid"))
    found = await get_status_page(store, user, made.id)
    assert (found.settings.intro, found.settings.layout) == ("Hello", "grid")


async def test_an_edit_gives_up_when_others_edit_all_the_time(store: Store, user: User) -> None:
    made = await make(store, user)
    turns = 0
    real = get_status_page

    async def stale(*arguments: object) -> StatusPage:
        nonlocal turns
        turns += 1
        return replace(await real(store, user, made.id), revision="older")

    with mock.patch.object(status_pages, "get_status_page", stale), pytest.raises(StoreUnavailable):
        await edit(store, user, made, name="New")
    assert turns == 5
    assert (await get_status_page(store, user, made.id)).name == "Page"


async def test_slugs_and_the_number_of_pages_are_the_accounts(store: Store, user: User) -> None:
    made = await make(store, user)
    other = await make(store, await make_user(store))
    assert other.settings == made.settings
    second = await make(store, user, replace(PLAIN, slug="second"))
    for refused in (make(store, user), edit(store, user, second, slug="page")):
        with pytest.raises(PageSlugTaken) as taken:
            await refused
        assert taken.value.page_id == made.id
    await make(store, user, replace(PLAIN, slug="third"))
    with pytest.raises(QuotaReached, match="3 status pages"):
        await make(store, user, replace(PLAIN, slug="fourth"))
    await delete_status_page(store, user, made.id)
    assert (await make(store, user)).settings.slug == "page"


async def test_checks_have_to_be_the_accounts(store: Store, user: User) -> None:
    own = await make_check(store, user)
    foreign = await make_check(store, await make_user(store))
    assert await checks_there(store, user, [own.id, foreign.id, 999]) == {own.id}
    assert await checks_there(store, user, []) == frozenset()
    made = await make(store, user)
    for missing in (foreign.id, 999):
        entries = (Entry("check", str(own.id)), Entry("check", str(missing)))
        for refused in (
            make(store, user, replace(PLAIN, slug="new", entries=entries)),
            edit(store, user, made, entries=entries),
        ):
            with pytest.raises(Contradiction, match=f"You have no check {missing}."):
                await refused
    assert await list_status_pages(store, user) == [made]


async def test_what_is_not_the_accounts_is_not_there(store: Store, user: User) -> None:
    made = await make(store, user)
    stranger = await make_user(store)
    while stranger.partition != user.partition:
        stranger = await make_user(store)
    before = await dump(store)
    for who, number in ((stranger, made.id), (user, made.id + 1)):
        for refused in (
            get_status_page(store, who, number),
            update_status_page(store, who, number, lambda _: replace(PLAIN, name="Taken"), now=LATER),
            delete_status_page(store, who, number),
        ):
            with pytest.raises(NotFound, match="no such status page"):
                await refused
    assert await list_status_pages(store, stranger) == []
    assert await dump(store) == before
    await delete_status_page(store, user, made.id)
    with pytest.raises(NotFound):
        await delete_status_page(store, user, made.id)
    assert await list_status_pages(store, user) == []


async def test_of_an_account_that_is_gone_no_page_is_made(store: Store, user: User) -> None:
    await store.redis.hdel(keys.user(user.partition, user.id), "user_slug")
    with pytest.raises(NotFound, match="account"):
        await make(store, user)


async def test_a_look_that_is_no_more_becomes_the_first_one(store: Store, user: User) -> None:
    made = await make(store, user)
    key = keys.status_page(user.partition, made.id)
    await store.redis.hset(key, mapping={"layout": "spiral", "theme": "beige", "scheme": "dusk"})
    settings = (await get_status_page(store, user, made.id)).settings
    assert (settings.layout, settings.theme, settings.scheme) == (LAYOUTS[0], THEMES[0], "system")
    # One that an older version wrote with fewer fields is off: nobody said that it may be seen.
    await store.redis.hdel(key, "layout", "theme", "scheme", "visibility", "entries", "notice_at", "intro")
    settings = (await get_status_page(store, user, made.id)).settings
    assert settings == replace(PLAIN, visibility="off")
