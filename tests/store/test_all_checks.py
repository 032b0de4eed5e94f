"""The checks of all accounts: everything is found, once, and a request does so much work and no more."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.everywhere import count
from tests.lua.parts import MINUTE, NOON, make_check, make_user, ping
from tests.marked import unguarded
from tests.store.crowd import make_crowd
from ttr import accounts
from ttr.domain.invalid import Invalid
from ttr.store import all_checks as module
from ttr.store import checks, keys
from ttr.store.all_checks import Found, all_checks
from ttr.store.check_list import Filter
from ttr.store.redis import Store

DOWN = Filter(statuses=("down",))


async def pages(store: Store, filter: Filter, *, size: int = 2, now: int = NOON) -> AsyncIterator[Found]:
    """One answer after the other to the end."""
    onward: str | None = ""
    while onward is not None:
        found = await all_checks(store, filter, onward=onward, size=size, now=now)
        assert len(found.checks) <= size
        yield found
        onward = found.onward


async def numbers(store: Store, filter: Filter, **more: Any) -> list[int]:
    """The numbers of all checks that are found."""
    return [check.id async for found in pages(store, filter, **more) for check in found.checks]


async def test_all_come_newest_first_whoever_made_them(store: Store) -> None:
    one, two = await make_user(store), await make_user(store)
    made = [(await make_check(store, user)).id for user in (one, two, one, one, two, two, one)]
    await checks.delete_check(store, one, str(made[2]))
    del made[2]
    for size in (1, 2, 3, 6, 7, 100):
        assert await numbers(store, Filter(), size=size) == made[::-1], size


async def test_a_filter_goes_account_by_account(store: Store) -> None:
    one, two, three = [await make_user(store) for _ in range(3)]
    made = [(user, (await make_check(store, user)).id) for user in (one, two, one, two, three, one)]
    for user, check in made[:4]:
        await ping(store, user, check, "fail", now=NOON, request=str(check), reason="fail")
    wanted = [made[index][1] for index in (3, 1, 2, 0)]
    for size in (1, 2, 3, 4, 5):
        assert await numbers(store, DOWN, size=size) == wanted, size
    assert await numbers(store, Filter(statuses=("down", "new")), size=2) == [
        made[index][1] for index in (4, 3, 1, 5, 2, 0)
    ]
    assert await numbers(store, Filter(statuses=("paused",))) == []


async def test_late_ones_are_found_by_the_time(store: Store) -> None:
    user = await make_user(store)
    late, _ = await make_check(store, user), await make_check(store, user, now=NOON + MINUTE)
    assert await numbers(store, Filter(statuses=("late",)), now=NOON + MINUTE + 1) == [late.id]


async def test_words_are_looked_for_in_name_and_slug(store: Store) -> None:
    one, two = await make_user(store), await make_user(store)
    by_name = await make_check(store, one, name="Nightly BACKUP")
    await make_check(store, one, name="mail")
    by_slug = await make_check(store, two, name="x", slug="db-backup")
    assert await numbers(store, Filter(words=("backup",)), size=1) == [by_slug.id, by_name.id]
    assert await numbers(store, Filter(words=("backup", "night"))) == [by_name.id]
    assert await numbers(store, Filter(words=("backup",), statuses=("down",))) == []


async def test_checks_of_an_account_that_is_deleted_are_not_shown_and_hide_none(store: Store) -> None:
    one, two = await make_user(store), await make_user(store)
    made = [(user, (await make_check(store, user)).id) for user in (one, two, one, two, two)]
    await store.redis.hdel(keys.user(two.partition, two.id), "user_slug")  # as its deletion begins
    kept = [check for user, check in made if user is one][::-1]
    for size in (1, 2, 3):
        assert await numbers(store, Filter(), size=size) == kept
        assert await numbers(store, Filter(statuses=("new",)), size=size) == kept
    await store.redis.hset(keys.user(two.partition, two.id), "user_slug", two.user_slug)
    await accounts.delete_account(store, two, now=NOON)
    assert await numbers(store, Filter()) == kept


@pytest.mark.parametrize("onward", ["x", "-1", "1.2.3", "1.", ".1", "1" * 16, "1." + "1" * 11, "٣"])
async def test_a_place_that_no_answer_gave_is_refused(store: Store, onward: str) -> None:
    with pytest.raises(Invalid):
        await all_checks(store, Filter(), onward=onward, size=2, now=NOON)


async def test_a_place_of_the_other_kind_or_beyond_everything_does_no_harm(store: Store) -> None:
    check = await make_check(store, await make_user(store))
    for onward in ("1.5", "999999999999999", "999999999999999.9999999999"):
        for filter in (Filter(), Filter(statuses=("new",))):
            found = await all_checks(store, filter, onward=onward, size=2, now=NOON)
            assert [one.id for one in found.checks] in ([check.id], []), onward


async def commands(store: Store) -> int:
    """Commands that Redis has run, those in scripts as well."""
    return await count(store, "total_commands_processed")


@pytest.mark.timeout(300)
async def test_with_ten_thousand_accounts_a_request_is_bounded_and_passes_over_gaps(store: Store) -> None:
    await make_crowd(store, 10_000)
    async with store.redis.pipeline(transaction=False) as pipe:
        for number in range(5_000, 10_001):
            pipe.delete(keys.check(keys.partition_of(number), number))
        await pipe.execute()
    searches = [
        (Filter(), 500, module.NUMBERS_MOST),
        (DOWN, 1_500, module.ACCOUNTS_MOST),
        (Filter(words=("check 7",)), 1_500, module.SEARCHED_MOST),
    ]
    for filter, most, looked in searches:
        with unguarded():  # which looks at the partitions by commands of its own
            before = await commands(store)
            found = await all_checks(store, filter, size=25, now=NOON)
            assert await commands(store) - before < most, filter
        assert (found.looked, found.checks) == (looked, []), filter
        assert found.onward == (f"{10_000 - looked}.0" if filter != Filter() else f"{10_000 - looked}")
    found = await all_checks(store, Filter(), onward="6000", size=25, now=NOON)
    assert [check.id for check in found.checks] == list(range(4_999, 4_974, -1))
    found = await all_checks(store, Filter(words=("check 7",)), onward="60.0", size=25, now=NOON)
    assert [check.id for check in found.checks] == [7]


async def test_a_request_enters_so_many_accounts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ENTERED_MOST", 3)
    await make_crowd(store, 10)
    looked = [
        (len(found.checks), found.looked) async for found in pages(store, Filter(statuses=("new",)), size=25)
    ]
    assert looked == [(3, 3), (3, 3), (3, 3), (1, 1)]
