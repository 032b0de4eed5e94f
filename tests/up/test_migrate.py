"""`ttr migrate` and `ttr up` on data of an older version."""

import asyncio
import sys

from tests.store import form1
from tests.up.house import House, stand_in
from tests.up.test_rotate_keys import socket_of
from ttr.store import keys
from ttr.store.form import FORM, OPEN_TO, Form, read_form
from ttr.store.migrations import MIGRATIONS
from ttr.store.redis import open_store
from ttr.up.probe import url_of

WEB = stand_in("web", "web")
MIGRATING = f"release: {sys.executable} -m ttr migrate\n" + WEB
WHAT = "; ".join(one.what for one in MIGRATIONS)
KEY = {"ENCRYPTION_KEY": form1.MASTER_KEY}


def old_data(house: House) -> None:
    """Put data of form 1 into the Redis of a `ttr up` that runs."""

    async def put() -> None:
        async with open_store(url_of(socket_of(house))) as store:
            await store.redis.flushall()
            await form1.put(store)

    asyncio.run(put())


def form(house: House) -> Form | None:
    """In which form the data of a running one is."""

    async def read() -> Form | None:
        async with open_store(url_of(socket_of(house))) as store:
            return await read_form(store.redis)

    return asyncio.run(read())


def test_a_start_moves_older_data_and_the_next_one_finds_it_moved(house: House) -> None:
    run = house.up(MIGRATING, **KEY)
    run.says("ttr is running at")
    assert form(house) == Form(FORM, OPEN_TO)
    old_data(house)
    assert run.stop() == 0
    run = house.up(MIGRATING, **KEY)
    run.says("ttr is running at")
    assert f"Redis's data is in form {FORM}: {WHAT}." in run.output
    assert form(house) == Form(FORM, OPEN_TO)
    assert run.stop() == 0
    run = house.up(MIGRATING, **KEY)
    run.says("ttr is running at")
    assert f"Redis's data is in form {FORM} already." in run.output
    assert run.stop() == 0


def test_a_start_that_does_not_move_older_data_is_refused(house: House) -> None:
    run = house.up(WEB, **KEY)
    run.says("ttr is running at")
    old_data(house)
    assert run.stop() == 0
    run = house.up(WEB, **KEY)
    run.says(rf"in form 1, and this version of ttr needs form {FORM}\. Run `ttr migrate`")
    assert run.process.wait(10) == 1

    would = house.ttr("migrate", "--check", **KEY)
    assert would.returncode == 1
    assert f"Redis's data is in form 1, and would be brought to form {FORM}: {WHAT}." in would.stdout
    again = house.ttr("migrate", "--check", **KEY)
    assert again.stdout == would.stdout, "nothing was changed"
    moved = house.ttr("migrate", **KEY)
    assert (moved.returncode, moved.stdout.splitlines()) == (
        0,
        ["There is no Postgres here, and so no archive.", f"Redis's data is in form {FORM}: {WHAT}."],
    )
    assert f"Form {FORM}: 3 of 3 accounts" in moved.stderr
    already = house.ttr("migrate", "--check", **KEY)
    assert (already.returncode, already.stdout.splitlines()[-1]) == (
        0,
        f"Redis's data is in form {FORM} already.",
    )
    run = house.up(WEB, **KEY)
    run.says("ttr is running at")
    assert run.stop() == 0


def test_commands_refuse_older_and_newer_data(house: House) -> None:
    run = house.up(WEB, **KEY)
    run.says("ttr is running at")
    old_data(house)
    for command in (("admin", "list"), ("cleanup", "--dry-run"), ("worker",), ("clock",), ("web",)):
        refused = house.ttr(*command, **KEY)
        assert (refused.returncode, "Run `ttr migrate`" in refused.stderr) == (1, True), command
        assert "Traceback" not in refused.stderr
    house.redis().hset(keys.meta(), mapping={"form": FORM + 1, "open_to": FORM + 1})
    for command in (("admin", "list"), ("worker",), ("migrate",), ("doctor",)):
        refused = house.ttr(*command, **KEY)
        told = refused.stdout + refused.stderr
        assert (refused.returncode, "Run the newer ttr everywhere" in told) == (1, True), command
    assert run.stop() == 0


def test_an_archive_that_is_away_keeps_redis_s_data_from_nothing(house: House) -> None:
    run = house.up(MIGRATING, **KEY)
    run.says("ttr is running at")
    old_data(house)
    assert run.stop() == 0
    run = house.up(MIGRATING, **KEY, DATABASE_URL="postgresql://ttr@/ttr?host=/nowhere")
    run.says("ttr is running at")
    assert "The processes find the archive when it is there" in run.output
    assert form(house) == Form(FORM, OPEN_TO)
    assert run.stop() == 0
