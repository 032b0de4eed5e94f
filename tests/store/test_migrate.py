"""Moving all data forward: in order, once, two at once, broken off, and beside processes that go on working."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from tests.conftest import eventually
from tests.lua.parts import make_user
from ttr.domain.liveness import Process
from ttr.now import now_ms
from ttr.store import keys, walk
from ttr.store import migrate as subject
from ttr.store.errors import StoreUnavailable, StoreUnfit
from ttr.store.form import FORM, Form, read_form, set_form
from ttr.store.migrate import migrate
from ttr.store.migrations import MIGRATIONS, Migration
from ttr.store.processes import say, say_goodbye
from ttr.store.redis import Store
from ttr.store.scripts import Scripts
from ttr.store.walk import Walk

OLD = Form(FORM, 1)
ACCOUNTS = 7


@dataclass
class Trial:
    """A migration of this test's own, which writes down what it is given."""

    form: int
    open_to: int = 1
    pages: list[Sequence[int]] = field(default_factory=list)
    dies_at: int = 0
    """The account at whose page Redis goes away."""
    meanwhile: Callable[[], object] | None = None

    async def move(self, store: Store, walk: Walk) -> None:
        async for page in walk.accounts():
            if self.dies_at in page:
                raise StoreUnavailable("gone")
            self.pages.append(page)
            for user in page:
                await store.redis.hset(keys.user(keys.partition_of(user), user), f"moved{self.form}", "1")
            if self.meanwhile and (coming := self.meanwhile()):
                await coming  # type: ignore[misc]  # what it gives is awaited

    def migration(self) -> Migration:
        return Migration(self.form, self.open_to, f"a trial of {self.form}", self.move)

    @property
    def moved(self) -> list[int]:
        return [user for page in self.pages for user in page]


