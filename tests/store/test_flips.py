"""What the scripts keep of a check's statuses, read back: pages that stay in step, and the history behind uptime."""

import random

import pytest

from tests.lua.clock import tick
from tests.lua.parts import NOON, make_check, make_user, ping
from ttr.domain.check import Check
from ttr.domain.flapping import FlapRules
from ttr.domain.uptime import DAY_MS, WINDOWS, Spent, uptime
from ttr.store import keys
from ttr.store.checks import delete_check, get_check, pause_check, resume_check
from ttr.store.deadlines import sweep
from ttr.store.errors import NotFound
from ttr.store.flips import read_flips, read_history
from ttr.store.redis import Store
from ttr.store.users import User

NEVER_FLAPS = FlapRules(window_ms=1, threshold=0, suppression_ms=1)
HOUR = 3_600_000


@pytest.fixture
async def user(store: Store) -> User:
    return await make_user(store)


async def turn(store: Store, user: User, check: Check, up: bool, now: int) -> None:
    """A success or a failure; the check changes its status if it was otherwise."""
    kind, reason, detail = ("success", "", "") if up else ("fail", "exit_status", "3")
    answer = await ping(
        store, user, check.id, kind, now=now, reason=reason, detail=detail, due="", flap=NEVER_FLAPS
    )
    assert answer[0] == b"ok"


async def test_a_change_says_when_from_what_to_what_why_and_after_how_long(store: Store, user: User) -> None:
    check = await make_check(store, user)
    await turn(store, user, check, False, NOON + 5_000)
    await turn(store, user, check, True, NOON + 9_000)
    await turn(store, user, check, True, NOON + 10_000)
    page = await read_flips(store, check, size=10)
    seen = [(f.number, f.at, f.old, f.new, f.lasted_ms, f.reason, f.detail) for f in page.flips]
    assert seen == [
        (2, NOON + 9_000, "down", "up", 4_000, "", ""),
        (1, NOON + 5_000, "new", "down", 5_000, "exit_status", "3"),
    ]
    assert (page.before, page.total) == (None, 2)


async def test_pages_stay_in_step_while_changes_come_in_and_old_ones_go(store: Store, user: User) -> None:
    check = await make_check(store, user)
    # Five in each millisecond: their times tell nothing about their order.
    for number in range(1, 251):
        await ping_once(store, user, check, number)
    first = await read_flips(store, check, size=30)
    seen = [flip.number for flip in first.flips]
    before, number = first.before, 250
    while before is not None:
        for _ in range(7):
            number += 1
            await ping_once(store, user, check, number)
        page = await read_flips(store, check, size=30, before=before)
        assert page.total == number
        seen += [flip.number for flip in page.flips]
        before = page.before
    # 200 are kept; what was trimmed while we paged is gone, nothing is shown twice and nothing between is missing.
    assert seen == list(range(250, 250 - len(seen), -1))
    assert seen[-1] == number - 200 + 1


async def ping_once(store: Store, user: User, check: Check, number: int) -> None:
    """The check's change of that number; five happen in a millisecond."""
    answer = await ping(
        store,
        user,
        check.id,
        "success" if number % 2 else "fail",
        now=NOON + number // 5,
        request=str(number),
        reason="" if number % 2 else "fail",
        due="",
        flap=NEVER_FLAPS,
    )
    assert answer[0] == b"ok"


async def test_an_exact_page_has_nothing_behind_it(store: Store, user: User) -> None:
    check = await make_check(store, user)
    for number in range(1, 5):
        await ping_once(store, user, check, number)
    page = await read_flips(store, check, size=2)
    assert ([flip.number for flip in page.flips], page.before) == ([4, 3], 3)
    page = await read_flips(store, check, size=2, before=3)
    assert ([flip.number for flip in page.flips], page.before) == ([2, 1], None)
    assert (await read_flips(store, check, size=2, before=1)).flips == []
    assert (await read_flips(store, check, size=2, before=99)).before == 3


async def test_changes_and_history_of_a_check_that_is_gone_are_not_found(store: Store, user: User) -> None:
    check = await make_check(store, user)
    await delete_check(store, user, str(check.id))
    with pytest.raises(NotFound):
        await read_flips(store, check, size=1)
    with pytest.raises(NotFound):
        await read_history(store, check)


