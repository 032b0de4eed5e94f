"""`ttr keys rotate` by hand: on the running embedded Redis, on one that it starts, and where there is none."""

import asyncio
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.up.house import House, stand_in, until
from ttr.cli import main
from ttr.store.redis import open_store, verify_master_key
from ttr.store.users import create_user
from ttr.up.datadir import redis_place
from ttr.up.locks import is_held
from ttr.up.probe import listens, url_of

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
BOTH = f"{NEW},{OLD}"


def socket_of(house: House) -> Path:
    path = redis_place(house.data).known()
    assert path is not None
    return path


def with_accounts(house: House, count: int, *masters: str) -> None:
    """Make accounts in the running embedded Redis, `count` under each key; the first is the database's own."""

    async def make() -> None:
        async with open_store(url_of(socket_of(house))) as store:
            await verify_master_key(store, masters[0])
            for master in masters:
                for _ in range(count):
                    await create_user(store, now=1, master=master)

    asyncio.run(make())


def test_it_works_beside_a_running_ttr_up_and_again_after_it(house: House) -> None:
    run = house.up(stand_in("web", "web"), ENCRYPTION_KEY=BOTH)
    run.says("ttr is running at")
    with_accounts(house, 3, OLD)
    first = house.ttr("keys", "rotate", ENCRYPTION_KEY=BOTH)
    assert (first.returncode, first.stderr.splitlines()) == (0, ["3 of 3 accounts looked at"])
    assert first.stdout.splitlines() == [
        "3 re-wrapped under the newest key, 0 already were, 0 unreadable.",
        "Every account is under the newest key; the older ones can be taken out of ENCRYPTION_KEY.",
    ]
    assert listens(socket_of(house)), "the Redis of others is left alone"
    assert run.stop() == 0

    # By itself it starts the Redis, and stops it again.
    again = house.ttr("keys", "rotate", "--data-dir", str(house.data), ENCRYPTION_KEY=BOTH)
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("0 re-wrapped under the newest key, 3 already were, 0 unreadable.")
    assert not listens(socket_of(house))
    assert not is_held(house.data / "redis" / "lock")
    assert not is_held(house.data / "lock")

    # With one key there is nothing to rotate to, and to say that all is well would be a trap.
    alone = house.ttr("keys", "rotate", ENCRYPTION_KEY=OLD)
    assert alone.returncode == 1
    assert "Only one ENCRYPTION_KEY is set here" in alone.stderr

    wrong = house.ttr("keys", "rotate", ENCRYPTION_KEY=f"{Fernet.generate_key().decode()},{OLD}")
    assert wrong.returncode == 1
    assert "ENCRYPTION_KEY is not the one that this database was made with." in wrong.stderr
    assert "Traceback" not in wrong.stderr
    until(lambda: not is_held(house.data / "redis" / "lock"))


def test_an_account_that_no_key_reads_is_an_error_and_named(house: House) -> None:
    run = house.up(stand_in("web", "web"), ENCRYPTION_KEY=OLD)
    run.says("ttr is running at")
    with_accounts(house, 1, OLD, Fernet.generate_key().decode())
    done = house.ttr("keys", "rotate", ENCRYPTION_KEY=BOTH)
    assert done.returncode == 1
    assert done.stdout.startswith("1 re-wrapped under the newest key, 0 already were, 1 unreadable.\n")
    assert "accounts 2. Add the key they were made with" in done.stdout
    assert OLD not in done.stdout + done.stderr
    assert NEW not in done.stdout + done.stderr
    assert run.stop() == 0


def test_a_malformed_key_is_refused_and_not_quoted(house: House) -> None:
    run = house.up(stand_in("web", "web"), ENCRYPTION_KEY=OLD)
    run.says("ttr is running at")
    refused = house.ttr("keys", "rotate", ENCRYPTION_KEY=f"{OLD},hush-hush")
    assert refused.returncode == 1
    assert refused.stderr.startswith("ttr keys: ENCRYPTION_KEY is not a Fernet key")
    assert "the second of its 2 keys" in refused.stderr
    assert "hush" not in refused.stderr
    assert run.stop() == 0


def test_where_there_is_no_database_none_is_made(house: House) -> None:
    refused = house.ttr("keys", "rotate")
    assert refused.returncode == 1
    assert refused.stderr == (
        f"ttr keys: There is no database in {house.data}. Name its folder with --data-dir, or set REDIS_URL.\n"
    )
    assert not house.data.exists()


def test_its_help_says_what_to_do_in_which_order(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["keys", "rotate", "--help"])
    assert ended.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "--data-dir DIR" in told
    assert told.index("restart all processes with both keys") < told.index("with the new key alone")
