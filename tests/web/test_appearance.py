"""Themes, light and dark, zones: chosen by people, rendered by the server."""

import pytest

from tests.web.conftest import Visitor
from ttr.domain.preferences import Preferences
from ttr.store.redis import Store
from ttr.store.users import User, user_by_id


async def test_a_scheme_is_kept_and_rendered(visitor: Visitor) -> None:
    assert 'data-theme="cyberpunk" data-scheme="dark"' in await visitor.read("/")
    response = await visitor.post("/appearance", scheme="light", back="/")
    assert response.status_code == 303
    assert 'data-scheme="light"' in await visitor.read("/")


async def test_an_unknown_scheme_changes_nothing(visitor: Visitor) -> None:
    await visitor.post("/appearance", scheme='"><script>', back="/")
    assert 'data-scheme="dark"' in await visitor.read("/")


@pytest.mark.parametrize(
    ("back", "path"),
    [
        ("/checks/7/settings", "/checks/7/settings"),
        ("/dashboard?older_than=5", "/dashboard?older_than=5"),
        (
            "/dashboard?q=nightly+%22a%22&tag=x%2Cy&status=down",
            "/dashboard?q=nightly+%22a%22&tag=x%2Cy&status=down",
        ),
        ("https://evil.example", "/"),
        ("/dashboard?q=//evil.example", "/"),
        ("/?" + "a" * 5_000, "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\r\nX: y", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
async def test_the_way_back_stays_on_this_site(visitor: Visitor, back: str, path: str) -> None:
    response = await visitor.post("/appearance", scheme="light", back=back)
    assert response.headers["Location"] == path


async def test_a_theme_follows_the_account_to_another_browser(
    owner: Visitor, visitor: Visitor, account: tuple[User, str]
) -> None:
    await owner.post("/appearance", theme="terminal", scheme="system", tz="Europe/Riga", back="/account")
    assert 'data-theme="terminal" data-scheme="system"' in await owner.read("/dashboard")
    await visitor.post("/login", auth_key=account[1])
    assert 'data-theme="terminal" data-scheme="system"' in await visitor.read("/dashboard")


async def test_what_is_chosen_is_one_of_those_offered(owner: Visitor, store: Store) -> None:
    await owner.post("/appearance", theme="arcade", tz="Asia/Tokyo", page_size="50")
    await owner.post("/appearance", theme="../x", scheme="pink", tz="Mars/Phobos", page_size="7")
    assert owner.user
    found = await user_by_id(store, owner.user.id)
    assert found
    assert found.preferences == Preferences("arcade", "dark", 50, "Asia/Tokyo")