@pytest.fixture(autouse=True)
async def accounts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some accounts in pages of three."""
    monkeypatch.setattr(walk, "ACCOUNTS_A_PAGE", 3)
    for _ in range(ACCOUNTS):
        await make_user(store)


def beating_process(form: int) -> Process:
    """One that works on the data."""
    now = now_ms()
    return Process("other", "web", "host", 4711, "0.1.0", now, now, {}, {}, {}, form)


async def go(store: Store, *trials: Trial) -> tuple[list[int], list[str]]:
    """The forms that were reached, and what was said."""
    said: list[str] = []
    done = await migrate(store, say=said.append, migrations=[trial.migration() for trial in trials])
    return [one.form for one in done], said


def test_the_migrations_are_numbered_and_the_last_one_is_this_program_s() -> None:
    assert [one.form for one in MIGRATIONS] == list(range(2, FORM + 1))
    for one in MIGRATIONS:
        assert 1 <= one.open_to <= one.form
    assert [one.open_to for one in MIGRATIONS] == sorted(one.open_to for one in MIGRATIONS)


async def test_data_goes_through_each_migration_in_turn_and_only_once(store: Store) -> None:
    first, second = Trial(FORM + 1), Trial(FORM + 2)
    done, said = await go(store, first, second)
    assert done == [FORM + 1, FORM + 2]
    assert first.pages == second.pages == [range(1, 4), range(4, 7), range(7, 8)]
    assert await read_form(store.redis) == Form(FORM + 2, 1)
    assert said[0] == f"Form {FORM + 1}: a trial of {FORM + 1}."
    assert f"Form {FORM + 1}: 6 of 7 accounts" in said
    assert await store.redis.exists(keys.migrating()) == 0
    assert await store.redis.exists(keys.migrating_lease()) == 0
    assert await go(store, first, second) == ([], [])
    assert len(first.moved) == ACCOUNTS


async def test_an_empty_redis_is_left_empty(store: Store) -> None:
    await store.redis.flushall()
    assert await go(store, Trial(FORM + 1)) == ([], [])
    assert await store.redis.exists(keys.meta()) == 0


@pytest.mark.parametrize("forms", [(FORM + 3, FORM + 2), (FORM, FORM + 2)])
async def test_data_of_a_newer_form_is_refused(store: Store, forms: tuple[int, int]) -> None:
    await set_form(store.scripts, OLD, Form(*forms))
    trial = Trial(FORM + 1)
    with pytest.raises(StoreUnfit, match="Run the newer ttr everywhere"):
        await go(store, trial)
    assert trial.pages == []


async def test_data_of_a_newer_form_that_is_open_is_left_as_it_is(store: Store) -> None:
    await set_form(store.scripts, OLD, Form(FORM + 3, FORM + 1))
    assert await go(store, Trial(FORM + 1)) == ([], [])
    assert await read_form(store.redis) == Form(FORM + 3, FORM + 1)


async def test_what_was_broken_off_goes_on_behind_the_last_page_that_was_done(store: Store) -> None:
    with pytest.raises(StoreUnavailable):
        await go(store, Trial(FORM + 1, dies_at=5))
    assert await read_form(store.redis) == OLD
    again = Trial(FORM + 1)
    assert (await go(store, again))[0] == [FORM + 1]
    assert again.moved == [4, 5, 6, 7]


async def test_what_another_migration_had_done_is_not_taken_for_this_one_s(store: Store) -> None:
    await store.redis.hset(keys.migrating(), mapping={"form": FORM + 9, "beyond": 6})
    trial = Trial(FORM + 1)
    await go(store, trial)
    assert trial.moved == list(range(1, ACCOUNTS + 1))


async def test_accounts_that_are_made_meanwhile_are_moved_as_well(store: Store) -> None:
    trial = Trial(FORM + 1)
    made: list[int] = []

    async def make() -> None:
        made.append((await make_user(store)).id)

    trial.meanwhile = lambda: make() if len(made) < 2 else None
    await go(store, trial)
    assert set(made) == {8, 9} <= set(trial.moved)


async def test_two_at_once_do_it_once(store: Store) -> None:
    trial = Trial(FORM + 1)
    done = await asyncio.gather(go(store, trial), go(store, trial))
    assert sorted(forms for forms, _ in done) == [[], [FORM + 1]]
    assert trial.moved == list(range(1, ACCOUNTS + 1))
    assert "Another process is moving the data; waiting for its end." in done[0][1] + done[1][1]


async def test_one_that_was_away_for_too_long_moves_no_mark(store: Store) -> None:
    trial = Trial(FORM + 1)
    seen: list[int] = []

    async def lose_the_lease() -> None:
        seen.append(1)
        await store.redis.set(keys.migrating_lease(), "another", px=60)

    trial.meanwhile = lambda: lose_the_lease() if not seen else None
    assert (await go(store, trial))[0] == [FORM + 1]
    # It did the first page, was overtaken, and went on when the other was gone.
    assert trial.pages == [range(1, 4), range(1, 4), range(4, 7), range(7, 8)]


async def test_an_older_program_takes_nothing_back(store: Store) -> None:
    """It was stopped within a migration for as long as a newer one took to pass it."""
    trial = Trial(FORM + 1)

    async def overtake() -> None:
        await set_form(store.scripts, OLD, Form(FORM + 4, FORM + 1))

    trial.meanwhile = overtake
    assert (await go(store, trial))[0] == []
    assert await read_form(store.redis) == Form(FORM + 4, FORM + 1)


async def test_pages_of_keys_renew_the_lease_and_leave_nothing_to_go_on_from(store: Store) -> None:
    left: list[int] = []

    async def move(store: Store, walk: Walk) -> None:
        await store.redis.pexpire(keys.migrating_lease(), 5_000)
        async for _ in walk.keys("*"):
            left.append(await store.redis.pttl(keys.migrating_lease()))
            await store.redis.pexpire(keys.migrating_lease(), 5_000)
        assert await store.redis.exists(keys.migrating()) == 0

    migration = Migration(FORM + 1, 1, "a walk through keys", move)
    assert await migrate(store, say=lambda said: None, migrations=[migration]) == [migration]
    assert left
    assert min(left) > 5_000


async def test_a_mark_that_can_t_be_moved_ends_it_before_anything_is(store: Store) -> None:
    await store.redis.hset(keys.meta(), "form", f"0{FORM}")
    trial = Trial(FORM + 1)
    with pytest.raises(StoreUnfit, match=rf"reads as {FORM} and is not written so\. Nothing was changed"):
        await go(store, trial)
    assert trial.pages == []
    assert await store.redis.exists(keys.migrating_lease()) == 0
    await store.redis.hset(keys.meta(), "form", FORM)
    assert (await go(store, trial))[0] == [FORM + 1]


async def test_one_that_another_has_finished_for_goes_on_no_further(store: Store) -> None:
    """It stalled for longer than its lease: the other is through and gone, and the lease is free again."""
    trial = Trial(FORM + 1)

    async def overtake() -> None:
        await store.redis.delete(keys.migrating_lease())
        await store.redis.delete(keys.migrating())
        await set_form(store.scripts, OLD, Form(FORM + 4, FORM + 1))

    trial.meanwhile = overtake
    assert (await go(store, trial))[0] == []
    assert trial.pages == [range(1, 4)], "what it would write is of an older form by now"
    assert await store.redis.exists(keys.migrating()) == 0


async def test_one_that_stalled_while_nobody_came_goes_on_where_it_was(store: Store) -> None:
    trial = Trial(FORM + 1)
    trial.meanwhile = lambda: store.redis.delete(keys.migrating_lease())
    assert (await go(store, trial))[0] == [FORM + 1]
    assert trial.pages == [range(1, 4), range(4, 7), range(7, 8)]


async def test_one_that_is_killed_at_its_very_end_leaves_no_progress_to_a_later_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older data that is put there must be walked through from its first account, not from behind the last one."""
    really = subject.set_form

    async def killed(scripts: Scripts, before: Form | None, after: Form) -> bool:
        moved = await really(scripts, before, after)
        if after.number == FORM + 1:
            raise StoreUnavailable("killed")
        return moved

    with monkeypatch.context() as patch:
        patch.setattr(subject, "set_form", killed)
        with pytest.raises(StoreUnavailable):
            await go(store, Trial(FORM + 1))
    assert await read_form(store.redis) == Form(FORM + 1, 1)
    await store.redis.hset(keys.meta(), "form", FORM)
    again = Trial(FORM + 1)
    assert (await go(store, again))[0] == [FORM + 1]
    assert again.moved == list(range(1, ACCOUNTS + 1))


