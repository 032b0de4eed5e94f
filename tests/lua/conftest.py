"""An account for each script test."""

import pytest

from tests.lua.parts import make_user
from tests.marked import every_change_is_marked  # noqa: F401  # an autouse fixture
from ttr.store.redis import Store
from ttr.store.users import User


@pytest.fixture
async def user(store: Store) -> User:
    """An account without checks."""
    return await make_user(store)
