"""`ttr admin` by hand: on the running embedded Redis and on one that it starts; what it asks, takes and refuses."""

import asyncio
import os
import pty
import signal
from contextlib import suppress

import pytest

from tests.starting import Started, start
from tests.up.house import House, stand_in
from ttr.domain.limits import ADMIN_PASSWORD_MAX, ADMIN_PASSWORD_MIN
from ttr.passwords import HASHER
from ttr.store.admin_families import family_lives, open_family
from ttr.store.admins import AdminRecord, read_admin
from ttr.store.redis import open_store
from ttr.up.datadir import redis_place
from ttr.up.probe import listens, url_of

PASSWORD = "correct horse battery staple"
NOW = 1_764_000_000_000


def ttr_admin(house: House, *arguments: str, piped: bytes = b"") -> tuple[int, str, str]:
    """Run the command with something on its stdin; its exit status and what it printed."""
    done = house.ttr("admin", *arguments, piped=piped)
    return done.returncode, done.stdout, done.stderr


def create(house: House, username: str, piped: bytes) -> tuple[int, str, str]:
    return ttr_admin(house, "create", f"--username={username}", "--password-stdin", piped=piped)


def kept(house: House, username: str) -> AdminRecord | None:
    """The admin in the running embedded Redis."""

    async def read() -> AdminRecord | None:
        async with open_store(url_of(redis_place(house.data).known())) as store:
            return await read_admin(store, username)

    return asyncio.run(read())


def opened(house: House, username: str) -> str:
    """A login of the admin."""

    async def open_one() -> str:
        async with open_store(url_of(redis_place(house.data).known())) as store:
            admin = await read_admin(store, username)
            assert admin is not None
            family, _ = await open_family(store, admin, now=NOW, seconds=600, address="")
            return family

    return asyncio.run(open_one())


def lives(house: House, username: str, family: str) -> bool:
    async def look() -> bool:
        async with open_store(url_of(redis_place(house.data).known())) as store:
            return await family_lives(store, username, family)

    return asyncio.run(look())


def test_a_life_of_an_admin_beside_a_running_ttr_up(house: House) -> None:
    house.up(stand_in("web", "web")).says("ttr is running at")
    assert ttr_admin(house, "list") == (
        0,
        "There is no admin yet. Make one with `ttr admin create --username ops`.\n",
        "",
    )

    status, said, wrong = create(house, "ops", f"{PASSWORD}\n".encode())
    assert (status, said, wrong) == (0, "ops is an admin now, and logs in at /admin.\n", "")
    admin = kept(house, "ops")
    assert admin is not None
    assert HASHER.verify(admin.password, PASSWORD), "the line break is not part of it"
    assert "$m=65536,t=3,p=4$" in admin.password

    status, said, wrong = create(house, "ops", b"another password of mine")
    assert (status, said) == (1, "")
    assert "There is an admin named ops." in wrong
    assert kept(house, "ops") == admin

    assert ttr_admin(house, "list")[1].startswith("ops  made 20")

    family = opened(house, "ops")
    assert lives(house, "ops", family)
    status, said, _ = ttr_admin(
        house, "password", "--username", "ops", "--password-stdin", piped=b"another password of mine\r\n"
    )
    assert (status, said.startswith("ops has a new password")) == (0, True)
    changed = kept(house, "ops")
    assert changed is not None
    assert HASHER.verify(changed.password, "another password of mine")
    assert not lives(house, "ops", family)

    family = opened(house, "ops")
    assert ttr_admin(house, "remove", "--username", "ops")[:2] == (
        0,
        "ops is no admin any more. There is none left.\n",
    )
    assert not lives(house, "ops", family)
    for action in (["remove"], ["password", "--password-stdin"]):
        status, _, wrong = ttr_admin(house, *action, "--username", "ops", piped=PASSWORD.encode())
        assert status == 1
        assert "There is no admin named 'ops'. `ttr admin list` shows who there is." in wrong


def test_by_itself_it_starts_the_redis_and_stops_it_again(house: House) -> None:
    run = house.up(stand_in("web", "web"))
    run.says("ttr is running at")
    assert run.stop() == 0
    assert create(house, "ops", PASSWORD.encode())[0] == 0
    path = redis_place(house.data).known()
    assert path is None or not listens(path)
    assert ttr_admin(house, "list")[1].startswith("ops  made")


