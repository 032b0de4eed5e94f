"""Snapshots of other forms of the data: older ones are moved forward by a restore, newer ones refused."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.archive.rows import rows
from tests.lua.parts import make_check, make_user
from tests.store import form1
from ttr.archive import restore as restoring
from ttr.archive.database import Database
from ttr.archive.errors import ArchiveUnfit
from ttr.archive.restore import refuse_newer_form, restore
from ttr.archive.snapshot import snapshot
from ttr.store import keys, snapshots
from ttr.store import restoring as putting
from ttr.store.access_keys import user_by_key
from ttr.store.errors import StoreUnavailable
from ttr.store.form import FORM, OPEN_TO, Form, read_form, set_form
from ttr.store.redis import Store, verify_data

NOW = form1.NOON + 10_000_000


def nobody(done: int, of: int) -> None:
    """Hears of progress."""


async def archived(database: Database) -> Mapping[str, Any]:
    """The marks that the archive has."""
    async with database.connection() as connection:
        row = await (await connection.execute("select fields -> 'meta' from archive")).fetchone()
    assert row is not None
    return {name: row[0][name] for name in ("form", "open_to") if name in row[0]}


async def of_form_1(store: Store, database: Database) -> None:
    """An archive of data of form 1, and an empty Redis."""
    await store.redis.flushall()
    await form1.put(store)
    await snapshot(store, database)
    assert await archived(database) == {}
    await store.redis.flushall()


@pytest.mark.parametrize("now", [None, NOW])
async def test_an_older_snapshot_is_moved_forward(store: Store, database: Database, now: int | None) -> None:
    await of_form_1(store, database)
    await restore(store, database, now=now, progress=nobody)
    await verify_data(store)
    assert await read_form(store.redis) == Form(FORM, OPEN_TO)
    user = await user_by_key(store, form1.KEYS["named"])
    assert user is not None
    assert user.id == 1
    assert await store.redis.hexists(keys.user(1, 1), "seen_at")
    assert await store.redis.hexists(keys.check(1, 1), "edited_at")
    # What was moved goes into the archive with the next snapshot, and its mark with it.
    await snapshot(store, database)
    assert await archived(database) == {"form": str(FORM), "open_to": str(OPEN_TO)}
    assert len(await rows(database, "select id from users where fields ->> 'seen_at' <> ''")) == 2


async def test_one_that_breaks_off_while_it_is_moved_goes_on(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await of_form_1(store, database)

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(restoring, "migrate", away)
        with pytest.raises(StoreUnavailable):
            await restore(store, database, now=None, progress=nobody)
    assert await store.redis.exists(keys.restoring()), "nothing may start"
    await restore(store, database, now=None, progress=nobody)
    assert await read_form(store.redis) == Form(FORM, OPEN_TO)
    assert await user_by_key(store, form1.KEYS["named"]) is not None


async def test_a_mark_that_is_in_redis_already_does_not_stand_for_what_is_put_back(
    store: Store, database: Database
) -> None:
    """This version was started on the empty Redis once, or a process of it that nobody stopped has marked it."""
    await of_form_1(store, database)
    await verify_data(store)
    assert await read_form(store.redis) == Form(FORM, OPEN_TO)
    await restore(store, database, now=None, progress=nobody)
    assert await user_by_key(store, form1.KEYS["named"]) is not None
    assert await read_form(store.redis) == Form(FORM, OPEN_TO)


async def test_one_that_breaks_off_at_its_very_end_moves_it_again_and_changes_nothing(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await of_form_1(store, database)

    async def away(*_: object) -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(putting, "end_restore", away)
        with pytest.raises(StoreUnavailable):
            await restore(store, database, now=None, progress=nobody)
    before = await store.redis.hgetall(keys.user(1, 1))
    await restore(store, database, now=None, progress=nobody)
    assert await store.redis.hgetall(keys.user(1, 1)) == before
    assert await read_form(store.redis) == Form(FORM, OPEN_TO)
    assert await store.redis.exists(keys.restoring(), keys.migrating()) == 0


async def test_a_snapshot_says_the_form_that_it_began_in(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_user(store)
    really = snapshots.end

    async def moved_meanwhile(*arguments: Any) -> None:
        await set_form(store.scripts, Form(FORM, OPEN_TO), Form(FORM + 1, FORM))
        await really(*arguments)

    monkeypatch.setattr(snapshots, "end", moved_meanwhile)
    await snapshot(store, database)
    assert await archived(database) == {"form": str(FORM), "open_to": str(OPEN_TO)}
    await snapshot(store, database)
    assert await archived(database) == {"form": str(FORM + 1), "open_to": str(FORM)}


async def test_a_snapshot_that_leaves_a_record_as_it_was_keeps_the_form_that_this_has(
    store: Store, database: Database
) -> None:
    user = await make_user(store)
    check = await make_check(store, user)
    await snapshot(store, database)
    async with database.connection() as connection:
        await connection.execute(
            "alter table checks add constraint unwanted check (name <> 'unwanted') not valid"
        )
        await connection.commit()
    await store.redis.hset(keys.check(user.partition, check.id), "name", "unwanted")
    await store.redis.hset(keys.dirty(user.partition), f"check:{check.id}", 1)
    await set_form(store.scripts, Form(FORM, OPEN_TO), Form(FORM + 1, FORM))
    saved = await snapshot(store, database)
    assert saved is not None
    assert saved.left_out
    assert await archived(database) == {"form": str(FORM), "open_to": str(OPEN_TO)}


async def test_a_newer_snapshot_is_refused_before_anything_is_written(
    store: Store, database: Database
) -> None:
    await make_user(store)
    await set_form(store.scripts, Form(FORM, OPEN_TO), Form(FORM + 2, FORM + 1))
    await snapshot(store, database)
    await store.redis.flushall()
    with pytest.raises(
        ArchiveUnfit, match=f"in form {FORM + 2}, for versions of ttr that know form {FORM + 1}"
    ):
        await restore(store, database, now=None, progress=nobody)
    with pytest.raises(ArchiveUnfit):
        await refuse_newer_form(database)
    assert await store.redis.dbsize() == 0


async def test_a_newer_snapshot_that_is_open_to_this_version_comes_back_as_it_is(
    store: Store, database: Database
) -> None:
    await make_user(store)
    await set_form(store.scripts, Form(FORM, OPEN_TO), Form(FORM + 2, FORM))
    await snapshot(store, database)
    await store.redis.flushall()
    await restore(store, database, now=None, progress=nobody)
    assert await read_form(store.redis) == Form(FORM + 2, FORM)