@pytest.mark.parametrize("seed", range(3))
async def test_uptime_is_what_really_happened(store: Store, user: User, seed: int) -> None:
    # Some 250 changes within 90 days: the newest 200 are kept, of those before only sums a day.
    draw = random.Random(seed)
    check = await make_check(store, user)
    truth: list[tuple[int, int, str]] = []
    now, status = NOON, "new"
    for step in range(450):
        lasted = draw.choice(
            (0, draw.randrange(60_000), draw.randrange(12 * HOUR), draw.randrange(12 * HOUR))
        )
        now, before = now + lasted, now
        if truth and truth[-1][2] == status:
            truth[-1] = (truth[-1][0], now, status)
        else:
            truth.append((before, now, status))
        if status == "paused":
            check = await resume_check(store, user, str(check.id), now=now)
        elif draw.random() < 0.1:
            check = await pause_check(store, user, str(check.id), now=now)
        else:
            await ping(
                store,
                user,
                check.id,
                draw.choice(("success", "fail")),
                now=now,
                request=str(step),
                due="",
                flap=NEVER_FLAPS,
            )
            check = await get_check(store, user, str(check.id))
        status = check.status
    now += HOUR
    truth.append((now - HOUR, now, status))
    history = await read_history(store, check)
    assert (history.created_at, history.status, len(history.flips)) == (NOON, status, 200)
    figures = uptime(history, now)

    def really(start: int, end: int) -> Spent:
        found = {"new": 0, "up": 0, "down": 0, "paused": 0}
        for begun, ended, was in truth:
            found[was] += max(0, min(end, ended) - max(start, begun))
        return Spent(**found)

    for day, spent in figures.days:
        assert spent == really(day * DAY_MS, (day + 1) * DAY_MS)
    reach = history.flips[-1].at - history.flips[-1].lasted_ms
    assert reach > NOON
    for name in WINDOWS:
        start = now - WINDOWS[name]
        if start >= reach or start <= NOON:
            assert figures.windows[name] == really(start, now), name
    assert figures.windows["24h"].up + figures.windows["24h"].down > 0


async def test_when_we_were_blind_is_left_out_and_stays_so_when_its_flips_are_gone(
    store: Store, user: User
) -> None:
    midnight = NOON + 12 * HOUR
    check = await make_check(store, user)
    await turn(store, user, check, True, NOON + HOUR)
    await tick(store, user, midnight - 2 * HOUR)
    # The clock is away for four hours, and a ping comes meanwhile; then it finds the check overdue.
    await turn(store, user, check, False, midnight - HOUR)
    early = uptime(await read_history(store, check), midnight + HOUR)
    back = midnight + 2 * HOUR
    while (await sweep(store, user.partition, now=back, pings_accepted=back, flap=NEVER_FLAPS)).more:
        pass
    await turn(store, user, check, True, back + HOUR)
    await tick(store, user, back + 2 * HOUR)
    first = uptime(await read_history(store, check), back + 2 * HOUR)
    day = NOON // DAY_MS
    closed = Spent(new=HOUR, up=9 * HOUR, blind=2 * HOUR)
    assert dict(early.days)[day] == dict(first.days)[day] == closed
    assert dict(first.days)[day + 1] == Spent(down=HOUR, up=HOUR, blind=2 * HOUR)
    assert first.windows["90d"] == Spent(new=HOUR, up=10 * HOUR, down=HOUR, blind=4 * HOUR)
    later = back + 2 * HOUR
    await tick(store, user, later)
    for number in range(201):
        await turn(store, user, check, bool(number % 2), later + number)
    await tick(store, user, later + DAY_MS)
    history = await read_history(store, check)
    assert history.flips[-1].number == 5
    assert history.days == {
        (day, "new"): HOUR,
        (day, "up"): 9 * HOUR,
        (day, "blind"): 2 * HOUR,
        (day + 1, "blind"): 2 * HOUR,
        (day + 1, "down"): HOUR,
        (day + 1, "up"): HOUR,
    }
    assert dict(uptime(history, later + DAY_MS).days)[day] == closed


async def test_a_count_that_is_missing_is_the_number_of_changes_kept(store: Store, user: User) -> None:
    check = await make_check(store, user)
    for number in range(1, 4):
        await ping_once(store, user, check, number)
    await store.redis.hdel(keys.check(user.partition, check.id), "flip_number")
    page = await read_flips(store, check, size=10)
    assert [flip.number for flip in page.flips] == [3, 2, 1]