def test_without_a_database_there_is_nothing_to_put_an_admin_in(house: House) -> None:
    status, _, wrong = create(house, "ops", PASSWORD.encode())
    assert status == 1
    assert "There is no database in" in wrong


@pytest.mark.parametrize(
    "username", ["", "Ops", "-ops", ".ops", "o ps", "o\nps", "\u00f6ps", "a" * 65, "ops\n", "../ops", "ops:1"]
)
def test_a_bad_name_is_refused_before_anything_is_opened(house: House, username: str) -> None:
    status, _, wrong = create(house, username, PASSWORD.encode())
    assert status == 1
    assert wrong.startswith("ttr admin: A name has 1 to 64 of a-z")


def test_passwords_at_and_beyond_their_limits(house: House) -> None:
    house.up(stand_in("web", "web")).says("ttr is running at")
    for piped, why in (
        (b"", "at least 12 characters"),
        (b"x" * (ADMIN_PASSWORD_MIN - 1) + b"\n", "at least 12 characters"),
        ("\u00e9".encode() * (ADMIN_PASSWORD_MAX + 1), "at most 1,024 characters"),
        (b"x" * 1_000_000, "at most 1,024 characters"),
        (b"\xff" * 20, "not text in UTF-8"),
    ):
        status, _, wrong = create(house, "ops", piped)
        assert status == 1
        assert why in wrong
        assert "Traceback" not in wrong
    assert kept(house, "ops") is None
    for username, piped in (
        ("least", b"x" * ADMIN_PASSWORD_MIN),
        ("most", "\U0001f600".encode() * ADMIN_PASSWORD_MAX),
        ("a" * 64, PASSWORD.encode()),
    ):
        assert create(house, username, piped)[0] == 0, username


def test_without_a_terminal_it_says_how_to_pipe(house: House) -> None:
    house.up(stand_in("web", "web")).says("ttr is running at")
    status, _, wrong = ttr_admin(house, "create", "--username", "ops", piped=PASSWORD.encode())
    assert status == 1
    assert "--password-stdin" in wrong
    assert kept(house, "ops") is None


def test_a_command_that_is_not_understood_ends_with_2(house: House) -> None:
    for arguments in ((), ("create",), ("make",), ("remove",), ("list", "--username", "ops")):
        assert ttr_admin(house, *arguments)[0] == 2, arguments


def asked_on(house: House, terminal: int) -> Started:
    """A command that asks on a terminal, which is closed here; it has no other one."""
    command = ["-m", "ttr", "admin", "create", "--username", "ops"]
    asking = start(
        command, env=house.env(), cwd=house.folder, stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    return asking


@pytest.mark.parametrize(("again", "status"), [(PASSWORD, 0), ("not the same at all", 1)])
def test_on_a_terminal_it_asks_twice_and_shows_nothing(house: House, again: str, status: int) -> None:
    house.up(stand_in("web", "web")).says("ttr is running at")
    terminal, other_end = pty.openpty()
    asking = asked_on(house, other_end)
    shown = b""
    for typed, after in ((PASSWORD, b"Password for ops: "), (again, b"Once more: ")):
        while after not in shown:
            shown += os.read(terminal, 1_000)
        os.write(terminal, typed.encode() + b"\n")
    try:
        while piece := os.read(terminal, 1_000):
            shown += piece
    except OSError:  # Linux: the other end is closed
        pass
    os.close(terminal)
    assert asking.wait(20) == status, shown
    assert PASSWORD.encode() not in shown
    assert (kept(house, "ops") is not None) == (status == 0)


@pytest.mark.parametrize("how", ["Ctrl-C", "Ctrl-D"])
def test_who_thinks_better_of_it_at_the_prompt_is_let_go(house: House, how: str) -> None:
    house.up(stand_in("web", "web")).says("ttr is running at")
    terminal, other_end = pty.openpty()
    asking = asked_on(house, other_end)
    shown = b""
    while b"Password for ops: " not in shown:
        shown += os.read(terminal, 1_000)
    if how == "Ctrl-C":
        asking.send_signal(signal.SIGINT)
    else:
        os.write(terminal, b"\x04")
    try:
        assert asking.wait(60) == 130
    finally:
        asking.kill()
        asking.wait()
    with suppress(OSError):  # Linux: the other end is closed
        while piece := os.read(terminal, 1_000):
            shown += piece
    os.close(terminal)
    assert b"Traceback" not in shown, shown
    assert kept(house, "ops") is None
