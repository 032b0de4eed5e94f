"""read_checks.lua: pages of an account's checks, by number."""

import pytest

from tests.lua.parts import dump, make_check, make_user
from ttr.store.checks import list_checks
from ttr.store.redis import Store
from ttr.store.users import User


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("size", [1, 3, 7, 50])
async def test_pages_give_every_check_once_and_in_order(
    store: Store, user: User, ascending: bool, size: int
) -> None:
    made = [(await make_check(store, user)).id for _ in range(12)]
    await make_check(store, await make_user(store))
    found: list[int] = []
    while True:
        page = await list_checks(
            store, user, size=size, beyond=found[-1] if found else None, ascending=ascending
        )
        assert page.total == 12
        assert len(page.checks) <= size
        if not page.checks:
            break
        found += [check.id for check in page.checks]
    assert found == (made if ascending else made[::-1])


async def test_an_account_without_checks_has_an_empty_page(store: Store, user: User) -> None:
    before = await dump(store)
    page = await list_checks(store, user, size=10)
    assert (page.version, page.total, page.checks) == (0, 0, [])
    assert await dump(store) == before
