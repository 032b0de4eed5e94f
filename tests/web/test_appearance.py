"""Light and dark, rendered by the server."""

import pytest

from tests.web.conftest import Visitor


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
        ("/checks/7/edit", "/checks/7/edit"),
        ("/dashboard?older_than=5", "/dashboard?older_than=5"),
        ("https://evil.example", "/"),
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
