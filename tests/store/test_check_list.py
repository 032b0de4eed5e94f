"""Lists of checks by example: equal and empty values, edges that moved or are gone, and what else is counted."""

import pytest

from tests.lua.parts import FLAPS, MINUTE, MINUTELY, NOON, make_check, make_user, ping, settings
from ttr.domain.schedule import Schedule
from ttr.store import checks
from ttr.store.check_list import (
    Counts,
    Filter,
    Place,
    check_counts,
    list_checks,
    list_tags,
    list_version,
)
from ttr.store.deadlines import sweep
from ttr.store.redis import Store
from ttr.store.users import User

HOURLY = Schedule("interval", 3_600, None, "UTC")


@pytest.fixture
async def user(store: Store) -> User:
    """An account without checks."""
    return await make_user(store)


async def shown(store: Store, user: User, **wanted: object) -> list[int]:
    page = await list_checks(store, user, **{"size": 100, "now": NOON, **wanted})  # type: ignore[arg-type]
    return [check.id for check in page.checks]


async def test_what_is_empty_comes_last_both_ways_and_equal_values_go_by_number(
    store: Store, user: User
) -> None:
    made = [(await make_check(store, user)).id for _ in range(6)]
    for number, at in ((0, 5), (2, 5), (4, 1)):
        await ping(store, user, made[number], now=NOON + at, request=str(number))
    ascending = await shown(store, user, sort="last_ping", descending=False)
    assert ascending == [made[i] for i in (4, 0, 2, 1, 3, 5)]
    descending = await shown(store, user, sort="last_ping")
    assert descending == [made[i] for i in (2, 0, 4, 5, 3, 1)]
    middle = await list_checks(
        store, user, sort="last_ping", size=2, place=Place("inf", made[3]), backward=True, now=NOON
    )
    assert [check.id for check in middle.checks] == [made[4], made[5]]


async def test_a_page_goes_on_behind_a_check_that_has_moved_or_is_gone(store: Store, user: User) -> None:
    made = [(await make_check(store, user, name=f"job {number}")).id for number in range(6)]
    first = await list_checks(store, user, sort="name", descending=False, size=2, now=NOON)
    assert first.after == Place("job 1", made[1])
    moved = settings(name="zz")
    await checks.update_check(store, user, str(made[1]), lambda _: moved, now=NOON)
    second = await list_checks(
        store, user, sort="name", descending=False, size=2, place=first.after, now=NOON
    )
    assert [check.id for check in second.checks] == made[2:4]
    await checks.delete_check(store, user, str(made[3]))
    third = await list_checks(
        store, user, sort="name", descending=False, size=2, place=second.after, now=NOON
    )
    assert [check.id for check in third.checks] == made[4:]
    back = await list_checks(
        store, user, sort="name", descending=False, size=2, place=third.before, backward=True, now=NOON
    )
    assert [check.id for check in back.checks] == [made[0], made[2]]
    assert (back.before, back.after) == (None, Place("job 2", made[2]))


async def test_an_empty_page_still_leads_back(store: Store, user: User) -> None:
    made = [(await make_check(store, user)).id for _ in range(3)]
    page = await list_checks(store, user, size=2, now=NOON)
    await checks.delete_check(store, user, str(made[0]))
    empty = await list_checks(store, user, size=2, place=page.after, now=NOON)
    assert (empty.checks, empty.after) == ([], None)
    assert empty.before is not None
    back = await list_checks(store, user, size=2, place=empty.before, backward=True, now=NOON)
    assert [check.id for check in back.checks] == [made[2], made[1]]


@pytest.mark.parametrize("place", [Place("", 1), Place("-7", 0), Place("inf", 10**15), Place("9" * 17, 2)])
@pytest.mark.parametrize("sort", ["id", "name", "uuid", "deadline", "status"])
async def test_a_place_nobody_gave_is_a_place_like_any_other(
    store: Store, user: User, sort: str, place: Place
) -> None:
    made = [(await make_check(store, user)).id for _ in range(3)]
    for descending in (True, False):
        ahead = await shown(store, user, sort=sort, descending=descending, place=place)
        behind = await shown(store, user, sort=sort, descending=descending, place=place, backward=True)
        assert sorted({*ahead, *behind}) == made


