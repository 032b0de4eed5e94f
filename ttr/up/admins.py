"""The command `ttr admin`: admins are made, listed, given another password and removed, where ttr runs."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from getpass import getpass

from ttr.domain.admin_input import admin_name_fault, password_fault
from ttr.domain.limits import ADMIN_PASSWORD_MAX
from ttr.domain.moments import iso
from ttr.now import now_ms
from ttr.passwords import hash_password
from ttr.settings import Settings
from ttr.store.admin_families import end_families
from ttr.store.admin_log import note
from ttr.store.admins import AdminRecord, create_admin, list_admins, read_admin, remove_admin, set_password
from ttr.store.redis import Store, open_store, verify_data, wait_until_ready
from ttr.up.borrowed import borrowed
from ttr.up.refusal import Refusal

_BYTES_MAX = 4 * ADMIN_PASSWORD_MAX + 2
"""As many as the longest password may have in UTF-8, and its line break."""


async def create(settings: Settings, username: str, password: str) -> int:
    """Make an admin; 0. Raises Refusal for a taken name, and as `borrowed` does."""
    async with _store(settings) as store:
        if await read_admin(store, username):
            raise Refusal(_taken(username))
        kept, now = hash_password(password), now_ms()
        if not await create_admin(store, AdminRecord(username, kept, now, now)):
            raise Refusal(_taken(username))
        await note(store, at=now, admin="", what="made an admin by command", about=username)
    print(f"{username} is an admin now, and logs in at /admin.")
    return 0


async def show(settings: Settings) -> int:
    """List the admins; 0. Raises Refusal as `borrowed` does."""
    async with _store(settings) as store:
        admins = await list_admins(store)
    if not admins:
        print("There is no admin yet. Make one with `ttr admin create --username ops`.")
        return 0
    width = max(len(admin.username) for admin in admins)
    for admin in admins:
        print(f"{admin.username:{width}}  made {iso(admin.created_at)}, password of {iso(admin.changed_at)}")
    return 0


async def change_password(settings: Settings, username: str, password: str) -> int:
    """Give an admin another password and end its logins; 0. Raises Refusal for a name that is none, and as `create`."""
    async with _store(settings) as store:
        if not await read_admin(store, username):
            raise Refusal(_unknown(username))
        kept, now = hash_password(password), now_ms()
        if not await set_password(store, username, kept, now):
            raise Refusal(_unknown(username))
        await end_families(store, username)
        await note(store, at=now, admin="", what="changed a password by command", about=username)
    print(f"{username} has a new password; whoever was logged in under this name is logged out.")
    return 0


async def remove(settings: Settings, username: str) -> int:
    """Remove an admin and end its logins; 0. Raises Refusal for a name that is none, and as `borrowed` does."""
    async with _store(settings) as store:
        if not await remove_admin(store, username):
            raise Refusal(_unknown(username))
        await end_families(store, username)
        await note(store, at=now_ms(), admin="", what="removed an admin by command", about=username)
        last = not await list_admins(store)
    print(f"{username} is no admin any more.{' There is none left.' if last else ''}")
    return 0


@asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[Store]:
    async with (
        borrowed(settings) as servers,
        open_store(await servers.redis(), cluster=settings.redis_cluster) as store,
    ):
        await wait_until_ready(store)
        await verify_data(store)
        yield store


def refuse_name(username: str) -> None:
    """Raise Refusal for a name that no admin can have."""
    if fault := admin_name_fault(username):
        raise Refusal(fault)


def ask(username: str, *, from_stdin: bool) -> str:
    """The password, from a pipe or typed twice. Raises Refusal; it quotes nothing.

    It is asked for before the event loop runs, which would take a first Ctrl-C for itself, and before any server is
    borrowed, which nobody else could start while somebody thinks.
    """
    if from_stdin:
        password = _piped()
    elif sys.stdin.isatty():
        password = getpass(f"Password for {username}: ")
        if not password_fault(password) and getpass("Once more: ") != password:
            raise Refusal("The two are not the same. Nothing was changed.")
    else:
        raise Refusal("There is no terminal to ask for a password: pipe it in and say --password-stdin.")
    if fault := password_fault(password):
        raise Refusal(fault)
    return password


def _piped() -> str:
    """The password as it is piped, without the line break at its end. Raises Refusal."""
    read = sys.stdin.buffer.read(_BYTES_MAX + 1)
    if len(read) > _BYTES_MAX:
        raise Refusal(f"A password has at most {ADMIN_PASSWORD_MAX:,} characters.")
    try:
        text = read.decode()
    except UnicodeDecodeError:
        raise Refusal("The password is not text in UTF-8.") from None
    return text.removesuffix("\n").removesuffix("\r")


def _taken(username: str) -> str:
    return (
        f"There is an admin named {username}. Choose another name, or give that one another password with "
        f"`ttr admin password --username {username}`."
    )


def _unknown(username: str) -> str:
    return f"There is no admin named {username!r}. `ttr admin list` shows who there is."
