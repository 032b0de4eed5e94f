"""An admin for tests, whose password takes no time.

A hash of the real cost takes 100 ms on four processors, and each login of an admin compares one: half of what the
tests of the admin pages took. What a hash costs is `tests/api/test_admin.py`'s business, by `real_cost`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from unittest import mock

from argon2 import PasswordHasher

from ttr import passwords
from ttr.store.admins import AdminRecord, create_admin
from ttr.store.redis import Store

PASSWORD = "correct horse battery staple"
MADE = 1_764_000_000_000


async def make_admin(store: Store, username: str = "ops") -> AdminRecord:
    """An admin whose password is PASSWORD."""
    admin = AdminRecord(username, _hash(), MADE, MADE)
    assert await create_admin(store, admin)
    return admin


def cheap_passwords() -> None:
    """From here on hashes of this process cost next to nothing, and so does nobody's."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    passwords.HASHER, passwords.NOBODYS = hasher, hasher.hash("that of nobody")


@contextmanager
def real_cost() -> Iterator[None]:
    """Hashes as they are made outside of tests."""
    with (
        mock.patch.object(passwords, "HASHER", _REAL),
        mock.patch.object(passwords, "NOBODYS", _REAL_NOBODYS),
    ):
        yield


_REAL, _REAL_NOBODYS = passwords.HASHER, passwords.NOBODYS


@cache
def _hash() -> str:
    return passwords.hash_password(PASSWORD)
