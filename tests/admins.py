"""An admin for tests. One real hash serves them all, for each takes 100 ms."""

from functools import cache

from ttr.passwords import hash_password
from ttr.store.admins import AdminRecord, create_admin
from ttr.store.redis import Store

PASSWORD = "correct horse battery staple"
MADE = 1_764_000_000_000


async def make_admin(store: Store, username: str = "ops") -> AdminRecord:
    """An admin whose password is PASSWORD."""
    admin = AdminRecord(username, _hash(), MADE, MADE)
    assert await create_admin(store, admin)
    return admin


@cache
def _hash() -> str:
    return hash_password(PASSWORD)
