"""What an operator has open in an account ends with his login, whatever has been tidied up."""

import pytest

from tests.admins import make_admin
from tests.web.conftest import Visitor
from ttr.now import now_ms
from ttr.store import admin_families, keys
from ttr.store.admins import remove_admin, set_password
from ttr.store.redis import Store
from ttr.store.sessions import by_admin, open_session, session_user
from ttr.store.users import User


async def family_of(store: Store) -> str:
    """The newest login of ops."""
    found: bytes = await store.redis.lindex(keys.admin_families("ops"), 0)
    return found.decode()


@pytest.mark.parametrize("end", ["password", "removed"])
async def test_an_operator_s_session_ends_in_the_step_that_ends_his_login(
    operator: Visitor, store: Store, account: tuple[User, str], end: str
) -> None:
    """The command that changes an admin may die before it has tidied up."""
    user, _ = account
    session = await open_session(
        store, user, now_ms(), opened_by=by_admin("ops", await family_of(store)), address="", agent=""
    )
    found = await session_user(store, session)
    assert found is not None
    assert found.operator == "ops"
    if end == "password":
        assert await set_password(store, "ops", "another hash", now_ms())
    else:
        await remove_admin(store, "ops")
    assert await session_user(store, session) is None


async def test_an_operator_s_session_is_of_his_own_login(
    operator: Visitor, store: Store, account: tuple[User, str]
) -> None:
    user, _ = account
    await make_admin(store, "bob")
    session = await open_session(store, user, now_ms(), opened_by=by_admin("bob", await family_of(store)))
    assert await session_user(store, session) is None


async def test_a_login_that_meets_the_end_of_its_admin_opens_nothing(
    store: Store, account: tuple[User, str]
) -> None:
    read = await make_admin(store)
    assert await set_password(store, "ops", "another hash", now_ms())
    family, _ = await admin_families.open_family(store, read, now=now_ms(), seconds=60, address="")
    assert not await admin_families.family_lives(store, "ops", family)
    session = await open_session(store, account[0], now_ms(), opened_by=by_admin("ops", family))
    assert await session_user(store, session) is None
