"""`ttr snapshot` and `ttr restore` by hand, on the embedded servers."""

import asyncio
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.processes import process
from tests.up.house import House, data_of, stand_in
from tests.up.test_rotate_keys import socket_of
from ttr.domain.liveness import KINDS, Kind
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.processes import say
from ttr.store.redis import Store, open_store, verify_master_key
from ttr.store.restoring import note_progress
from ttr.store.users import create_user
from ttr.up.probe import url_of
from ttr.up.refusal import Refusal
from ttr.up.restore import _refuse_running

KEY = Fernet.generate_key().decode()
PROCFILE = f"release: {sys.executable} -m ttr migrate\n" + stand_in("web", "web")
ON = {"EMBEDDED_POSTGRES": "on", "ENCRYPTION_KEY": KEY}


@pytest.fixture(scope="module")
def snapshotted() -> Iterator[Path]:
    """The data of one with two accounts in Redis and in Postgres."""
    with data_of(House, with_a_snapshot) as data:
        yield data


@pytest.fixture
def archived(house: House, snapshotted: Path) -> House:
    """Two accounts in Redis and in Postgres, and nothing that runs."""
    house.take(snapshotted)
    return house


def with_a_snapshot(house: House) -> None:
    """Make two accounts in Redis, and have them in Postgres as well."""
    run = house.up(PROCFILE, **ON)
    run.says("ttr is running at", within=60)

    async def make() -> None:
        async with open_store(url_of(socket_of(house))) as store:
            await verify_master_key(store, KEY)
            for _ in range(2):
                await create_user(store, now=1, master=KEY)

    asyncio.run(make())
    taken = house.ttr("snapshot", **ON)
    assert taken.returncode == 0, taken.stderr
    assert taken.stdout.startswith(
        "Everything was compared, 2 rows. Postgres has whatever was acknowledged before 20"
    )
    assert run.stop() == 0


def lose_redis(house: House) -> None:
    """The disk of Redis is gone; that of Postgres is not."""
    shutil.rmtree(house.data / "redis")


def names(house: House) -> set[bytes]:
    """The accounts that Redis has."""
    return {name for name in house.redis().scan_iter("ttr:{*}:user:*") if re.search(rb":user:\d+$", name)}


def test_a_lost_redis_stops_the_start_and_comes_back_by_a_restore(archived: House) -> None:
    lose_redis(archived)
    run = archived.up(PROCFILE, **ON)
    run.says(r"holds a snapshot of 2 accounts with 0 checks\. Run `ttr restore` to get them back")
    assert run.process.wait(10) == 1

    restored = archived.ttr("restore", **ON)
    assert restored.returncode == 0, restored.stderr
    assert restored.stdout.startswith("Restored 2 accounts with 0 checks, 2 records in all.")
    assert restored.stderr.splitlines()[-1] == "2 of 2 records"

    run = archived.up(PROCFILE, **ON)
    run.says("ttr is running at")
    assert len(names(archived)) == 2
    again = archived.ttr("snapshot", **ON)
    assert again.stdout.startswith("What had changed was read, 0 rows.")


def test_a_redis_with_accounts_is_replaced_only_by_force(archived: House) -> None:
    refused = archived.ttr("restore", **ON)
    assert refused.returncode == 1
    assert "ttr restore: This Redis is not empty: it has accounts." in refused.stderr
    forced = archived.ttr("restore", "--force", **ON)
    assert forced.returncode == 0, forced.stderr


def test_processes_that_run_keep_a_restore_out(archived: House) -> None:
    run = archived.up(PROCFILE, **ON)
    run.says("ttr is running at")
    archived.redis().set(keys.web_tick(), now_ms())
    refused = archived.ttr("restore", "--force", **ON)
    assert refused.returncode == 1
    assert "Processes of ttr run on this Redis. Stop them first" in refused.stderr
    assert len(names(archived)) == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_whoever_beats_keeps_a_restore_out_until_it_has_been_silent_for_a_while(
    store: Store, kind: Kind
) -> None:
    """A worker has no tick, and would go on writing what it counts."""
    await say(store, process(kind, beat_at=now_ms()))
    with pytest.raises(Refusal, match="Processes of ttr run on this Redis"):
        await _refuse_running(store)
    # One that was killed says nothing any more, and did not say goodbye.
    await say(store, process(kind, beat_at=now_ms() - 10_000))
    await _refuse_running(store)


def test_a_half_done_restore_is_finished_before_anything_starts(archived: House) -> None:
    run = archived.up(PROCFILE, **ON)
    run.says("ttr is running at")

    async def break_off() -> None:
        async with open_store(url_of(socket_of(archived))) as store:
            await note_progress(store, {"done": 1})

    asyncio.run(break_off())
    assert run.stop() == 0
    run = archived.up(PROCFILE, **ON)
    run.says(r"A restore of this Redis is half done\. Run `ttr restore` to finish it\.")
    assert run.process.wait(10) == 1
    finished = archived.ttr("restore", **ON)
    assert finished.returncode == 0, finished.stderr
    assert "Going on where the last restore was broken off." in finished.stderr


def test_another_encryption_key_is_refused_before_anything_is_written(archived: House) -> None:
    lose_redis(archived)
    refused = archived.ttr("restore", **ON | {"ENCRYPTION_KEY": Fernet.generate_key().decode()})
    assert refused.returncode == 1
    assert "ENCRYPTION_KEY is not the one that this archive was made with" in refused.stderr


def test_a_key_that_is_nowhere_is_asked_for_and_none_is_made(archived: House) -> None:
    lose_redis(archived)
    settings = {name: value for name, value in ON.items() if name != "ENCRYPTION_KEY"}
    refused = archived.ttr("restore", **settings)
    assert refused.returncode == 1
    assert "ENCRYPTION_KEY is not set, and" in refused.stderr
    assert not (archived.data / "secrets" / "encryption_key").exists()
    off = archived.ttr("snapshot", **ON | {"EMBEDDED_POSTGRES": "off"})
    assert off.returncode == 1
    assert "EMBEDDED_POSTGRES is off, and DATABASE_URL is not set" in off.stderr


def test_a_postgres_that_does_not_start_keeps_an_empty_redis_from_beginning_anew(archived: House) -> None:
    lose_redis(archived)
    (archived.data / "postgres" / "data" / "PG_VERSION").write_text("9\n")
    run = archived.up(PROCFILE, **ON)
    run.says(r"This Redis is empty, and the embedded Postgres, which may hold what was in it, is off: ")
    assert run.process.wait(10) == 1


def test_without_a_snapshot_there_is_nothing_to_restore(house: House) -> None:
    run = house.up(PROCFILE, **ON)
    run.says("ttr is running at")
    assert run.stop() == 0
    refused = house.ttr("restore", **ON)
    assert refused.returncode == 1
    assert "there is nothing to restore" in refused.stderr