async def test_one_that_was_killed_while_it_waited_for_others_waits_again(store: Store) -> None:
    await set_form(store.scripts, OLD, Form(FORM, FORM + 1))  # as far as it had come
    await say(store, beating_process(FORM))
    trial, said = Trial(FORM + 1, open_to=FORM + 1), list[str]()
    moving = asyncio.create_task(migrate(store, say=said.append, migrations=[trial.migration()]))
    await eventually(lambda: told(said))
    assert said == ["Waiting for processes of an older ttr to stop: web host:4711."]
    assert trial.pages == []
    await say_goodbye(store, "other")
    assert [one.form for one in await moving] == [FORM + 1]


async def told(said: list[str]) -> bool:
    return bool(said)


async def test_processes_that_the_data_stays_open_to_are_not_waited_for(store: Store) -> None:
    await say(store, beating_process(FORM))
    assert (await go(store, Trial(FORM + 1, open_to=FORM)))[0] == [FORM + 1]


async def test_processes_that_are_kept_out_are_gone_before_anything_is_moved(store: Store) -> None:
    await say(store, beating_process(FORM))
    trial, said = Trial(FORM + 1, open_to=FORM + 1), list[str]()
    moving = asyncio.create_task(migrate(store, say=said.append, migrations=[trial.migration()]))
    while not said:
        await asyncio.sleep(0.01)
    assert said == ["Waiting for processes of an older ttr to stop: web host:4711."]
    assert trial.pages == []
    # They are told by this, and so is whoever starts now.
    assert await read_form(store.redis) == Form(FORM, FORM + 1)
    await say_goodbye(store, "other")
    assert [one.form for one in await moving] == [FORM + 1]
    assert await read_form(store.redis) == Form(FORM + 1, FORM + 1)


async def test_processes_that_never_stop_are_named_and_nothing_is_moved(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "_OTHERS_SECONDS", 0)
    await say(store, beating_process(FORM))
    trial = Trial(FORM + 1, open_to=FORM + 1)
    with pytest.raises(StoreUnfit, match=r"an older ttr don't stop: web host:4711\. Nothing was changed yet"):
        await go(store, trial)
    with pytest.raises(StoreUnfit, match="an older ttr don't stop"):
        await go(store, trial)  # they are kept out by now, and may still be there
    assert trial.pages == []
    await say_goodbye(store, "other")
    assert (await go(store, trial))[0] == [FORM + 1]


async def test_the_dead_are_not_waited_for(store: Store) -> None:
    dead = beating_process(FORM)
    await say(store, Process(**{**{name: getattr(dead, name) for name in dead.__slots__}, "beat_at": 1}))
    assert (await go(store, Trial(FORM + 1, open_to=FORM + 1)))[0] == [FORM + 1]
