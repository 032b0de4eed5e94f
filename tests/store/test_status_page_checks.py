"""The checks that stand on status pages: read in few round trips, and right whatever has gone in between."""

from unittest import mock

import pytest

from tests.everywhere import count
from tests.lua.parts import NOON, make_check, make_user, ping
from ttr.domain import limits
from ttr.domain.status_page import Entry, StatusPage, StatusPageSettings
from ttr.store import keys, status_page_checks
from ttr.store.checks import delete_check
from ttr.store.redis import Store
from ttr.store.status_page_checks import Member, read_members
from ttr.store.users import User


@pytest.fixture
async def user(store: Store) -> User:
    """An account without checks."""
    return await make_user(store)


def page(*entries: Entry) -> StatusPage:
    """A page that nobody has stored: what it shows is read from its entries."""
    return StatusPage(1, "", 1, StatusPageSettings("Page", "page", entries=entries), NOON, NOON, "")


def check(number: int) -> Entry:
    """A line that stands for one check."""
    return Entry("check", str(number))


async def shown(store: Store, user: User, *entries: Entry) -> list[int]:
    """The checks that a page of these entries shows."""
    (found,) = await read_members(store, user, [page(*entries)])
    return [member.id for member in found.members]


async def trips(store: Store) -> int:
    """Reads that Redis has done so far; a short pipeline is one."""
    return await count(store, "total_reads_processed")


@pytest.mark.single_redis
async def test_without_pages_or_checks_nothing_is_asked(store: Store, user: User) -> None:
    before = await trips(store)
    assert await read_members(store, user, []) == []
    (found,) = await read_members(store, user, [page(Entry("heading", "Soon"))])
    assert found.members == ()
    assert await trips(store) - before == 1  # the INFO that ends the count


async def test_a_member_says_what_its_check_does(store: Store, user: User) -> None:
    made = await make_check(store, user, name="K\u00e4se")
    new = await make_check(store, user)
    await ping(store, user, made.id, "start", now=NOON, request="1")
    await ping(store, user, made.id, now=NOON + 1_500, request="2")
    (found,) = await read_members(store, user, [page(check(made.id), check(new.id))])
    assert found.members == (
        Member(made.id, made.uuid, "K\u00e4se", "up", NOON + 1_500, 1_500),
        Member(new.id, new.uuid, "backup", "new", None, None),
    )


@pytest.mark.single_redis
async def test_many_pages_take_no_more_round_trips_than_one(store: Store, user: User) -> None:
    made = [await make_check(store, user, tags=("even" if n % 2 else "odd",)) for n in range(12)]
    pages = [page(Entry("tag", "even"), check(made[n].id), Entry("tag", "odd"), check(999)) for n in range(6)]
    counts = []
    for some in (pages[:1], pages):
        before = await trips(store)
        found = await read_members(store, user, some)
        counts.append(await trips(store) - before - 1)
        assert [len(one.members) for one in found] == [12] * len(some)
    assert counts == [4, 4]


async def test_what_is_gone_is_left_out_wherever_it_stood(store: Store, user: User) -> None:
    one, two, three = [await make_check(store, user, tags=("t",)) for _ in range(3)]
    entries = (check(two.id), Entry("heading", "Rest"), Entry("tag", "t"), check(999))
    await delete_check(store, user, str(two.id))
    (found,) = await read_members(store, user, [page(*entries)])
    assert found.settings.entries == (Entry("heading", "Rest"), Entry("tag", "t"))
    assert [member.id for member in found.members] == [one.id, three.id]
    # So is one that goes while we read.
    await store.redis.delete(keys.check(user.partition, one.id))
    assert await shown(store, user, Entry("tag", "t"), check(three.id)) == [three.id]


async def test_nothing_of_another_account_is_shown(store: Store) -> None:
    mine, theirs = await make_user(store), None
    while theirs is None or theirs.partition != mine.partition:
        theirs = await make_user(store)
    foreign = await make_check(store, theirs, tags=("t",))
    assert await shown(store, mine, check(foreign.id), Entry("tag", "t")) == []
    assert await shown(store, theirs, Entry("tag", "t")) == [foreign.id]


@pytest.mark.parametrize("whole_most", [10_000, 1])
async def test_tags_go_by_name_and_equal_names_by_number(
    store: Store, user: User, monkeypatch: pytest.MonkeyPatch, whole_most: int
) -> None:
    monkeypatch.setattr(status_page_checks, "WHOLE_MOST", whole_most)
    made = {
        name: (await make_check(store, user, name=name, tags=("t",))).id
        for name in ("b", "B ", "a", "\u00c4")
    }
    again = (await make_check(store, user, name="b", tags=("t",))).id
    order = await shown(store, user, Entry("tag", "t"))
    assert order == [made["a"], made["b"], again, made["B "], made["\u00c4"]]
    # While the index is built anew they still come, in some order.
    await store.redis.delete(keys.by_name(user.partition, user.id))
    assert await shown(store, user, Entry("tag", "t")) == sorted([*made.values(), again])


@pytest.mark.parametrize(("most", "expected"), [(1, 1), (4, 4), (5, 5), (6, 5)])
async def test_no_more_than_may_be_are_shown_or_read(
    store: Store, user: User, most: int, expected: int
) -> None:
    made = [await make_check(store, user, name=f"{n}", tags=("t",)) for n in range(5)]
    with (
        mock.patch.object(limits, "STATUS_PAGE_CHECKS_MAX", most),
        mock.patch.object(status_page_checks, "_AT_ONCE", 2),
    ):
        assert await shown(store, user, Entry("tag", "t")) == [one.id for one in made[:expected]]
        (found,) = await read_members(store, user, [page(Entry("tag", "t"), check(made[4].id))])
    assert len(found.members) == expected
    # What is beyond it keeps its place.
    assert found.settings.check_ids == (made[4].id,)
