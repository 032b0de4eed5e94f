"""Cleanup: what nobody uses goes, at the day and not before, and nothing of it stays; whatever is used stays."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from psycopg import sql

from tests.archive.rows import rows
from tests.conftest import MASTER_KEY
from tests.everywhere import key_names
from tests.lua.parts import MINUTE, NOON, make_channel, make_check, make_user, ping
from tests.store.test_deletion import besides, contents, live, renewed
from ttr import accounts, cleanup
from ttr.archive.database import Database
from ttr.archive.snapshot import snapshot
from ttr.cleanup import DAY_MS, Cleaned, CleanupBusy, clean, clean_if_due, survey
from ttr.domain.schedule import Schedule
from ttr.domain.status_page import Entry, StatusPageSettings
from ttr.domain.telegram_login import TelegramAccount
from ttr.store import access_keys, channels, checks, chores, idle, keys, sessions
from ttr.store.cleanups import Progress, hold_lease, note_progress, read_progress
from ttr.store.deliveries import hand_out
from ttr.store.redis import Store
from ttr.store.status_pages import create_status_page, update_status_page
from ttr.store.users import User, create_user, user_by_id

DAYS = 180
LONG = NOON + DAYS * DAY_MS
"""So long after noon that what was touched then stays by a millisecond."""
HOUR = 60 * MINUTE
YEARLY = Schedule("cron", None, "0 0 1 1 *", "UTC")


async def looked(store: Store, now: int) -> None:
    """Clocks have looked until now."""
    for partition in range(keys.PARTITIONS):
        await store.redis.hset(keys.clock(partition), "tick", now)


async def seen_gone(store: Store, now: int) -> Cleaned:
    """Whether a dry run and a real one agree, and what the real one did."""
    await looked(store, now)
    before = await contents(store)
    would = await survey(store, DAYS, now)
    assert await contents(store) == before, "a dry run changes nothing"
    did = await clean(store, DAYS, now)
    assert (would.checks, would.accounts) == (did.checks, did.accounts)
    assert (would.named_checks, would.named_accounts) == (did.named_checks, did.named_accounts)
    return did


async def paused_at(store: Store, user: User, check: int, at: int) -> None:
    """A check waits for its next run unless it is paused."""
    await checks.pause_check(store, user, str(check), now=at)


async def pinged(kind: str, store: Store, user: User, check: int, at: int) -> None:
    """A ping of one kind."""
    await ping(store, user, check, kind, now=at, reason="fail" if kind == "fail" else "")


async def edited(store: Store, user: User, check: int, at: int) -> None:
    """An edit that changes no time of anything else."""
    await checks.update_check(
        store, user, str(check), lambda was: replace(was, description=f"Of {at}"), now=at
    )


async def resumed(store: Store, user: User, check: int, at: int) -> None:
    """Paused and resumed; nothing is expected of it any more."""
    await paused_at(store, user, check, at - 1)
    await checks.resume_check(store, user, str(check), now=at)


async def given_a_channel(store: Store, user: User, check: int, at: int) -> None:
    """A channel of its own."""
    await make_channel(store, user, own_check=check, now=at, address="a9")


Touch = Callable[[Store, User, int, int], Awaitable[None]]


async def start(store: Store, user: User, check: int, at: int) -> None:
    """A start."""
    await pinged("start", store, user, check, at)


async def log_only(store: Store, user: User, check: int, at: int) -> None:
    """A ping that is only recorded."""
    await pinged("log", store, user, check, at)


async def ignored(store: Store, user: User, check: int, at: int) -> None:
    """A ping that counts as nothing."""
    await pinged("ignored", store, user, check, at)


async def success(store: Store, user: User, check: int, at: int) -> None:
    """A success."""
    await pinged("success", store, user, check, at)


async def failure(store: Store, user: User, check: int, at: int) -> None:
    """A failure."""
    await pinged("fail", store, user, check, at)


TOUCHES: list[Touch] = [
    start,
    log_only,
    ignored,
    success,
    failure,
    edited,
    resumed,
    paused_at,
    given_a_channel,
]


async def without_deadline(store: Store, user: User, check: int) -> None:
    """As after its alert: else what a check waits for would count besides."""
    key = keys.check(user.partition, check)
    await store.redis.hset(key, mapping={"deadline": "", "due": ""})
    await store.redis.zrem(keys.deadlines(user.partition), check)


@pytest.fixture
async def user(store: Store) -> User:
    """An account in which somebody is all the time, so that its checks alone are judged."""
    user = await make_user(store)
    await store.redis.hset(keys.user(user.partition, user.id), "seen_at", LONG * 2)
    return user


@pytest.mark.parametrize("touch", TOUCHES, ids=lambda touch: touch.__name__)
@pytest.mark.parametrize(("later", "goes"), [(-1, False), (0, False), (1, True)])
async def test_a_check_goes_when_its_last_touch_is_older_than_that_and_not_before(
    store: Store, user: User, touch: Touch, later: int, goes: bool
) -> None:
    check = await make_check(store, user)
    at = NOON + 7 * DAY_MS
    await touch(store, user, check.id, at)
    await without_deadline(store, user, check.id)
    did = await seen_gone(store, at + DAYS * DAY_MS + later)
    assert did.checks == goes
    assert did.accounts == 0
    assert await store.redis.exists(keys.check(user.partition, check.id)) == (not goes)


@pytest.mark.parametrize(("later", "goes"), [(-1, False), (0, False), (1, True)])
async def test_one_that_was_never_pinged_counts_from_its_making(
    store: Store, user: User, later: int, goes: bool
) -> None:
    check = await make_check(store, user)
    await without_deadline(store, user, check.id)
    assert (await seen_gone(store, LONG + later)).checks == goes


async def test_one_whose_run_is_awaited_stays_and_goes_long_after_it_was_missed(
    store: Store, user: User
) -> None:
    check = await make_check(store, user, schedule=YEARLY)
    await ping(store, user, check.id, now=NOON, due=NOON + 365 * DAY_MS)
    deadline = NOON + 365 * DAY_MS + 60_000
    assert (await seen_gone(store, NOON + 200 * DAY_MS)).checks == 0
    assert (await seen_gone(store, deadline + DAYS * DAY_MS)).checks == 0
    assert (await seen_gone(store, deadline + DAYS * DAY_MS + 1)).checks == 1


@pytest.mark.parametrize("entry", [Entry("check", "{id}"), Entry("tag", "web")], ids=["itself", "by tag"])
async def test_one_that_a_status_page_shows_stays(store: Store, user: User, entry: Entry) -> None:
    shown = await make_check(store, user, tags=("web",))
    other = await make_check(store, user)
    for check in (shown, other):
        await without_deadline(store, user, check.id)
    line = replace(entry, value=entry.value.format(id=shown.id))
    settings = StatusPageSettings("Jobs", "jobs", entries=(line,))
    page = await create_status_page(store, user, settings, now=NOON, most=1)
    did = await seen_gone(store, LONG + 1)
    assert [check.id for check in did.named_checks] == [other.id]
    await update_status_page(store, user, page.id, lambda was: replace(was, entries=()), now=NOON)
    assert [check.id for check in (await seen_gone(store, LONG + 1)).named_checks] == [shown.id]


async def test_a_page_that_takes_a_check_between_the_look_and_the_removal_keeps_it(
    store: Store, user: User
) -> None:
    check = await make_check(store, user)
    await without_deadline(store, user, check.id)
    found = await idle.find_idle(store, user.id, before=LONG + 1)
    assert found is not None
    assert [one.id for one in found.checks] == [check.id]
    settings = StatusPageSettings("Jobs", "jobs", entries=(Entry("check", str(check.id)),))
    await create_status_page(store, user, settings, now=NOON, most=1)
    assert not await idle.remove_idle_check(
        store, user, check.id, before=LONG + 1, pages_version=found.pages_version
    )
    assert (await checks.get_check(store, user, str(check.id))).id == check.id


@pytest.mark.parametrize(
    "touch", [start, log_only, success, edited, resumed], ids=lambda touch: touch.__name__
)
async def test_a_touch_between_the_look_and_the_removal_wins(store: Store, user: User, touch: Touch) -> None:
    check = await make_check(store, user)
    own = await make_channel(store, user, own_check=check.id)
    await without_deadline(store, user, check.id)
    now = LONG + 1
    await looked(store, now)
    really = cleanup.find_idle

    async def and_then(*arguments: object, **named: object) -> object:
        found = await really(*arguments, **named)  # type: ignore[arg-type]
        await touch(store, user, check.id, now)
        return found

    with mock.patch.object(cleanup, "find_idle", and_then):
        assert (await clean(store, DAYS, now)).checks == 0
    kept = await checks.get_check(store, user, str(check.id))
    assert kept.channels == (own.id,)
    assert await channels.get_channel(store, user, own.id)


async def test_pings_that_race_with_their_check_s_removal_are_never_lost(store: Store, user: User) -> None:
    """Each ping is either refused as unknown, or its check is there afterwards."""
    made = [await make_check(store, user) for _ in range(40)]
    for check in made:
        await without_deadline(store, user, check.id)
    now = LONG + 1
    await looked(store, now)
    taken: dict[int, bool] = {}
    really = cleanup.remove_idle_check

    async def knock(check: int) -> None:
        taken[check] = (await ping(store, user, check, "log", now=now))[0] == b"ok"

    async def at_once(store: Store, user: User, check: int, **named: Any) -> bool:
        # The removal asks for the check's own channels first, so a ping that is sent with it mostly comes before it.
        if check % 2:
            _, gone = await asyncio.gather(knock(check), really(store, user, check, **named))
            return gone
        gone = await really(store, user, check, **named)
        await knock(check)
        return gone

    with mock.patch.object(cleanup, "remove_idle_check", at_once):
        did = await clean(store, DAYS, now)
    assert len(taken) == 40
    assert did.checks == sum(not one for one in taken.values())
    assert set(taken.values()) == {True, False}
    for number, was_taken in taken.items():
        assert await store.redis.exists(keys.check(user.partition, number)) == was_taken


async def test_time_in_which_nobody_could_be_seen_does_not_count(store: Store, user: User) -> None:
    check = await make_check(store, user)
    await without_deadline(store, user, check.id)
    # Everything was off from the tenth day on, for a year.
    off, on = NOON + 10 * DAY_MS, NOON + 375 * DAY_MS
    await looked(store, off)
    assert (await survey(store, DAYS, on)).checks == 0
    assert (await clean(store, DAYS, on)).checks == 0
    gap = {f"{off}:{on}": on}
    await store.redis.zadd(keys.gaps(user.partition), gap)
    assert (await seen_gone(store, on)).checks == 0
    assert (await seen_gone(store, on + 170 * DAY_MS)).checks == 0
    assert (await seen_gone(store, on + 170 * DAY_MS + 1)).checks == 1


async def test_where_no_clock_has_ever_looked_nothing_goes(store: Store, user: User) -> None:
    await without_deadline(store, user, (await make_check(store, user)).id)
    assert (await clean(store, DAYS, LONG * 2)).checks == 0


async def test_nothing_is_left_of_a_check_and_nothing_of_the_others_is_missing(store: Store) -> None:
    # Numbers that nothing else in Redis looks like.
    await store.redis.set(keys.sequence("check"), 7_770_000_000)
    user = await make_user(store)
    await store.redis.hset(keys.user(user.partition, user.id), "seen_at", LONG * 2)
    await live(store, user)
    for page in await store.redis.hvals(keys.page_slugs(user.partition, user.id)):
        await update_status_page(store, user, int(page), lambda was: replace(was, entries=()), now=NOON)
    members = await store.redis.zrange(keys.user_checks(user.partition, user.id), 0, -1)
    going = {int(member): await checks.get_check(store, user, member.decode()) for member in members}
    assert len(going) == 4
    # Of a check with more changes than are kept.
    await store.redis.hset(keys.days(user.partition, min(going)), "20513:up", 1)
    filled = await contents(store)
    of_checks = {
        name
        for name, function in vars(keys).items()
        if inspect.isfunction(function)
        and list(inspect.signature(function).parameters) == ["partition", "check_id"]
    }
    assert "ping_log" in of_checks
    for name in of_checks:
        assert any(getattr(keys, name)(user.partition, check) in filled for check in going), name
    # What waits or was sent tells of checks that are gone, as it does when an owner deletes them, for a week.
    await messages_end(store, user)
    staying = await make_check(store, user, slug="stays", now=LONG)

    did = await seen_gone(store, LONG + 10 * MINUTE)

    assert {check.id for check in did.named_checks} == set(going)
    left = {
        name: value for name, value in (await contents(store)).items() if name != keys.dirty(user.partition)
    }
    for check in going.values():
        assert str(check.id) not in str(left)
        assert check.uuid not in str(left)
    assert (await checks.get_check(store, user, "stays")).id == staying.id
    for channel in await store.redis.smembers(keys.user_channels(user.partition, user.id)):
        own = await store.redis.hget(keys.channel(user.partition, int(channel)), "own_check")
        assert own == b"", "a channel that was made for a check goes with it"


async def messages_end(store: Store, user: User) -> None:
    """Forget messages, as the week after their end does."""
    partition = user.partition
    await store.redis.delete(keys.outbox(partition), keys.lanes(partition))
    for pattern in ("lane:*", "delivery:*"):
        for key in await key_names(
            store, keys.prefix(partition).replace("{", "[{]").replace("}", "[}]") + pattern
        ):
            await store.redis.delete(key)
    await store.redis.delete(keys.user_deliveries(partition, user.id), keys.delivery_errors(partition))


async def test_nothing_is_left_of_an_account_but_the_sign_on_its_key(store: Store) -> None:
    staying = await make_user(store)
    await live(store, staying)
    await store.redis.hset(keys.user(staying.partition, staying.id), "seen_at", LONG * 3)
    for check in await store.redis.zrange(keys.user_checks(staying.partition, staying.id), 0, -1):
        await log_only(store, staying, int(check), LONG * 2)
    for lane in await hand_out(store, staying.partition, now=NOON, most=100):
        await store.redis.zadd(keys.lanes(staying.partition), {lane.name: LONG * 3})
    before = await contents(store)
    await store.redis.incrby(keys.sequence("user"), keys.PARTITIONS - 1)
    leaving, key = await create_user(store, now=NOON, master=MASTER_KEY)
    assert leaving.partition == staying.partition
    await live(store, leaving)
    await accounts.rename(
        store, await renewed(store, leaving), user_slug="second", public_slug="two", now=NOON
    )
    await accounts.unlink_telegram(store, await renewed(store, leaving))
    for page in await store.redis.hvals(keys.page_slugs(leaving.partition, leaving.id)):
        await store.redis.delete(keys.status_page(leaving.partition, int(page)))
    await store.redis.delete(keys.page_slugs(leaving.partition, leaving.id))

    did = await seen_gone(store, LONG + 10 * MINUTE)

    assert (did.named_accounts, did.checks) == ([leaving.id], 4)
    after = besides(await contents(store), key)
    # The clocks' ticks are the test's own.
    ticks = {keys.clock(partition) for partition in range(keys.PARTITIONS)}
    assert {name: value for name, value in after.items() if name not in ticks} == {
        name: value for name, value in besides(before).items() if name not in ticks
    }
    assert await user_by_id(store, staying.id) is not None


async def test_postgres_follows_with_the_next_snapshot(store: Store, database: Database) -> None:
    await store.redis.set(keys.sequence("user"), 7_770)
    user = await make_user(store)
    await snapshot(store, database)
    check = await make_check(store, user, tags=("db",))
    await make_channel(store, user, own_check=check.id)
    await failure(store, user, check.id, NOON)
    await without_deadline(store, user, check.id)
    await looked(store, LONG + HOUR)
    await snapshot(store, database)
    kept = await rows_with(database, "user_id", user.id)
    assert {"checks", "channels"} <= kept
    assert {"pings", "flips"} <= await rows_with(database, "check_id", check.id)
    await messages_end(store, user)

    did = await clean(store, DAYS, LONG + HOUR)

    assert (did.checks, did.accounts) == (1, 1)
    await snapshot(store, database, compare=True)
    assert await rows_with(database, "user_id", user.id) == set()
    assert await rows_with(database, "check_id", check.id) == set()
    assert await rows(database, "select id from users") == []


async def rows_with(database: Database, column: str, number: int) -> set[str]:
    """The tables in which a row has this number."""
    tables = await rows(
        database,
        "select table_name from information_schema.columns where column_name = %s and table_schema = 'public'",
        (column,),
    )
    found = set()
    for (table,) in tables:
        query = sql.SQL("select 1 from {} where {} = %s limit 1")
        async with database.connection() as connection:
            answer = await connection.execute(
                query.format(sql.Identifier(table), sql.Identifier(column)), (number,)
            )
            if await answer.fetchall():
                found.add(table)
    return found


@pytest.fixture
async def empty(store: Store) -> tuple[User, str]:
    """An account without checks, last seen when it was made."""
    return await create_user(store, now=NOON, master=MASTER_KEY)


@pytest.mark.parametrize(("later", "goes"), [(-1, False), (0, False), (1, True)])
async def test_an_empty_account_goes_when_nobody_was_there_for_longer_than_that(
    store: Store, empty: tuple[User, str], later: int, goes: bool
) -> None:
    assert (await seen_gone(store, LONG + later)).accounts == goes
    assert (await user_by_id(store, empty[0].id) is None) == goes


async def used_by_key(store: Store, user: User, at: int) -> None:
    """A call with its key."""
    ((key, _),) = await access_keys.list_keys(store, user)
    await access_keys.note_use(store, user, key, access_keys.Use(at, ""))


async def used_in_a_session(store: Store, user: User, at: int) -> None:
    """A page that a session from the beginning opens."""
    ((key, _),) = await access_keys.list_keys(store, user)
    session = await sessions.open_session(store, user, NOON, opened_by=sessions.by_key(key.digest))
    assert await sessions.session_user(store, session, sessions.Seen(at))


async def logged_in(store: Store, user: User, at: int) -> None:
    """A new session."""
    await sessions.open_session(store, user, at)


@pytest.mark.parametrize("use", [used_by_key, used_in_a_session, logged_in], ids=lambda use: use.__name__)
@pytest.mark.parametrize(("later", "goes"), [(0, False), (1, True)])
@pytest.mark.parametrize("lost", [False, True], ids=["", "what may be lost was lost"])
async def test_an_account_is_used_by_its_keys_and_its_sessions(
    store: Store,
    empty: tuple[User, str],
    use: Callable[[Store, User, int], Awaitable[None]],
    later: int,
    goes: bool,
    lost: bool,
) -> None:
    user, _ = empty
    at = NOON + 90 * DAY_MS
    await use(store, user, at)
    if lost:
        await store.redis.delete(keys.key_uses(user.partition, user.id))
        await store.redis.delete(keys.user_sessions(user.id))
    assert (await seen_gone(store, at + DAYS * DAY_MS + later)).accounts == goes


async def test_an_account_with_telegram_a_page_or_a_change_under_way_stays(store: Store) -> None:
    linked, paged, changing, gone = [await make_user(store) for _ in range(4)]
    await accounts.link_telegram(store, linked, TelegramAccount(5_000_000_001, "Ada", ""), now=NOON)
    await create_status_page(store, paged, StatusPageSettings("Jobs", "jobs"), now=NOON, most=1)
    chore = await chores.begin(store, changing.id, "change", now=NOON)
    assert (await seen_gone(store, LONG + 1)).named_accounts == [gone.id]
    await chores.end(store, chore)
    assert (await seen_gone(store, LONG + 1)).named_accounts == [changing.id]


async def test_an_account_whose_checks_do_not_all_go_stays(store: Store, empty: tuple[User, str]) -> None:
    user, _ = empty
    old, used = await make_check(store, user), await make_check(store, user)
    await without_deadline(store, user, old.id)
    await log_only(store, user, used.id, LONG)
    did = await seen_gone(store, LONG + 1)
    assert ([check.id for check in did.named_checks], did.accounts) == ([old.id], 0)


async def test_a_login_between_the_look_and_the_removal_keeps_the_account(
    store: Store, empty: tuple[User, str]
) -> None:
    user, _ = empty
    await logged_in(store, user, LONG)
    assert not await accounts.delete_deserted(store, user.id, now=LONG + 1, idle_since=NOON + 1)
    assert await user_by_id(store, user.id) is not None


async def test_channels_of_a_check_whose_removal_died_half_way_are_removed_by_the_next(
    store: Store, user: User
) -> None:
    check = await make_check(store, user)
    own = await make_channel(store, user, own_check=check.id)
    await without_deadline(store, user, check.id)
    await looked(store, LONG + 1)

    async def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with mock.patch.object(idle, "_delete_channel", dies), pytest.raises(KeyboardInterrupt):
        await clean(store, DAYS, LONG + 1)
    assert await store.redis.exists(keys.channel(user.partition, own.id))
    await clean(store, DAYS, LONG + 1)
    assert not await store.redis.exists(keys.channel(user.partition, own.id))
    assert await read_progress(store) is None


async def test_it_is_planned_an_interval_ahead_and_neither_at_each_start_nor_never(store: Store) -> None:
    await looked(store, LONG * 2)
    start = LONG * 2
    # As many starts as there may be.
    for later in (0, 1, HOUR, 23 * HOUR, 24 * HOUR - 1):
        assert await clean_if_due(store, DAYS, 24 * HOUR, start + later) is None
    did = await clean_if_due(store, DAYS, 24 * HOUR, start + 24 * HOUR)
    assert did is not None
    assert await clean_if_due(store, DAYS, 24 * HOUR, start + 24 * HOUR + 1) is None
    # A shorter interval counts at once.
    assert await clean_if_due(store, DAYS, HOUR, start + 25 * HOUR) is None
    assert await clean_if_due(store, DAYS, HOUR, start + 26 * HOUR) is not None


async def test_off_and_on_again_it_is_an_interval_away(store: Store) -> None:
    await clean_if_due(store, DAYS, HOUR, NOON)
    await cleanup.keep_none(store)
    assert await clean_if_due(store, DAYS, HOUR, LONG) is None
    assert await clean_if_due(store, DAYS, HOUR, LONG + HOUR) is not None


async def test_of_several_clocks_one_does_it_and_another_goes_on_where_that_died(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(150):
        await store.redis.incr(keys.sequence("user"))
    user = await make_user(store)
    await looked(store, LONG + HOUR)
    await clean_if_due(store, DAYS, HOUR, LONG)
    assert await hold_lease(store, "another")
    assert await clean_if_due(store, DAYS, HOUR, LONG + HOUR) is None
    with pytest.raises(CleanupBusy):
        await clean(store, DAYS, LONG + HOUR)
    await note_progress(store, Progress(100, checks=7, accounts=2))
    await store.redis.delete(keys.cleanup_lease())
    did = await clean_if_due(store, DAYS, HOUR, LONG + HOUR)
    assert did is not None
    assert (did.looked, did.checks, did.accounts) == (151, 7, 3)
    assert did.named_accounts == [user.id]
    assert "Cleanup: 7 checks and 3 accounts are removed that nobody used for 180 days." in caplog.text
    assert await store.redis.exists(keys.cleanup_lease()) == 0


async def test_only_so_many_are_named_and_all_are_counted(store: Store, user: User) -> None:
    for _ in range(cleanup.NAMED_MOST + 1):
        await without_deadline(store, user, (await make_check(store, user)).id)
    did = await seen_gone(store, LONG + 1)
    assert (did.checks, len(did.named_checks)) == (cleanup.NAMED_MOST + 1, cleanup.NAMED_MOST)