async def test_tags_are_all_or_any_and_a_status_is_one_of_several(store: Store, user: User) -> None:
    tags = (("a",), ("b",), ("b", "a"), ("a", "b"))
    a, b, both, too = [(await make_check(store, user, tags=names)).id for names in tags]
    await ping(store, user, a, request="1")
    await ping(store, user, b, "start", request="2")
    assert await shown(store, user, filter=Filter(tags=("a", "b"))) == [too, both]
    assert await shown(store, user, filter=Filter(tags=("a", "b"), any_tag=True)) == [too, both, b, a]
    assert await shown(store, user, filter=Filter(tags=("a", "no such"))) == []
    assert await shown(store, user, filter=Filter(tags=("a", "no such"), any_tag=True)) == [too, both, a]
    assert await shown(store, user, filter=Filter(statuses=("up", "running"))) == [b, a]
    # The narrowest part is gathered, and the others are looked at as well.
    running = ("running",)
    assert await shown(store, user, filter=Filter(statuses=running, tags=("a", "b"))) == []
    assert await shown(store, user, filter=Filter(statuses=running, tags=("a", "b"), any_tag=True)) == [b]
    late = Filter(statuses=("late",))
    assert await shown(store, user, filter=late, now=NOON + MINUTE - 1) == []
    assert await shown(store, user, filter=late, now=NOON + MINUTE) == [too, both, b, a]


async def test_the_version_changes_with_whatever_a_list_shows(store: Store, user: User) -> None:
    seen = [await list_version(store, user, now=NOON)]
    check = await make_check(store, user)
    seen.append(await list_version(store, user, now=NOON))
    seen.append(await list_version(store, user, now=NOON + MINUTE))  # late by now, and nothing was written
    await ping(store, user, check.id, now=NOON + MINUTE)
    seen.append(await list_version(store, user, now=NOON + MINUTE))
    await checks.delete_check(store, user, str(check.id))
    seen.append(await list_version(store, user, now=NOON + MINUTE))
    assert len(set(seen)) == len(seen)
    await make_check(store, await make_user(store))
    assert await list_version(store, user, now=NOON + 9 * MINUTE) == seen[-1]


async def test_checks_are_counted_by_what_they_do(store: Store, user: User) -> None:
    assert await check_counts(store, user, now=NOON) == Counts(0, 0, 0, 0, 0, 0, 0, 0, None, None, 0)
    made = [
        (await make_check(store, user, tags=("a", f"t{number}"), schedule=HOURLY if number else MINUTELY)).id
        for number in range(5)
    ]
    await ping(store, user, made[0], "start", request="1")
    await ping(store, user, made[0], now=NOON + 2_500, request="2")
    await ping(store, user, made[1], "fail", now=NOON + 1, request="3", reason="fail")
    await ping(store, user, made[2], "start", request="4")
    await checks.pause_check(store, user, str(made[3]), now=NOON)
    counts = await check_counts(store, user, now=NOON + 2_500 + MINUTE)
    assert counts == Counts(
        total=5,
        new=2,
        up=1,
        down=1,
        paused=1,
        late=1,
        running=1,
        tags=6,
        mean_interval_seconds=(60 + 4 * 3_600) / 5,
        mean_duration_seconds=2.5,
        queued=0,
    )


async def test_what_the_clock_finds_is_counted(store: Store, user: User) -> None:
    await make_check(store, user)
    then = NOON + 2 * MINUTE
    assert (await check_counts(store, user, now=then)).late == 1
    await sweep(store, user.partition, now=then, pings_accepted=then, flap=FLAPS)
    counts = await check_counts(store, user, now=then)
    assert (counts.down, counts.new, counts.late) == (1, 0, 0)


async def test_tags_are_listed_by_name_with_their_checks(store: Store, user: User) -> None:
    assert await list_tags(store, user) == []
    await make_check(store, user, tags=("beta", "Éa"))
    gone = await make_check(store, user, tags=("Alpha", "beta"))
    assert [(tag.name, count) for tag, count in await list_tags(store, user)] == [
        ("Alpha", 1),
        ("beta", 2),
        ("Éa", 1),
    ]
    assert [tag.name for tag, _ in await list_tags(store, user, most=2)] == ["Alpha", "beta"]
    await checks.delete_check(store, user, str(gone.id))
    assert [(tag.name, count) for tag, count in await list_tags(store, user)] == [("beta", 1), ("Éa", 1)]
